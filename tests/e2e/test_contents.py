"""Content that is at a target already crosses no clouds again: the work of real stores, with the bytes read counted."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from rigs.three_clouds import SITES, ThreeClouds, three_clouds
from rigs.world import WatchedStore
from tradewind.ports import Change, Download, Message, Notification
from tradewind.replication.contents.known import PREFIX
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

MIB = 1024 * 1024
SHARD = 9 * MIB
"""Bytes; from 8 MiB on it pays to look."""


@dataclass(slots=True)
class MeteredStore(WatchedStore):
    """A store that counts the bytes that are read from it."""

    read: int = 0

    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> AbstractContextManager[Download]:
        """As the store behind it."""
        return self._metered(self.inner.get(key, token=token, start=start, length=length))

    @contextmanager
    def _metered(self, opened: AbstractContextManager[Download]) -> Iterator[Download]:
        with opened as download:
            yield replace(download, chunks=self._counted(download.chunks))

    def _counted(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self.read += len(chunk)
            yield chunk


@dataclass(slots=True)
class Fleet:
    """The sites as their functions work at them, with what they read from one of them."""

    clouds: ThreeClouds
    runtime: Runtime
    origin: str
    source: MeteredStore
    targets: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.targets = tuple(site for site in SITES if site != self.origin)

    def upload(self, key: str, body: bytes) -> list[Outcome]:
        """Write an object as a user of the origin, and return what came of it at the other sites."""
        self.clouds.users[self.origin].put(key, body)
        return self.announce(key, len(body))

    def announce(self, key: str, size: int) -> list[Outcome]:
        """Work off the notification of a key, and all that follows from it."""
        site = self.runtime.fleet.sites[self.origin]
        now = datetime.now(UTC)
        written = Notification(site.cloud, site.address, key, Change.WRITTEN, now, id="event", size=size)
        outcomes = list(self.runtime.replicator().replicate(written))
        for message in self.clouds.drain(self.origin, "notifications"):
            outcomes += self.runtime.deliver(self.origin, Message(message.body, attributes=message.attributes))
        return outcomes

    def sent(self) -> int:
        """Return the bytes that were read from the origin since the last time."""
        read, self.source.read = self.source.read, 0
        return read


@pytest.fixture(scope="module")
def clouds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeClouds]:
    """Three clouds."""
    with three_clouds(tmp_path_factory.mktemp("clouds")) as started:
        yield started


@pytest.fixture(params=SITES)
def fleet(request: pytest.FixtureRequest, clouds: ThreeClouds, tmp_path: Path) -> Iterator[Fleet]:
    """Each site in turn as the origin of a rule to the two others; large objects are as large as in a real fleet."""
    clouds.empty()
    origin = str(request.param)
    location = clouds.variant(tmp_path)
    document = yaml.safe_load(location.read_text())
    others = [site for site in SITES if site != origin]
    rule = {"name": "all", "mode": "one_way", "from": origin, "to": others, "classification": "public"}
    location.write_text(yaml.safe_dump(document | {"rules": [rule | {"conflict": "overwrite"}], "parts": {}}))
    runtime = read_fleet(str(location))
    source = MeteredStore(runtime.store(origin))
    runtime._opened["store", origin] = source
    yield Fleet(clouds, runtime, origin, source)
    runtime.executor.shutdown()


def shard(number: int, size: int = SHARD) -> bytes:
    """Return the bytes of a shard, which have no structure."""
    return random.Random(number).randbytes(size)  # noqa: S311 - content, no secret


def checkpoint(fleet: Fleet, folder: str, shards: list[bytes]) -> list[Outcome]:
    """Upload a checkpoint of several shards with their index, and return what came of it."""
    names = [f"model-{number:05}-of-{len(shards):05}.safetensors" for number in range(1, len(shards) + 1)]
    index = {"metadata": {}, "weight_map": {f"layer{at}": name for at, name in enumerate(names)}}
    outcomes: list[Outcome] = []
    for name, body in zip(names, shards, strict=True):
        outcomes += fleet.upload(f"{folder}/{name}", body)
    return outcomes + fleet.upload(f"{folder}/model.safetensors.index.json", json.dumps(index).encode())


@pytest.mark.parametrize("fleet", [AWS_SITE, GCP_SITE], indirect=True)
def test_a_checkpoint_with_one_new_shard_sends_little_more_than_that(fleet: Fleet) -> None:
    """Uploaded under a new prefix with 3 of 4 shards unchanged, it sends less than 30 % of its bytes across clouds."""
    shards = [shard(number) for number in range(4)]
    checkpoint(fleet, "step-100", shards)
    total = sum(map(len, shards))
    assert fleet.sent() >= total

    shards[2] = shard(7)
    outcomes = checkpoint(fleet, "step-200", shards)

    assert fleet.sent() < 0.3 * total
    assert [each.verdict for each in outcomes] == [Verdict.COPIED] * 10
    saved = sum(each.saving.size for each in outcomes if each.saving)
    assert saved == 2 * 3 * SHARD
    for name in fleet.clouds.users[fleet.origin].keys():  # noqa: SIM118 - not a dictionary
        fleet.clouds.assert_replicated(name, fleet.origin, *fleet.targets)


@pytest.mark.parametrize("fleet", [AWS_SITE, GCP_SITE], indirect=True)
def test_an_alias_a_rename_and_a_promotion_send_nothing(fleet: Fleet) -> None:
    """`latest` moves, a key is renamed, a model goes from staging to production: no byte of it crosses clouds."""
    first, second = shard(1), shard(2)
    fleet.upload("models/1/model.bin", first)
    fleet.upload("models/2/model.bin", second)
    fleet.upload("models/latest/model.bin", first)
    fleet.sent()

    outcomes = fleet.upload("models/latest/model.bin", second)
    outcomes += fleet.upload("models/renamed.bin", first)
    outcomes += fleet.upload("production/model.bin", second)

    assert fleet.sent() == 0
    assert all(each.saving for each in outcomes)
    for key in ("models/latest/model.bin", "models/renamed.bin", "production/model.bin"):
        fleet.clouds.assert_replicated(key, fleet.origin, *fleet.targets)


def test_a_wrong_record_never_leads_to_wrong_bytes(fleet: Fleet) -> None:
    """Records that are exchanged, that name a user's object or nothing: what arrives is what was uploaded."""
    bodies = {f"models/{number}.bin": shard(number) for number in range(3)}
    for key, body in bodies.items():
        fleet.upload(key, body)
    for target in fleet.targets:
        fleet.clouds.users[target].put("a user's", bodies["models/0.bin"])
        records = fleet.runtime.records(target)
        wrong = ["models/0.bin", "a user's", "nothing"]
        for listed, key in zip(list(records.list(PREFIX)), wrong, strict=True):
            records.write(listed.key, {"v": 1, "keys": [key]}, expect=listed.token)

    for key, body in bodies.items():
        fleet.upload(f"copies/{key}", body)
        fleet.clouds.assert_replicated(f"copies/{key}", fleet.origin, *fleet.targets)


@pytest.mark.parametrize("fleet", [AWS_SITE, GCP_SITE], indirect=True)
def test_a_large_object_that_is_there_is_not_cut(fleet: Fleet) -> None:
    """What arrived in parts is found under its next key, before a part of it is asked for."""
    body = shard(3, 66 * MIB)
    first = fleet.upload("models/large.bin", body)
    assert Verdict.STARTED in {each.verdict for each in first}
    fleet.clouds.assert_replicated("models/large.bin", fleet.origin, *fleet.targets)
    fleet.sent()

    outcomes = fleet.upload("models/latest.bin", body)

    assert [each.verdict for each in outcomes] == [Verdict.COPIED] * 2
    assert fleet.sent() == 0
    fleet.clouds.assert_replicated("models/latest.bin", fleet.origin, *fleet.targets)


@pytest.mark.parametrize(("size", "times"), [(SHARD, 1), (66 * MIB, 2)])
@pytest.mark.parametrize("fleet", [AZURE_SITE], indirect=True)
def test_what_its_store_does_not_vouch_for_is_sent(fleet: Fleet, size: int, times: int) -> None:
    """Azure keeps the MD5 that a client gives it, or none, so nothing is guessed; parts are read for each target."""
    body = shard(5, size)
    fleet.upload("models/large.bin", body)
    fleet.sent()

    outcomes = fleet.upload("models/latest.bin", body)

    assert [each for each in outcomes if each.saving] == []
    assert fleet.sent() == times * len(body)


@pytest.mark.parametrize("fleet", [AWS_SITE], indirect=True)
def test_files_uploaded_in_parts_are_known_again(clouds: ThreeClouds, fleet: Fleet) -> None:
    """As boto3 writes a large file, S3 shows no checksum of all its bytes; its ETag tells them all the same."""
    body = shard(4, 12 * MIB)
    for key in ("runs/1/model.bin", "runs/2/model.bin"):
        fleet.sent()
        clouds.s3.put_in_parts(key, body, part_size=5 * MIB)
        outcomes = fleet.announce(key, len(body))
        clouds.assert_replicated(key, AWS_SITE, *fleet.targets)

    assert fleet.sent() == 0
    assert {each.route.target for each in outcomes if each.saving} == set(fleet.targets)
