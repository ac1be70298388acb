"""What every queue promises, over memory and the emulators of the three clouds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import count

import pytest

from tradewind.clouds.aws import queue as aws
from tradewind.clouds.azure import queue as azure
from tradewind.clouds.gcp import queue as gcp
from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    PermanentError,
    StoreUnavailableError,
)
from tradewind.fleet import AwsSite, AzureSite, GcpSite, Queues
from tradewind.ports import REASON, Message, Queue
from tradewind_sandbox.emulators import AzuriteEmulator, PubsubEmulator, S3Emulator, start_pubsub

WAIT = 5.0
"""Seconds that a test waits for what is there; none of them waits so long."""
CLOSED = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""
_numbers = count()


@dataclass(frozen=True)
class Service:
    """One kind of queue: how to make one, and how to open it."""

    create: Callable[[str], object]
    """Creates the queue of that name."""
    open: Callable[[str, str | None], Queue]
    """Opens the queue of that name, at another endpoint if one is given."""
    limit: int
    """Bytes of the longest body."""
    counts_hidden: bool = True
    """Whether `depth` counts what is being worked on."""


@pytest.fixture(scope="module")
def sqs(s3: S3Emulator) -> Service:
    """SQS, by moto."""
    return Service(
        create=lambda name: open_sqs(s3, name, None)._client.create_queue(QueueName=name),
        open=partial(open_sqs, s3),
        limit=aws.LIMIT,
    )


def open_sqs(emulator: S3Emulator, name: str, endpoint: str | None) -> aws.SqsQueue:
    """Open a queue as the runtime does."""
    site = AwsSite(
        cloud="aws",
        region=emulator.region,
        jurisdiction="US",
        bucket="data",
        control_bucket="control",
        queues=Queues(notifications=name, dead_letters=name, endpoint=endpoint or emulator.url),
    )
    credentials = {"access_key_id": emulator.access_key_id, "secret_access_key": emulator.secret_access_key}
    return aws.open_queue(site, credentials, name)


@pytest.fixture(scope="module")
def storage_queue(azurite: AzuriteEmulator) -> Service:
    """Queue Storage, by Azurite."""
    return Service(
        create=lambda name: open_storage_queue(azurite, name, None)._client.create_queue(),
        open=partial(open_storage_queue, azurite),
        limit=azure.LIMIT // 4 * 3,
    )


def open_storage_queue(emulator: AzuriteEmulator, name: str, endpoint: str | None) -> azure.StorageQueue:
    """Open a queue as the runtime does."""
    site = AzureSite(
        cloud="azure",
        region="westeurope",
        jurisdiction="EU",
        account=emulator.account_name,
        container="data",
        control_bucket="control",
        queues=Queues(notifications=name, dead_letters=name, endpoint=endpoint or emulator.queue_url),
    )
    return azure.open_queue(site, {"account_key": emulator.account_key}, name)


@pytest.fixture(scope="module")
def pubsub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Pub/Sub, by the sandbox's own emulator."""
    with start_pubsub(tmp_path_factory.mktemp("pubsub")) as emulator:
        create_topic(open_pubsub(emulator, "given-up", None))
        yield Service(
            create=lambda name: create_topic(open_pubsub(emulator, name, None)),
            open=partial(open_pubsub, emulator),
            limit=gcp.LIMIT,
            counts_hidden=False,
        )


def open_pubsub(emulator: PubsubEmulator, name: str, endpoint: str | None) -> gcp.PubSubQueue:
    """Open a queue as the runtime does."""
    site = GcpSite(
        cloud="gcp",
        region="europe-west4",
        jurisdiction="EU",
        project=emulator.project,
        bucket="data",
        control_bucket="control",
        queues=Queues(notifications=name, dead_letters=name, endpoint=endpoint or f"http://{emulator.url}"),
    )
    return gcp.open_queue(site, {"type": "anonymous"}, name)


def create_topic(queue: gcp.PubSubQueue) -> None:
    """Create the topic and the subscription, with a dead-letter policy: without one Pub/Sub counts no attempts."""
    queue._publisher.create_topic(name=queue._topic)
    policy = {"dead_letter_topic": queue._topic, "max_delivery_attempts": 100}
    request = {"name": queue._subscription, "topic": queue._topic, "dead_letter_policy": policy}
    queue._subscriber.create_subscription(request=request)


@pytest.fixture(scope="module")
def memory() -> Service:
    """Memory."""
    made: dict[str, MemoryQueue] = {}
    return Service(
        create=lambda name: made.setdefault(name, MemoryQueue()),
        open=lambda name, _: made[name],
        limit=10_000_000,
    )


CLOUDS = ("sqs", "pubsub", "storage_queue")


@pytest.fixture(params=("memory", *CLOUDS))
def service(request: pytest.FixtureRequest) -> Service:
    """Each kind of queue in turn."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return] # the fixtures above


@pytest.fixture(params=CLOUDS)
def cloud(request: pytest.FixtureRequest) -> Service:
    """Each kind of queue that somebody else keeps."""
    return request.getfixturevalue(request.param)  # type: ignore[no-any-return] # the fixtures above


@pytest.fixture
def queue(service: Service) -> Queue:
    """A new queue of each kind."""
    return new_queue(service)


def new_queue(service: Service) -> Queue:
    """Create a queue and open it."""
    name = f"queue-{next(_numbers)}"
    service.create(name)
    return service.open(name, None)


def receive_one(queue: Queue) -> Message:
    """Receive exactly one message."""
    (message,) = queue.receive(limit=1, wait=WAIT)
    return message


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"Records": []}',
        "größe 模型 💎",
        "<xml> & 'quotes' \"\\",
        "line\r\nbreak\ttab",
        "e30=",
        "plain",
        " spaces ",
    ],
)
def test_a_message_arrives_as_it_was_sent(queue: Queue, body: str) -> None:
    """A body of any text arrives unchanged, on its first attempt."""
    queue.send(body)

    message = receive_one(queue)

    assert (message.body, message.attempt, dict(message.attributes)) == (body, 1, {})
    assert message.id


def test_attributes_travel_with_the_body(queue: Queue) -> None:
    """A dead letter's reason, in words of any language, arrives beside its body."""
    attributes = {REASON: "der Schlüssel „a/../b“ 模型", "tradewind-attempt": "3"}

    queue.send('{"Records": []}', attributes=attributes)
    message = receive_one(queue)

    assert (message.body, dict(message.attributes)) == ('{"Records": []}', attributes)


def test_a_long_reason_can_be_sent(queue: Queue) -> None:
    """A reason of 1,000 characters of three bytes does not keep a message from the dead letters."""
    queue.send("{}", attributes={REASON: "模" * 1000})

    assert receive_one(queue).attributes[REASON].startswith("模" * 300)


def test_a_reason_with_control_characters_can_be_sent(queue: Queue) -> None:
    """A key with a control character in the reason does not keep a message from the dead letters."""
    queue.send("{}", attributes={REASON: "the key 'a\x01b' is refused"})

    assert receive_one(queue).attributes[REASON].endswith("b' is refused")


def test_a_received_message_is_hidden(queue: Queue) -> None:
    """A message that somebody works on is given to nobody else."""
    queue.send("{}")
    receive_one(queue)

    assert queue.receive() == []


def test_a_released_message_is_there_at_once_and_counts(queue: Queue) -> None:
    """A released message is delivered again, and knows that it was."""
    queue.send("{}")
    first = receive_one(queue)

    queue.release(first)
    second = receive_one(queue)

    assert (second.id, second.body, second.attempt) == (first.id, "{}", 2)


def test_a_message_can_be_released_for_later(queue: Queue) -> None:
    """A delay keeps a released message hidden for so long."""
    queue.send("{}")

    queue.release(receive_one(queue), delay=2)

    assert queue.receive() == []
    assert [message.attempt for message in queue.receive(wait=20)] == [2]


def test_an_acknowledged_message_is_gone(queue: Queue) -> None:
    """A message that was acknowledged never comes again, and acknowledging it twice is no error."""
    queue.send("{}")
    message = receive_one(queue)

    queue.acknowledge(message)
    queue.acknowledge(message)

    assert queue.receive() == []
    assert queue.depth() == 0


def test_what_somebody_else_has_by_now_is_left_to_them(queue: Queue) -> None:
    """Acknowledging or releasing by the receipt of an earlier delivery is no error."""
    queue.send("{}")
    first = receive_one(queue)
    queue.release(first)
    second = receive_one(queue)

    queue.release(first)
    queue.acknowledge(first)
    queue.acknowledge(second)

    assert queue.receive() == []


def test_releasing_an_acknowledged_message_is_no_error(queue: Queue) -> None:
    """What was acknowledged meanwhile stays gone when it is released."""
    queue.send("{}")
    message = receive_one(queue)
    queue.acknowledge(message)

    queue.release(message)

    assert queue.receive() == []


def test_an_empty_queue_gives_nothing(queue: Queue) -> None:
    """An empty queue answers with nothing, whether it was waited for or not."""
    assert queue.receive() == []
    assert queue.receive(wait=0.5) == []


def test_a_receiver_that_waits_gets_what_comes(queue: Queue) -> None:
    """A message that is sent while somebody waits is received."""
    sender = threading.Timer(0.2, queue.send, ["{}"])
    sender.start()

    message = receive_one(queue)
    sender.join()

    assert message.body == "{}"


def test_no_more_than_the_limit_is_received_and_nothing_is_left_out(queue: Queue) -> None:
    """Many messages come in small batches, each exactly once."""
    sent = {f"body {number}" for number in range(25)}
    with ThreadPoolExecutor(8) as senders:
        list(senders.map(queue.send, sent))

    received: list[str] = []
    while messages := queue.receive(limit=7, wait=1.0):
        assert len(messages) <= 7
        for message in messages:
            received.append(message.body)
            queue.acknowledge(message)

    assert sorted(received) == sorted(sent)


def test_the_depth_is_the_number_of_messages(service: Service) -> None:
    """The depth counts what waits, and (but for Pub/Sub's emulator) what is being worked on."""
    queue = new_queue(service)
    for _ in range(3):
        queue.send("{}")
    assert queue.depth() == 3

    queue.acknowledge(receive_one(queue))
    receive_one(queue)

    assert queue.depth() == (2 if service.counts_hidden else 1)


def test_the_longest_body_arrives(service: Service) -> None:
    """A body as long as the service takes arrives whole."""
    queue = new_queue(service)
    body = "é" * (service.limit // 2)

    queue.send(body)

    assert receive_one(queue).body == body


def test_a_longer_body_is_refused_for_good(cloud: Service) -> None:
    """A body that no redelivery makes shorter is a permanent error that says how long it may be."""
    queue = new_queue(cloud)

    with pytest.raises(PermanentError, match="bytes are more than the"):
        queue.send("x" * (cloud.limit + 1))


def test_a_queue_that_does_not_exist_is_a_matter_of_configuration(cloud: Service) -> None:
    """A queue that is not there is named, so that it can be created or the fleet file corrected."""
    queue = cloud.open("missing-queue", None)

    for act in (partial(queue.send, "{}"), queue.receive):
        with pytest.raises(BucketNotFoundError, match="missing-queue"):
            act()


def test_a_service_that_is_down_is_worth_another_try(cloud: Service) -> None:
    """A service that does not answer is a transient error that names the queue."""
    queue = cloud.open("queue-down", CLOSED)

    for act in (partial(queue.send, "{}"), queue.receive):
        with pytest.raises(StoreUnavailableError, match="queue-down"):
            act()


def test_plain_text_in_a_storage_queue_is_received_as_it_is(storage_queue: Service) -> None:
    """A message that somebody sent without base64 does not keep others from being received."""
    queue = new_queue(storage_queue)
    assert isinstance(queue, azure.StorageQueue)
    queue._client.send_message("not base64!")

    assert receive_one(queue).body == "not base64!"


def test_an_event_grid_message_is_decoded(storage_queue: Service) -> None:
    """A message in base64, as Event Grid writes it, is received as text."""
    queue = new_queue(storage_queue)
    assert isinstance(queue, azure.StorageQueue)
    queue._client.send_message("eyJpZCI6ICIxIn0=")

    assert receive_one(queue).body == '{"id": "1"}'


def test_a_wrong_account_key_is_a_matter_of_credentials(azurite: AzuriteEmulator) -> None:
    """A key that the account does not have is said to be one."""
    wrong = AzuriteEmulator(azurite.blob_url, azurite.queue_url, account_key="d3Jvbmc=")

    with pytest.raises((CredentialsError, AccessDeniedError), match="devstoreaccount1/some-queue"):
        open_storage_queue(wrong, "some-queue", None).send("{}")
