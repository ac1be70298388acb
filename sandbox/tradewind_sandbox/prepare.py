"""Creates the buckets, queues and registers of the three clouds, before anything is announced or agreed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tradewind_sandbox.addresses import Ports, connection_string
from tradewind_sandbox.emulators import AWS_ACCOUNT, AWS_REGION, GCP_PROJECT, S3Emulator
from tradewind_sandbox.names import (
    AWS_SITE,
    AZURE_SITE,
    BACKOFF,
    BUCKETS,
    CONTROL_BUCKETS,
    DEAD_LETTERS,
    GCP_SITE,
    LAST_ATTEMPT,
    NOTIFICATIONS,
    VISIBILITY,
    WITNESS,
)
from tradewind_sandbox.ports import HOST

if TYPE_CHECKING:
    from mypy_boto3_s3.literals import EventType

_EVENTS: Final[list[EventType]] = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:ObjectTagging:*"]
_ACK_DEADLINE = 60
"""Seconds that a push endpoint has to answer."""
FILTER = 'NOT attributes:objectId OR NOT hasPrefix(attributes.objectId, ".tradewind/")'
"""As the deploy script has it: parts of large objects announce nothing to the function."""


def prepare_topics(ports: Ports) -> None:
    """Create the topics of Pub/Sub, and their subscriptions."""
    import grpc  # noqa: PLC0415 - each of the three SDKs takes a while to load, and they load side by side
    from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]  # noqa: PLC0415 - likewise
    from google.pubsub_v1 import PublisherClient, SubscriberClient, types  # noqa: PLC0415 - likewise
    from google.pubsub_v1.services.publisher.transports import PublisherGrpcTransport  # noqa: PLC0415 - likewise
    from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcTransport  # noqa: PLC0415 - likewise

    channel = grpc.insecure_channel(f"{HOST}:{ports.pubsub}")
    publisher = PublisherClient(transport=PublisherGrpcTransport(channel=channel))
    subscriber = SubscriberClient(transport=SubscriberGrpcTransport(channel=channel))
    project = f"projects/{GCP_PROJECT}"
    topics = {name: f"{project}/topics/{name}" for name in (NOTIFICATIONS, DEAD_LETTERS)}
    for topic in topics.values():
        publisher.create_topic(name=topic)
    # The path of the endpoint is where functions-framework looks for the topic's name.
    endpoint = f"http://{HOST}:{ports.gcp_runtime}/{topics[NOTIFICATIONS]}"
    subscriptions = [
        types.Subscription(
            name=f"{project}/subscriptions/{NOTIFICATIONS}",
            topic=topics[NOTIFICATIONS],
            push_config=types.PushConfig(push_endpoint=endpoint),
            ack_deadline_seconds=_ACK_DEADLINE,
            filter=FILTER,
            retry_policy=types.RetryPolicy(
                minimum_backoff=Duration(nanos=500_000_000), maximum_backoff=Duration(seconds=BACKOFF)
            ),
            dead_letter_policy=types.DeadLetterPolicy(
                dead_letter_topic=topics[DEAD_LETTERS], max_delivery_attempts=LAST_ATTEMPT
            ),
        ),
        types.Subscription(name=f"{project}/subscriptions/{DEAD_LETTERS}", topic=topics[DEAD_LETTERS]),
        types.Subscription(name=f"{project}/subscriptions/{WITNESS}", topic=topics[NOTIFICATIONS]),
    ]
    for subscription in subscriptions:
        subscriber.create_subscription(subscription)
    channel.close()


def prepare_buckets(ports: Ports) -> None:
    """Create what the other two clouds need, and the buckets of Cloud Storage."""
    steps: Sequence[Callable[[Ports], None]] = (_prepare_aws, _prepare_azure, _prepare_gcp)
    with ThreadPoolExecutor(len(steps)) as workers:
        for done in [workers.submit(step, ports) for step in steps]:
            done.result()


def prepare_registers(fleet: Path) -> None:
    """Make the registers of the fleet's groups at every control store, as `tradewind control init` does."""
    from tradewind.registers.initialise import initialise  # noqa: PLC0415 - likewise
    from tradewind.runtime import read_fleet  # noqa: PLC0415 - likewise
    from tradewind.runtime.failover import register_of  # noqa: PLC0415 - likewise

    runtime = read_fleet(str(fleet))
    with runtime.failover.executor:
        initialise(runtime.failover.registers, *map(register_of, runtime.fleet.groups))


def _prepare_aws(ports: Ports) -> None:
    import boto3  # noqa: PLC0415 - each of the three SDKs takes a while to load, and they load side by side

    known = S3Emulator(f"http://{HOST}:{ports.s3}")
    session = boto3.Session(known.access_key_id, known.secret_access_key, region_name=AWS_REGION)
    sqs = session.client("sqs", endpoint_url=known.url)
    arns = {name: f"arn:aws:sqs:{AWS_REGION}:{AWS_ACCOUNT}:{name}" for name in (NOTIFICATIONS, DEAD_LETTERS)}
    sqs.create_queue(QueueName=DEAD_LETTERS)
    redrive = {"deadLetterTargetArn": arns[DEAD_LETTERS], "maxReceiveCount": LAST_ATTEMPT}
    attributes = {"VisibilityTimeout": str(VISIBILITY), "RedrivePolicy": json.dumps(redrive)}
    sqs.create_queue(QueueName=NOTIFICATIONS, Attributes=attributes)  # type: ignore[arg-type]  # the right names
    s3 = session.client("s3", endpoint_url=known.url)
    bucket = BUCKETS[AWS_SITE]
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"QueueConfigurations": [{"QueueArn": arns[NOTIFICATIONS], "Events": _EVENTS}]},
    )
    s3.create_bucket(Bucket=CONTROL_BUCKETS[AWS_SITE])


def _prepare_azure(ports: Ports) -> None:
    from azure.storage.blob import BlobServiceClient  # noqa: PLC0415 - likewise
    from azure.storage.queue import QueueServiceClient  # noqa: PLC0415 - likewise

    connection = connection_string(ports)
    with QueueServiceClient.from_connection_string(connection) as queues:
        for name in (NOTIFICATIONS, DEAD_LETTERS):
            queues.create_queue(name)
    with BlobServiceClient.from_connection_string(connection) as blobs:
        for name in (BUCKETS[AZURE_SITE], CONTROL_BUCKETS[AZURE_SITE]):
            blobs.create_container(name)


def _prepare_gcp(ports: Ports) -> None:
    import httpx  # noqa: PLC0415 - likewise

    for bucket in (BUCKETS[GCP_SITE], CONTROL_BUCKETS[GCP_SITE]):
        address = f"http://{HOST}:{ports.gcs}/storage/v1/b?project={GCP_PROJECT}"
        httpx.post(address, json={"name": bucket}, trust_env=False).raise_for_status()
