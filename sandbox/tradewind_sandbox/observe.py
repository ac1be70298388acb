"""What a test or the demo wants to know of a running sandbox: is there work left, and what was written how often?"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

from tradewind_sandbox.addresses import Ports, connection_string
from tradewind_sandbox.emulators import AWS_ACCOUNT, AWS_REGION, GCP_PROJECT, S3Emulator
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.event_grid import announced, change
from tradewind_sandbox.journal import Entry, read
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, BUCKETS, GCP_SITE, NOTIFICATIONS, WITNESS
from tradewind_sandbox.ports import HOST

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient
    from mypy_boto3_sqs.client import SQSClient

_BETWEEN = 0.3
"""Seconds between two looks. Cloud Storage announces a write a moment after it has answered it."""
_LOOKS = 3
"""So many looks in a row must find nothing."""


class Observer:
    """Looks at a sandbox from outside, and changes nothing.

    Args:
        state: The sandbox's state folder.
        ports: Where it listens.
    """

    def __init__(self, state: Path, ports: Ports) -> None:
        self._ports = ports
        self._s3_journal = state / "data" / "s3.journal"
        self._blob_journal = state / "data" / "azure-blob.journal"
        self._messages = state / "data" / "pubsub" / "messages.sqlite"

    def backlog(self) -> Mapping[str, int]:
        """Return how many notifications of each site are not worked off, those being worked on included."""
        url = f"http://{HOST}:{self._ports.s3}/{AWS_ACCOUNT}/{NOTIFICATIONS}"
        sqs = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        unannounced = sum(1 for _ in read(self._blob_journal, announced(self._blob_journal)))
        waiting = self._queue.get_queue_properties().approximate_message_count or 0
        return {
            AWS_SITE: int(sqs["ApproximateNumberOfMessages"]) + int(sqs["ApproximateNumberOfMessagesNotVisible"]),
            GCP_SITE: sum(1 for _ in self._stored(NOTIFICATIONS)),
            AZURE_SITE: unannounced + waiting,
        }

    def wait_until_idle(self, timeout: float) -> None:
        """Return when no notification waits anywhere.

        Raises:
            SandboxError: There was still something after `timeout` seconds.
        """
        end = time.monotonic() + timeout
        quiet = 0
        while quiet < _LOOKS:
            backlog = self.backlog()
            quiet = 0 if any(backlog.values()) else quiet + 1
            if quiet < _LOOKS and time.monotonic() > end:
                waiting = ", ".join(f"{site}: {count}" for site, count in backlog.items())
                raise SandboxError(f"Notifications still wait after {timeout:.0f} s ({waiting})")
            time.sleep(_BETWEEN)

    def writes(self) -> Counter[tuple[str, str]]:
        """Return how often each object was written successfully, by site and key, since the sandbox was started.

        Users' and functions' writes look the same here: an object that was uploaded at one site and replicated to two
        others counts once at each of the three.
        """
        counts: Counter[tuple[str, str]] = Counter()
        counts.update((AWS_SITE, entry["key"]) for entry, _ in read(self._s3_journal) if writes_object(entry))
        counts.update((AZURE_SITE, key) for entry, _ in read(self._blob_journal) if (key := _written_blob(entry)))
        counts.update((GCP_SITE, key) for key in self._finalized())
        return counts

    @cached_property
    def _sqs(self) -> SQSClient:
        import boto3  # noqa: PLC0415 - only who waits for the queues pays for it

        known = S3Emulator(f"http://{HOST}:{self._ports.s3}")
        session = boto3.Session(known.access_key_id, known.secret_access_key, region_name=AWS_REGION)
        return session.client("sqs", endpoint_url=known.url)

    @cached_property
    def _queue(self) -> QueueClient:
        from azure.storage.queue import QueueClient  # noqa: PLC0415 - likewise

        return QueueClient.from_connection_string(connection_string(self._ports), NOTIFICATIONS)

    def _finalized(self) -> Iterator[str]:
        from google.pubsub_v1.types import PubsubMessage  # noqa: PLC0415 - likewise

        for body in self._stored(WITNESS):
            attributes = PubsubMessage.deserialize(body).attributes
            if attributes["eventType"] == "OBJECT_FINALIZE":
                yield attributes["objectId"]

    def _stored(self, subscription: str) -> Iterator[bytes]:
        database = sqlite3.connect(f"file:{self._messages}?mode=ro", uri=True)
        try:
            name = f"projects/{GCP_PROJECT}/subscriptions/{subscription}"
            query = "SELECT message FROM messages WHERE subscription = ?"
            yield from (body for (body,) in database.execute(query, (name,)).fetchall())
        finally:
            database.close()


def writes_object(entry: Entry) -> bool:
    """Say whether an entry of the S3 journal made an object in the site's bucket."""
    if entry["bucket"] != BUCKETS[AWS_SITE] or not entry["key"]:
        return False
    # A signature or the SDK's own label may be in the query; anything else names another operation.
    query = parse_qs(entry["query"], keep_blank_values=True)
    asked = {name for name in query if name != "x-id" and not name.startswith("X-Amz-")}
    return (entry["method"] == "PUT" and not asked) or (entry["method"] == "POST" and asked == {"uploadId"})


def _written_blob(entry: Entry) -> str | None:
    what = change(entry)
    if what is None or what.container != BUCKETS[AZURE_SITE] or what.api in ("", "DeleteBlob"):
        return None
    return what.blob
