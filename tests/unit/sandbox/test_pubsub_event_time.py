"""The times of Cloud Storage's events in the sandbox."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from google.pubsub_v1 import types

from tradewind_sandbox.pubsub.event_time import precise

SECOND = datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC)


@pytest.mark.parametrize(
    ("stated", "now", "expected"),
    [
        ("2026-11-03T09:26:53Z", SECOND + timedelta(milliseconds=589), SECOND + timedelta(milliseconds=589)),
        ("2026-11-03T09:26:53Z", SECOND + timedelta(seconds=30), SECOND + timedelta(microseconds=999_999)),
        ("2026-11-03T09:26:53.25Z", SECOND + timedelta(seconds=30), SECOND + timedelta(milliseconds=250)),
        ("2026-11-03T11:26:53+02:00", SECOND + timedelta(milliseconds=1), SECOND + timedelta(milliseconds=1)),
    ],
    ids=["at once", "late", "precise already", "of another zone"],
)
def test_an_event_is_as_late_as_it_can_have_been(stated: str, now: datetime, expected: datetime) -> None:
    """A delete is not dated before the object that it deleted, nor later than its own second."""
    message = precise(types.PubsubMessage(attributes={"eventTime": stated}), now)

    assert datetime.fromisoformat(message.attributes["eventTime"]) == expected


def test_other_messages_stay_as_they_are() -> None:
    """A message that is no event of Cloud Storage has no such time."""
    message = types.PubsubMessage(data=b"body", attributes={"a": "b"})

    assert precise(message, SECOND) == types.PubsubMessage(data=b"body", attributes={"a": "b"})
