"""Settling one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import pytest

from tradewind.errors import (
    AccessDeniedError,
    BadEventError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
    UnknownBucketError,
    UnportableError,
)
from tradewind.fleet import OneWayRule
from tradewind.ports import REASON, Change, Message, Notification
from tradewind.replication import requests
from tradewind.replication.decide import Verdict
from tradewind.replication.delivery import Delivery
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.tasks import PartTask
from tradewind.replication.routes import Route

RULE = OneWayRule.model_validate({"name": "r", "mode": "one_way", "from": "a", "to": ["b"], "classification": "c"})
ROUTE = Route(RULE, "a", "b")


@dataclass
class Sent:
    """A queue that keeps what is sent to it."""

    messages: list[tuple[str, Mapping[str, str] | None]] = field(default_factory=list)
    released: list[tuple[str, float]] = field(default_factory=list)

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Keep the message."""
        self.messages.append((body, attributes))

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Nobody receives here."""
        raise AssertionError

    def acknowledge(self, message: Message) -> None:
        """Nobody receives here."""
        raise AssertionError

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Keep what is handed back, and after how long."""
        self.released.append((message.id, delay))

    def depth(self) -> int:
        """How many were sent."""
        return len(self.messages)


@dataclass
class Scripted:
    """A replicator whose answer for each key is given."""

    answers: Mapping[str, Callable[[], Sequence[Outcome]]]

    def replicate(self, notification: Notification, *, attempt: int = 1) -> Sequence[Outcome]:
        """Answer for the key."""
        return self.answers[notification.key]()

    def carry(self, task: PartTask, *, attempt: int = 1) -> Sequence[Outcome]:
        """Answer for the key."""
        return self.answers[task.key]()


def copied() -> Sequence[Outcome]:
    """All is well."""
    return [Outcome(ROUTE, Verdict.COPIED, "written")]


def failing(error: TradewindError) -> Callable[[], Sequence[Outcome]]:
    """One target met an error."""
    return lambda: [Outcome.failed(ROUTE, error)]


def raising(error: TradewindError) -> Callable[[], Sequence[Outcome]]:
    """The notification could not be worked on at all."""

    def answer() -> Sequence[Outcome]:
        raise error

    return answer


def deliver(answers: Mapping[str, Callable[[], Sequence[Outcome]]], attempt: int = 1) -> tuple[Sent, Sequence[Outcome]]:
    """Deliver a message that speaks of every key of `answers`."""
    dead = Sent()

    def decode(message: Message) -> Sequence[Notification]:
        if message.body == "junk":
            raise BadEventError("this is not JSON")
        return [Notification("aws", "x", key, Change.WRITTEN) for key in answers]

    body = "body" if answers else "junk"
    delivery = Delivery(decode, Scripted(answers), Sent, lambda: dead, last_attempt=5)
    return dead, delivery.deliver(Message(body, "id-1", attempt, {"kept": "yes"}))


def test_success_is_silent() -> None:
    """A message whose work is done leaves nothing behind."""
    dead, outcomes = deliver({"k": copied})

    assert not dead.messages
    assert [outcome.verdict for outcome in outcomes] == [Verdict.COPIED]


def test_a_message_that_cannot_be_understood_is_dead_lettered_with_its_reason() -> None:
    """Poison leaves the queue at once, whole, with what was wrong and which message it was."""
    dead, _ = deliver({})

    attributes = {
        "kept": "yes",
        REASON: "BadEventError: this is not JSON",
        "tradewind-message": "id-1",
        "tradewind-attempt": "1",
    }
    assert dead.messages == [("junk", attributes)]


@pytest.mark.parametrize("answer", [failing(UnportableError("no")), raising(UnknownBucketError("no"))])
def test_what_can_never_be_done_is_dead_lettered(answer: Callable[[], Sequence[Outcome]]) -> None:
    """A permanent error of one key buries the message, after the others' work is done."""
    dead, outcomes = deliver({"bad": answer, "good": copied})

    assert len(dead.messages) == 1
    assert Verdict.COPIED in [outcome.verdict for outcome in outcomes]


@pytest.mark.parametrize("error", [StoreUnavailableError("down"), AccessDeniedError("no permission")])
def test_what_may_be_done_later_goes_back(error: TradewindError) -> None:
    """An outage, and a mistake that an operator can mend, leave the message in its queue."""
    with pytest.raises(type(error)):
        deliver({"k": failing(error), "bad": failing(UnportableError("no"))})


def test_a_message_that_cannot_be_understood_yet_goes_back() -> None:
    """What asks for a rule that the function has not read of stays in its queue, and is handed back soon."""

    def decode(_: Message) -> Sequence[Notification]:
        raise TransientError("no such rule yet")

    queue, dead = Sent(), Sent()
    delivery = Delivery(decode, Scripted({}), lambda: queue, lambda: dead, last_attempt=5)

    with pytest.raises(TransientError):
        delivery.deliver(Message("body", "id-1", 1, receipt="r"))
    assert (len(queue.released), dead.messages) == (1, [])


def test_the_last_delivery_buries_with_the_reason() -> None:
    """What the platform would give up without a word is dead-lettered with its last error instead."""
    dead, _ = deliver({"k": failing(StoreUnavailableError("down"))}, attempt=5)

    attributes = dead.messages[0][1]
    assert attributes is not None
    assert attributes[REASON] == "StoreUnavailableError: down"


def test_a_dead_letter_queue_that_is_down_keeps_the_message() -> None:
    """If the dead letter cannot be sent, the message is not settled."""

    def broken() -> Sent:
        raise StoreUnavailableError("down")

    def decode(message: Message) -> Sequence[Notification]:
        raise BadEventError(message.body)

    with pytest.raises(StoreUnavailableError):
        Delivery(decode, Scripted({}), Sent, broken, last_attempt=5).deliver(Message("junk"))


@pytest.mark.parametrize(("attempt", "delay"), [(1, 5.0), (2, 10.0), (4, 40.0), (30, 900.0)])
def test_a_message_with_a_receipt_is_handed_back_with_a_growing_delay(attempt: int, delay: float) -> None:
    """What the platform would leave to a long visibility timeout comes back soon at first, then later and later."""
    queue = Sent()
    answers = {"k": failing(StoreUnavailableError("down"))}

    def decode(_: Message) -> Sequence[Notification]:
        return [Notification("aws", "x", "k", Change.WRITTEN)]

    with pytest.raises(StoreUnavailableError):
        Delivery(decode, Scripted(answers), lambda: queue, Sent, 50).deliver(
            Message("{}", "id-1", attempt, receipt="r")
        )

    assert queue.released == [("id-1", delay)]


def test_of_a_request_for_many_keys_only_those_that_failed_are_dead_lettered() -> None:
    """Who redrives it does not repeat what was done, and reads whose reason it is."""
    dead = Sent()
    answers = {"good": copied, "bad": failing(UnportableError("cannot be spelled there"))}
    [body] = requests.encode("a", answers, why="sweep")

    def decode(_: Message) -> Sequence[Notification]:
        return [Notification("aws", "x", key, Change.NOTHING) for key in answers]

    Delivery(decode, Scripted(answers), Sent, lambda: dead, last_attempt=5).deliver(Message(body))

    assert [json.loads(text)["keys"] for text, _ in dead.messages] == [["bad"]]


def test_a_part_task_that_failed_is_dead_lettered_as_its_key() -> None:
    """Its upload has ended by the time that somebody redrives it, so what is redriven looks at the key anew."""
    dead = Sent()
    task = PartTask(rule="r", key="bad", source="a", target="b", upload="u", numbers=(1,))
    Delivery(
        lambda _: [], Scripted({"bad": failing(UnportableError("no"))}), Sent, lambda: dead, last_attempt=5
    ).deliver(Message(task.encode()))

    [(text, _)] = dead.messages
    assert (json.loads(text)["site"], json.loads(text)["keys"], json.loads(text)["rule"]) == ("a", ["bad"], "r")
