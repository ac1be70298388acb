"""The messages of the Pub/Sub emulator, on a clock of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from google.pubsub_v1.types import DeadLetterPolicy, PubsubMessage, Subscription

from tradewind_sandbox.prepare import FILTER
from tradewind_sandbox.pubsub.filters import UnknownFilterError
from tradewind_sandbox.pubsub.storage import NameTakenError, Storage, UnknownNameError

TOPIC, GRAVEYARD = "projects/p/topics/t", "projects/p/topics/dead"
NAME, BURIED = "projects/p/subscriptions/s", "projects/p/subscriptions/dead"


class Clock:
    """Time that passes when the test says so."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        """Return the present time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at some moment."""
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A place for the database."""
    return tmp_path / "messages.sqlite"


@pytest.fixture
def storage(path: Path, clock: Clock) -> Iterator[Storage]:
    """One topic with one subscription that buries what failed three times."""
    made = Storage(path, clock)
    made.create_topic(TOPIC)
    made.create_topic(GRAVEYARD)
    policy = DeadLetterPolicy(dead_letter_topic=GRAVEYARD, max_delivery_attempts=3)
    made.create_subscription(Subscription(name=NAME, topic=TOPIC, dead_letter_policy=policy))
    made.create_subscription(Subscription(name=BURIED, topic=GRAVEYARD))
    yield made
    made.close()


def publish(storage: Storage, *bodies: bytes) -> list[str]:
    """Publish messages to the topic."""
    return storage.publish(TOPIC, [PubsubMessage(data=body) for body in bodies])


def test_a_message_is_out_to_one_subscriber_at_a_time(storage: Storage) -> None:
    """What was leased is not leased again before its deadline."""
    publish(storage, b"one", b"two")

    first = storage.lease(NAME, 1, 10)
    second = storage.lease(NAME, 10, 10)

    assert [each.message.data for each in (*first, *second)] == [b"one", b"two"]
    assert storage.lease(NAME, 10, 10) == []


def test_nothing_is_taken_for_a_subscriber_who_left(storage: Storage) -> None:
    """A pull whose client stopped waiting leaves the message to the next one."""
    publish(storage, b"one")

    assert storage.lease(NAME, 1, 10, wait=5.0, wanted=lambda: False) == []
    assert len(storage.lease(NAME, 1, 10)) == 1


def test_a_message_that_nobody_acknowledged_comes_back(storage: Storage, clock: Clock) -> None:
    """After its deadline a message is delivered again, and the attempts are counted."""
    publish(storage, b"one")
    storage.lease(NAME, 1, 10)

    clock.now += 9.9
    assert storage.lease(NAME, 1, 10) == []
    clock.now += 0.2
    assert [each.attempt for each in storage.lease(NAME, 1, 10)] == [2]


def test_an_acknowledged_message_is_gone(storage: Storage, clock: Clock) -> None:
    """Acknowledging removes a message for good; doing it twice is no error."""
    publish(storage, b"one")
    (delivery,) = storage.lease(NAME, 1, 10)

    storage.acknowledge([delivery.ack_id])
    storage.acknowledge([delivery.ack_id])

    clock.now += 100
    assert storage.lease(NAME, 1, 10) == []
    assert storage.depth(NAME) == 0


def test_a_postponed_message_waits(storage: Storage, clock: Clock) -> None:
    """A message that is given back with a delay comes after it, and at once without one."""
    publish(storage, b"one")
    (delivery,) = storage.lease(NAME, 1, 10)
    storage.postpone([delivery.ack_id], 30)

    clock.now += 29
    assert storage.lease(NAME, 1, 10) == []
    storage.postpone([delivery.ack_id], 0)
    assert len(storage.lease(NAME, 1, 10)) == 1


def test_what_failed_too_often_is_buried(storage: Storage) -> None:
    """What was delivered as often as the policy allows goes to the dead-letter topic, marked as the service does."""
    publish(storage, b"poison")
    for _ in range(3):
        (delivery,) = storage.lease(NAME, 1, 10)
        storage.postpone([delivery.ack_id], 0)

    assert storage.lease(NAME, 1, 10) == []

    (buried,) = storage.lease(BURIED, 1, 10)
    assert buried.message.data == b"poison"
    assert buried.message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] == "3"
    assert storage.depth(NAME) == 0


def test_messages_survive_the_process(storage: Storage, path: Path, clock: Clock) -> None:
    """Another process that opens the file finds topics, subscriptions and undelivered messages."""
    (message_id,) = publish(storage, b"one")

    other = Storage(path, clock)

    assert other.has_topic(TOPIC)
    assert [each.message.message_id for each in other.lease(NAME, 1, 10)] == [message_id]
    assert storage.lease(NAME, 1, 10) == []


def test_leases_of_a_dead_owner_can_be_released(storage: Storage) -> None:
    """Everything of a subscription can be made visible at once."""
    publish(storage, b"one", b"two")
    storage.lease(NAME, 10, 600)

    storage.release_all(NAME)

    assert len(storage.lease(NAME, 10, 10)) == 2


def test_each_subscription_has_its_own_copy(storage: Storage) -> None:
    """A topic with two subscriptions delivers to both."""
    storage.create_subscription(Subscription(name=f"{NAME}-2", topic=TOPIC))
    publish(storage, b"one")

    assert storage.depth(NAME) == storage.depth(f"{NAME}-2") == 1


def test_unknown_and_taken_names_are_refused(storage: Storage) -> None:
    """Names must exist to be used, and must not exist to be created."""
    with pytest.raises(UnknownNameError):
        storage.publish("projects/p/topics/nowhere", [PubsubMessage(data=b"x")])
    with pytest.raises(UnknownNameError):
        storage.lease("projects/p/subscriptions/nowhere", 1, 10)
    with pytest.raises(UnknownNameError):
        storage.create_subscription(Subscription(name="x", topic="projects/p/topics/nowhere"))
    with pytest.raises(NameTakenError):
        storage.create_topic(TOPIC)
    with pytest.raises(NameTakenError):
        storage.create_subscription(Subscription(name=NAME, topic=TOPIC))


def test_a_deleted_subscription_takes_its_messages_along(storage: Storage) -> None:
    """Deleting and creating a subscription anew begins with nothing."""
    publish(storage, b"one")

    storage.delete_subscription(NAME)
    storage.create_subscription(Subscription(name=NAME, topic=TOPIC))

    assert storage.depth(NAME) == 0


@pytest.mark.parametrize(
    ("attributes", "comes"),
    [({"objectId": "models/a"}, True), ({"objectId": ".tradewind/parts/u/1"}, False), ({}, True), ({"x": "y"}, True)],
    ids=["of a user", "of a part", "a request", "of something else"],
)
def test_parts_of_large_objects_are_left_out(storage: Storage, attributes: dict[str, str], *, comes: bool) -> None:
    """The filter of the sandbox's own subscription lets all through but what is under `.tradewind/`."""
    storage.create_subscription(Subscription(name=f"{NAME}-filtered", topic=TOPIC, filter=FILTER))
    storage.publish(TOPIC, [PubsubMessage(data=b"one", attributes=attributes)])

    assert storage.depth(NAME) == 1
    assert storage.depth(f"{NAME}-filtered") == comes


@pytest.mark.parametrize("expression", ["NOT", "attributes.a = 1", f"{FILTER} AND attributes:b"])
def test_a_filter_that_is_not_understood_is_refused(storage: Storage, expression: str) -> None:
    """A subscription that would get other messages than at Google is not made."""
    with pytest.raises(UnknownFilterError):
        storage.create_subscription(Subscription(name=f"{NAME}-filtered", topic=TOPIC, filter=expression))
