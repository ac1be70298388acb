"""What the emulators announce is what `events.py` reads: keys, versions and deletes survive the way through a queue."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from azure.storage.blob import ContainerClient
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from rigs.stores import put
from tradewind.clouds.aws import events as aws
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.aws.queue import SqsQueue
from tradewind.clouds.azure import events as azure
from tradewind.clouds.azure.store import BlobStore, open_store
from tradewind.clouds.gcp import events as gcp
from tradewind.clouds.gcp.queue import PubSubQueue, open_queue
from tradewind.fleet import AzureSite, GcpSite, Queues
from tradewind.ports import Change, Message, Notification, Queue
from tradewind_sandbox.emulators import AzuriteEmulator, S3Emulator, start_azurite, start_gcs, start_pubsub
from tradewind_sandbox.event_grid import change, event
from tradewind_sandbox.journal import read

KEYS = (
    "models/plain.bin",
    "models/a b/c d.bin",
    "models/a+b=c.bin",
    "models/100%25.bin",
    "models/#1?x=y&z.bin",
    "models/größe/模型.bin",
    "models//double.bin",
    "models/'quotes\".bin",
)
BUCKET = "tradewind-announced"


@dataclass
class Announced:
    """A bucket whose changes are announced to a queue."""

    client: Any
    queue: Queue


def drain(queue: Queue, expected: int) -> list[Message]:
    """Receive and acknowledge until `expected` messages came, or nothing more comes."""
    received: list[Message] = []
    end = time.monotonic() + 30
    while len(received) < expected and time.monotonic() < end:
        for message in queue.receive(wait=2.0):
            queue.acknowledge(message)
            received.append(message)
    return received


@pytest.fixture(scope="module")
def bucket(s3: S3Emulator) -> Announced:
    """A bucket in S3 that announces to SQS, by moto."""
    given = {"access_key_id": s3.access_key_id, "secret_access_key": s3.secret_access_key}
    session = open_session(given, region=s3.region, subject="the emulator")
    sqs = session.client("sqs", endpoint_url=s3.url)
    client = session.client("s3", endpoint_url=s3.url)
    url = sqs.create_queue(QueueName="announced")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_notification_configuration(
        Bucket=BUCKET,
        NotificationConfiguration={
            "QueueConfigurations": [
                {"QueueArn": arn, "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]}
            ]
        },
    )
    return Announced(client, SqsQueue(sqs, "announced"))


@pytest.fixture(scope="module")
def google_bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Announced]:
    """A bucket in Cloud Storage that announces to Pub/Sub, by fake-gcs-server and the sandbox's own."""
    state = tmp_path_factory.mktemp("google")
    with start_pubsub(state) as pubsub:
        site = GcpSite(
            cloud="gcp",
            region="europe-west4",
            jurisdiction="EU",
            project=pubsub.project,
            bucket=BUCKET,
            control_bucket="control",
            queues=Queues(notifications="announced", dead_letters="dead", endpoint=f"http://{pubsub.url}"),
        )
        queue = open_queue(site, None, "announced")
        assert isinstance(queue, PubSubQueue)
        queue._publisher.create_topic(name=queue._topic)
        queue._subscriber.create_subscription(name=queue._subscription, topic=queue._topic)
        with start_gcs(state, pubsub=pubsub.url, topic="announced") as emulator:
            client = Client(
                project=pubsub.project,
                credentials=AnonymousCredentials(),
                client_options={"api_endpoint": emulator.url},
            )
            yield Announced(client.create_bucket(BUCKET), queue)


def test_s3_first_sends_a_test_event_that_means_nothing(bucket: Announced) -> None:
    """Wiring a bucket to a queue announces nothing that is to be replicated."""
    assert [aws.decode(message) for message in drain(bucket.queue, 1)] == [[]]


def test_s3_announces_every_key_as_it_was_written(bucket: Announced) -> None:
    """A key of any characters comes out as it went in, with the object's ETag and size."""
    put = {key: bucket.client.put_object(Bucket=BUCKET, Key=key, Body=b"bytes")["ETag"].strip('"') for key in KEYS}

    found = [one for message in drain(bucket.queue, len(KEYS)) for one in aws.decode(message)]

    assert {one.key: one.version for one in found} == put
    assert {(one.bucket, one.change, one.size) for one in found} == {(BUCKET, Change.WRITTEN, 5)}


def test_s3_announces_a_delete(bucket: Announced) -> None:
    """A delete is told from a write, and who deleted is named; an object that was written with tags is one event."""
    bucket.client.put_object(Bucket=BUCKET, Key="models/gone.bin", Body=b"", Tagging="team=vision")
    bucket.client.delete_object(Bucket=BUCKET, Key="models/gone.bin")

    found = [one for message in drain(bucket.queue, 2) for one in aws.decode(message)]

    assert sorted((one.key, one.change) for one in found) == [
        ("models/gone.bin", Change.DELETED),
        ("models/gone.bin", Change.WRITTEN),
    ]
    assert {one.actor for one in found} == {"AWS:sandbox"}
    assert {one.time.microsecond for one in found if one.time} == {0}


def test_s3_announces_a_change_of_tags(bucket: Announced) -> None:
    """Where only tags changed, the metadata is said to have changed."""
    bucket.client.put_object(Bucket=BUCKET, Key="models/tagged.bin", Body=b"")
    tags = {"TagSet": [{"Key": "team", "Value": "vision"}]}
    bucket.client.put_object_tagging(Bucket=BUCKET, Key="models/tagged.bin", Tagging=tags)

    found = [one for message in drain(bucket.queue, 2) for one in aws.decode(message)]

    assert sorted(one.change for one in found) == [Change.METADATA, Change.WRITTEN]


def test_cloud_storage_announces_every_key_as_it_was_written(google_bucket: Announced) -> None:
    """A key of any characters comes out as it went in, with the object's generation and size."""
    put = {}
    for key in KEYS:
        blob = google_bucket.client.blob(key)
        blob.upload_from_string(b"bytes")
        put[key] = str(blob.generation)

    found = [one for message in drain(google_bucket.queue, len(KEYS)) for one in gcp.decode(message)]

    assert {one.key: one.version for one in found} == put
    assert {(one.bucket, one.change, one.size) for one in found} == {(BUCKET, Change.WRITTEN, 5)}


def test_cloud_storage_announces_an_overwrite_as_a_write_and_a_delete_as_a_delete(google_bucket: Announced) -> None:
    """Of an overwrite's two notifications only the write counts; a delete is one, not earlier than what it deleted."""
    blob = google_bucket.client.blob("models/twice.bin")
    blob.upload_from_string(b"first")
    blob.upload_from_string(b"second")
    second, created = str(blob.generation), blob.time_created
    blob.delete()

    found = [one for message in drain(google_bucket.queue, 4) for one in gcp.decode(message)]

    assert count(found) == {Change.WRITTEN: 2, Change.DELETED: 1}
    (gone,) = (one for one in found if one.change is Change.DELETED)
    assert (gone.version, gone.actor) == (second, "")
    assert gone.time is not None
    assert gone.time >= created.replace(microsecond=0)
    assert {one.time.microsecond for one in found if one.time} == {0}


def test_a_delete_at_azure_says_whether_it_is_ours(tmp_path: Path) -> None:
    """The event of a blob that tradewind deleted bears the id of its request, and that of a user's delete does not."""
    with start_azurite(tmp_path) as emulator:
        store, site, container = open_container(emulator)
        for key in ("ours", "theirs"):
            put(store, b"bytes", key=key)
        (state,) = (one for one in store.list("ours").objects)
        store.delete("ours", expect=state.token)
        container.delete_blob("theirs")

    noted = [(entry, change(entry)) for entry, _ in read(tmp_path / "azure-blob.journal")]
    events = [event(entry, what, 1) for entry, what in noted if what is not None and what.api]
    found = [one for each in events for one in azure.decode(Message(json.dumps(each)))]

    deleted = {one.key: site.acts_as(one.actor) for one in found if one.change is Change.DELETED}
    assert deleted == {"ours": True, "theirs": False}
    assert {one.time.microsecond for one in found if one.time} == {0}


def open_container(emulator: AzuriteEmulator) -> tuple[BlobStore, AzureSite, ContainerClient]:
    """Create a container, and return its store, what the fleet file would say of it, and a user's way into it."""
    site = AzureSite(
        cloud="azure",
        account=emulator.account_name,
        container=BUCKET,
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.blob_url,
    )
    container = ContainerClient(emulator.blob_url, BUCKET, credential=emulator.account_key)
    container.create_container()
    return open_store(site, {"account_key": emulator.account_key}), site, container


def count(found: list[Notification]) -> dict[Change, int]:
    """Return how many notifications there are of each change."""
    return {change: sum(one.change is change for one in found) for change in {one.change for one in found}}
