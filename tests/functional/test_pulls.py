"""Large objects that Azure reads from S3 by itself, from the notification to the replica, over real stores."""

from __future__ import annotations

import random
import uuid
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from rigs.azure_front import Asked, Front, Refusal, azure_front
from rigs.three_clouds import ThreeClouds
from tradewind.checksums import crc64nvme
from tradewind.errors import TradewindError
from tradewind.replication import requests
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.provenance import provenance_of
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE

PART = 5 * 1024 * 1024
KEY = "models/pulled weights+1.bin"
PARTS = 3


def content(seed: int) -> bytes:
    """Return bytes that do not end with a part."""
    return random.Random(seed).randbytes((PARTS - 1) * PART + 12_345)  # noqa: S311 - content, no secret


@dataclass(frozen=True, slots=True)
class Here:
    """A fleet whose Azure site reads by itself, and whose S3 bucket keeps versions."""

    clouds: ThreeClouds
    runtime: Runtime
    front: Front
    bucket: str

    def put(self, body: bytes, *, checksum: bool = True) -> None:
        """Write as a user of whose object S3 keeps a CRC64NVME, or nothing that it computed itself."""
        kept = {"ChecksumCRC64NVME": b64encode(crc64nvme(body).to_bytes(8)).decode()} if checksum else {}
        algorithm = {"ChecksumAlgorithm": "CRC64NVME"} if checksum else {}
        client = self.clouds.s3._client
        client.put_object(Bucket=self.bucket, Key=KEY, Body=body, ContentType="application/x", **kept, **algorithm)

    def begin(self) -> Sequence[Outcome]:
        """Have somebody ask for the key."""
        [message] = requests.encode(AWS_SITE, [KEY], why="test")
        self.runtime.queue(AWS_SITE, "notifications").send(message)
        [received] = self.runtime.queue(AWS_SITE, "notifications").receive()
        outcomes = self.runtime.deliver(AWS_SITE, received)
        self.runtime.queue(AWS_SITE, "notifications").acknowledge(received)
        return outcomes

    def work_off(self) -> list[Outcome]:
        """Work off the queue as a platform does."""
        queue = self.runtime.queue(AWS_SITE, "notifications")
        waiting, outcomes = list(queue.receive()), list[Outcome]()
        for _ in range(100):
            if not waiting:
                break
            message = waiting.pop(0)
            try:
                outcomes += self.runtime.deliver(AWS_SITE, message)
            except TradewindError:
                waiting.append(message)  # its time in the queue is over at once
                continue
            queue.acknowledge(message)
            waiting += queue.receive()
        return outcomes

    def replicate(self) -> list[Outcome]:
        """Bring the key to Azure, and return what came of it."""
        return [*self.begin(), *self.work_off()]

    def require_replica(self, body: bytes) -> None:
        """Require that Azure has it, that it is believed, and that nothing is left of the work."""
        replica = self.clouds.azure.look(KEY)
        assert replica is not None
        assert replica.body == body
        assert replica.content_type == "application/x"
        state = self.runtime.store(AZURE_SITE).head(KEY)
        assert state is not None
        claim = provenance_of(state)
        assert claim is not None
        assert (claim.origin, claim.crc64nvme) == (AWS_SITE, crc64nvme(body))
        assert not list(self.runtime.records(AZURE_SITE).list("uploads/"))


@pytest.fixture(scope="module")
def front(rig: ThreeClouds) -> Iterator[Front]:
    """Blob Storage that reads by itself."""
    backend = yaml.safe_load(rig.fleet.read_text())["sites"][AZURE_SITE]["endpoint"]
    with azure_front(backend) as started:
        yield started


@pytest.fixture
def here(clouds: ThreeClouds, front: Front, tmp_path: Path) -> Iterator[Here]:
    """The fleet."""
    front.reset()
    bucket = f"versioned-{uuid.uuid4().hex[:8]}"
    client = clouds.s3._client
    client.create_bucket(Bucket=bucket)
    client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    fleet = clouds.variant(tmp_path, aws_use1__bucket=bucket, azure_weu__endpoint=front.endpoint, azure_weu__pull=True)
    document = yaml.safe_load(fleet.read_text())
    rule = {"name": "pulled", "mode": "one_way", "from": AWS_SITE, "to": [AZURE_SITE], "classification": "public"}
    fleet.write_text(yaml.safe_dump(document | {"rules": [rule], "parts": {"above_mebibytes": 5, "mebibytes": 5}}))
    runtime = read_fleet(str(fleet))
    yield Here(clouds, runtime, front, bucket)
    runtime.executor.shutdown()


def test_azure_reads_a_large_object_by_itself(here: Here) -> None:
    """No byte of it is sent by a function; the parts that Azure has read are proven together and joined."""
    body = content(1)
    here.put(body)

    outcomes = here.replicate()

    [copied] = [outcome for outcome in outcomes if outcome.verdict is Verdict.COPIED]
    assert (copied.proof, copied.reason) == ("crc64nvme", "written in 3 parts, which its cloud read by itself")
    here.require_replica(body)
    assert here.front.sent == PARTS  # the notes, of one byte each
    assert len(here.front.asked) == PARTS
    assert all("versionId=" in asked.url and "X-Amz-Expires=300" in asked.url for asked in here.front.asked)


@pytest.mark.parametrize("deep", [False, True])
def test_what_azure_has_read_is_found_in_sync(here: Here, *, deep: bool) -> None:
    """Whoever looks again copies nothing, and a comparison of the sites finds no difference, by every byte, too."""
    here.put(content(13))
    here.replicate()
    here.front.asked.clear()

    [outcome] = here.begin()
    report = here.runtime.verify("pulled", deep=deep)

    assert outcome.verdict is Verdict.IN_SYNC
    assert not here.front.asked
    assert report.differences == []
    assert (report.replicas, report.unproven) == (1, 0)


def test_a_bucket_without_versions_is_streamed(here: Here) -> None:
    """Its objects may be written over in place, so no address names these bytes."""
    versions = {"Status": "Suspended"}
    here.clouds.s3._client.put_bucket_versioning(Bucket=here.bucket, VersioningConfiguration=versions)
    body = content(2)
    here.put(body)

    here.replicate()

    here.require_replica(body)
    assert not here.front.asked
    assert here.front.sent == len(body)


def test_an_object_without_the_proof_is_streamed(here: Here) -> None:
    """S3 keeps no CRC64NVME of it, so what Azure has read could be compared with nothing."""
    body = content(3)
    here.put(body, checksum=False)

    here.replicate()

    replica = here.clouds.azure.look(KEY)
    assert replica is not None
    assert replica.body == body
    assert not here.front.asked


@pytest.mark.parametrize(
    "refusal",
    [
        Refusal(403, "CannotVerifyCopySource", 403),
        Refusal(404, "CannotVerifyCopySource"),
        Refusal(409, "CannotVerifyCopySource"),
        Refusal(500, "CannotVerifyCopySource"),
    ],
    ids=lambda refusal: str(refusal.status),
)
def test_what_azure_cannot_read_is_streamed(refusal: Refusal, here: Here) -> None:
    """After one answer that says so, for this object; the next one is tried again."""
    body = content(4)
    here.put(body)
    here.front.refuse = lambda _: refusal

    here.replicate()

    here.require_replica(body)
    attempts = 2 if refusal.status == 500 else 1  # the HTTP client repeats what a server failed at
    assert len(here.front.asked) == attempts
    assert here.front.sent == len(body)


def test_what_azure_has_read_already_stays(here: Here) -> None:
    """A source that is refused in the middle is streamed from there on, and the blob is made of both."""
    body = content(5)
    here.put(body)
    answers = iter([None, Refusal(403, "CannotVerifyCopySource", 403)])
    here.front.refuse = lambda _: next(answers)

    here.replicate()

    here.require_replica(body)
    assert len(here.front.asked) == 2
    assert 1 < here.front.sent < len(body)


def test_an_address_that_has_expired_is_streamed(here: Here) -> None:
    """As where the clocks differ by more than the minutes for which it is good."""
    now = here.front.clock
    here.front.clock = lambda: now() + timedelta(minutes=6)
    body = content(6)
    here.put(body)

    here.replicate()

    here.require_replica(body)
    assert here.front.sent == len(body)


def test_throttling_is_waited_for(here: Here) -> None:
    """An overloaded account answers 503: the task comes back, and no byte is streamed."""
    body = content(7)
    here.put(body)
    busy = iter([Refusal(503, "ServerBusy")] * 4)
    here.front.refuse = lambda _: next(busy, None)

    here.replicate()

    here.require_replica(body)
    assert here.front.sent == PARTS
    assert len(here.front.asked) == PARTS + 4


def test_other_bytes_than_the_source_keeps_never_appear(here: Here) -> None:
    """What Azure says it has read is compared before the blocks are joined; then functions send all of it."""
    body = content(8)
    here.put(body)
    here.front.checksum = lambda found: crc64nvme(found) ^ 1

    outcomes = here.replicate()

    here.require_replica(body)
    assert here.front.sent == PARTS + len(body)
    [copied] = [outcome for outcome in outcomes if outcome.verdict is Verdict.COPIED]
    assert copied.reason == "written in 3 parts"


def test_a_source_that_is_replaced_on_the_way_ends_as_the_new_one(here: Here) -> None:
    """Each address names the version that was seen, so the blob is never a mixture."""
    old, new = content(9), content(10)
    here.put(old)

    def replace_it(_: Asked) -> None:
        here.front.refuse = lambda _: None
        here.put(new)

    here.front.refuse = replace_it
    here.replicate()
    here.replicate()

    here.require_replica(new)
    versions = [asked.url.partition("versionId=")[2] for asked in here.front.asked]
    assert len(set(versions)) == 2


def test_a_version_that_is_removed_on_the_way_is_given_up(here: Here) -> None:
    """Azure and the function are both told that it is gone, and the present one is copied."""
    old, new = content(11), content(12)
    here.put(old)

    def remove_it(_: Asked) -> None:
        here.front.refuse = lambda _: None
        client = here.clouds.s3._client
        version = client.head_object(Bucket=here.bucket, Key=KEY)["VersionId"]
        here.put(new)
        client.delete_object(Bucket=here.bucket, Key=KEY, VersionId=version)

    here.front.refuse = remove_it
    here.replicate()

    here.require_replica(new)
