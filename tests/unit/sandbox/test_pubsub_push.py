"""What a push subscription posts, and how long it waits after a failure."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from google.pubsub_v1.types import DeadLetterPolicy, PubsubMessage, RetryPolicy, Subscription

from tradewind_sandbox.pubsub.push import backoff, envelope
from tradewind_sandbox.pubsub.storage import Delivery

NAME = "projects/p/subscriptions/s"
MESSAGE = PubsubMessage(
    data=b"\x00payload",
    attributes={"eventType": "OBJECT_FINALIZE", "objectId": "ünï/日本"},
    message_id="7",
    publish_time=datetime(2026, 11, 3, 9, 26, 53, 589_000, tzinfo=UTC),
)


def test_the_envelope_is_the_one_of_the_service() -> None:
    """Both spellings of id and time, attributes as they are, data in base64."""
    assert envelope(Subscription(name=NAME), Delivery("1", MESSAGE, 4)) == {
        "message": {
            "attributes": {"eventType": "OBJECT_FINALIZE", "objectId": "ünï/日本"},
            "data": "AHBheWxvYWQ=",
            "messageId": "7",
            "message_id": "7",
            "publishTime": "2026-11-03T09:26:53.589Z",
            "publish_time": "2026-11-03T09:26:53.589Z",
        },
        "subscription": NAME,
    }


def test_attempts_are_told_where_they_are_counted() -> None:
    """With a dead-letter policy, and only then, the envelope has the number of the delivery."""
    counted = Subscription(name=NAME, dead_letter_policy=DeadLetterPolicy(dead_letter_topic="t"))

    assert envelope(counted, Delivery("1", MESSAGE, 4))["deliveryAttempt"] == 4


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 5.0), (500, 5.0)])
def test_waits_twice_as_long_each_time_within_the_policy(attempt: int, seconds: float) -> None:
    """The wait doubles, and never exceeds what the retry policy states."""
    policy = RetryPolicy(minimum_backoff={"nanos": 500_000_000}, maximum_backoff={"seconds": 5})

    assert backoff(Subscription(name=NAME, retry_policy=policy), attempt) == seconds


def test_waits_as_the_service_does_without_a_policy() -> None:
    """100 ms at first, a minute at most."""
    assert backoff(Subscription(name=NAME), 1) == 0.1
    assert backoff(Subscription(name=NAME), 100) == 60.0
