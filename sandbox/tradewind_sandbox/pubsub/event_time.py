"""The time of Cloud Storage's events, which fake-gcs-server gives in whole seconds and the service in microseconds.

It dates objects in microseconds, so that a delete within the second of its object's creation would come before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from google.pubsub_v1 import types

_TIME = "eventTime"
_LAST = timedelta(microseconds=999_999)


def precise(message: types.PubsubMessage, now: datetime) -> types.PubsubMessage:
    """Return a message whose event, if it is one of whole seconds, has the latest time that it can have had.

    Args:
        message: As it was published.
        now: When that was.
    """
    if stated := message.attributes.get(_TIME):
        time = datetime.fromisoformat(stated)
        if not time.microsecond:
            message.attributes[_TIME] = min(now, time + _LAST).isoformat()
    return message
