"""Three clouds on this machine, with the sandbox's buckets, queues and fleet file, and nothing that runs by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import google_crc32c
import yaml

from rigs.users import AzureUser, GcsUser, S3User, User
from tradewind.clouds.gcp.queue import PubSubQueue
from tradewind.ports import REASON, Message
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox import fleet_file
from tradewind_sandbox.addresses import Endpoints, Ports, endpoints
from tradewind_sandbox.emulators import GCP_PROJECT, azure_parts, gcs_part, pubsub_part, running, s3_part
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, BUCKETS, DEAD_LETTERS, GCP_SITE, NOTIFICATIONS
from tradewind_sandbox.prepare import prepare_buckets

SITES = (AWS_SITE, GCP_SITE, AZURE_SITE)
AWKWARD_NAME = {AWS_SITE: "run-id", GCP_SITE: "run id", AZURE_SITE: "run_id"}
"""A name of metadata that the site's cloud takes, and the others may not."""
PAID = 0.0008
"""Dollars a month for what is under `paid/`: between 6 and 10 MiB, by the prices of the three clouds."""
PACKED = {AWS_SITE: "gzip", GCP_SITE: "zstd", AZURE_SITE: "gzip"}
"""How what comes from a site by its rule `packed-SITE` is stored at the others."""
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""


@dataclass(frozen=True, slots=True)
class ThreeClouds:
    """What the tests know of the rig."""

    fleet: Path
    runtime: Runtime
    """A process of its own, as an operator's, to look into queues."""
    s3: S3User
    gcs: GcsUser
    azure: AzureUser

    @property
    def users(self) -> Mapping[str, User]:
        """Return somebody who uses each site."""
        return {AWS_SITE: self.s3, GCP_SITE: self.gcs, AZURE_SITE: self.azure}

    def empty(self) -> None:
        """Remove every object, every message and every record."""
        for user in self.users.values():
            for key in user.keys():  # noqa: SIM118 - not a dictionary
                user.delete(key)
        for site in SITES:
            for which in ("notifications", "dead_letters"):
                self.drain(site, which)
            records = self.runtime.records(site)
            for record in list(records.list("")):
                records.delete(record.key, expect=record.token)

    def upload(self, site: str, key: str, body: bytes = b"weights") -> None:
        """Write an object with metadata that not every cloud can spell."""
        self.users[site].put(key, body, {"author": "Zo\u00eb", AWKWARD_NAME[site]: "42"})

    def assert_replicated(self, key: str, origin: str, *targets: str) -> None:
        """Assert that targets hold what the origin holds: bytes, metadata, and where it came from."""
        source = self.users[origin].look(key)
        assert source is not None
        for target in targets:
            replica = self.users[target].look(key)
            assert replica is not None, f"{key!r} is not at {target}"
            assert replica.body == source.body
            assert replica.content_type == source.content_type
            provenance = json.loads(replica.metadata["tradewind"])
            expected = {**source.metadata, "tradewind": replica.metadata["tradewind"]}
            assert replica.metadata == expected, f"{target} has the metadata {replica.metadata}, not {expected}"
            assert provenance["origin"] == origin
            assert provenance["size"] == len(source.body)
            assert provenance["crc32c"] == f"{google_crc32c.value(source.body):08x}"

    def reasons(self, site: str) -> list[str]:
        """Take a site's dead letters, and return the reason of each."""
        return [message.attributes[REASON] for message in self.drain(site)]

    def drain(self, site: str, which: str = "dead_letters") -> list[Message]:
        """Take every message out of a queue and return them."""
        queue = self.runtime.queue(site, which)
        taken: list[Message] = []
        while found := queue.receive():
            taken += found
            for message in found:
                queue.acknowledge(message)
        return taken

    def variant(self, folder: Path, **changes: object) -> Path:
        """Write a copy of the fleet file in which some fields differ, and return where it is.

        Args:
            folder: Where to write it, with the credentials beside it.
            changes: New values; `aws_use1__endpoint` is the field `endpoint` of the site `aws-use1`.
        """
        document = yaml.safe_load(self.fleet.read_text())
        for name, value in changes.items():
            site, *path = name.split("__")
            place = document["sites"][site.replace("_", "-")]
            for step in path[:-1]:
                place = place[step]
            place[path[-1]] = value
        for secret in (self.fleet.parent / "credentials").iterdir():
            (folder / "credentials").mkdir(exist_ok=True)
            (folder / "credentials" / secret.name).write_text(secret.read_text())
        path_ = folder / "tradewind.yaml"
        path_.write_text(yaml.safe_dump(document))
        return path_


@contextmanager
def three_clouds(state: Path) -> Iterator[ThreeClouds]:
    """Run the storage and queue services, empty, for as long as the block lasts."""
    ports = Ports.choose()
    known = endpoints(ports, state / "tradewind.yaml")
    parts = [
        s3_part(state, ports.s3),
        *azure_parts(state, ports.azure_blob, ports.azure_queue),
        gcs_part(ports.gcs),
        pubsub_part(state, ports.pubsub),
    ]
    with running(parts, state):
        prepare_buckets(ports)
        fleet_file.write(known, ports)
        _add_rules(known.fleet)
        runtime = read_fleet(str(known.fleet))
        rig = _rig(known, runtime)
        _announce_nothing(rig)
        _create_topics(runtime)
        yield rig


def _rig(known: Endpoints, runtime: Runtime) -> ThreeClouds:
    aws, gcp, azure = (known.sites[site] for site in SITES)
    return ThreeClouds(
        fleet=known.fleet,
        runtime=runtime,
        s3=S3User(aws["endpoint_url"], BUCKETS[AWS_SITE]),
        gcs=GcsUser(gcp["endpoint_url"], BUCKETS[GCP_SITE]),
        azure=AzureUser(azure["blob_endpoint"], BUCKETS[AZURE_SITE], azure["account_key"]),
    )


def _add_rules(path: Path) -> None:
    """Add rules for what the sandbox's own leave out: a leading slash, restrictions at every site, other modes."""
    document = yaml.safe_load(path.read_text())
    shared = {"mode": "active_active", "sites": list(SITES), "prefix": "/", "classification": "public"}
    document["rules"].append({"name": "rooted", **shared})
    for site in SITES:
        others = [other for other in SITES if other != site]
        rule = {"mode": "one_way", "from": site, "to": others, "prefix": f"eu-{site}/", "classification": "eu-only"}
        document["rules"].append({"name": f"eu-{site}", **rule})
        modes: dict[str, dict[str, str]] = {
            "buffered": {"mode": "buffered"},
            "packed": {"mode": "batch", "compress": PACKED[site]},
        }
        for name, delivery in modes.items():
            other = {"name": f"{name}-{site}", "prefix": f"{name}/{site}/", "classification": "public"}
            document["rules"].append({**rule, **other, "delivery": delivery})
        paid = {"name": f"paid-{site}", "to": others[:1], "prefix": f"paid/{site}/", "classification": "public"}
        document["rules"].append({**rule, **paid, "budget": {"usd_per_month": PAID}})
    path.write_text(yaml.safe_dump(document, sort_keys=False))


def _announce_nothing(rig: ThreeClouds) -> None:
    # The tests announce themselves; the queue is for what is redriven.
    rig.s3._client.put_bucket_notification_configuration(Bucket=rig.s3.bucket, NotificationConfiguration={})


def _create_topics(runtime: Runtime) -> None:
    """Create Pub/Sub's topics with subscriptions that are pulled, so that nothing is pushed to anybody."""
    queue = runtime.queue(GCP_SITE, "notifications")
    assert isinstance(queue, PubSubQueue)
    for name in (NOTIFICATIONS, DEAD_LETTERS):
        topic = f"projects/{GCP_PROJECT}/topics/{name}"
        queue._publisher.create_topic(name=topic)
        queue._subscriber.create_subscription(name=f"projects/{GCP_PROJECT}/subscriptions/{name}", topic=topic)
