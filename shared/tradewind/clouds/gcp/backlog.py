"""How many messages wait in a subscription: Pub/Sub itself does not say, Cloud Monitoring does, minutes late.

Source: https://cloud.google.com/monitoring/api/ref_v3/rest/v3/projects.timeSeries/list
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.errors import StoreUnavailableError

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession

SERVICE = "https://monitoring.googleapis.com"
METRIC = "pubsub.googleapis.com/subscription/num_undelivered_messages"
SAMPLED = timedelta(minutes=10)
"""A sample is taken each minute, and visible some minutes later."""
TIMEOUT = (5.0, 20.0)


class Value(TypedDict):
    """A 64-bit number, which Google's JSON spells as text."""

    int64Value: str


class Point(TypedDict):
    """One sample."""

    value: Value


class Series(TypedDict):
    """The samples of one subscription, newest first."""

    points: list[Point]


class Answer(TypedDict, total=False):
    """What `timeSeries.list` answers; without a field if there is nothing to tell."""

    timeSeries: list[Series]


_ANSWER = TypeAdapter(Answer)


def undelivered(
    session: AuthorizedSession, project: str, subscription: str, *, now: datetime, service: str = SERVICE
) -> int:
    """Return how many messages of a subscription are not acknowledged, by the newest sample; 0 if there is none.

    Args:
        session: With the right to read the project's metrics.
        project: The subscription's project.
        subscription: Its short name.
        now: In UTC.
        service: Address of Cloud Monitoring.

    Raises:
        GoogleAPICallError: Monitoring refused.
        StoreUnavailableError: Its answer is not one.
    """
    from google.api_core.exceptions import from_http_response  # noqa: PLC0415 - loaded with the session

    query = {
        "filter": f'metric.type="{METRIC}" AND resource.labels.subscription_id="{subscription}"',
        "interval.startTime": (now - SAMPLED).isoformat(),
        "interval.endTime": now.isoformat(),
    }
    answer = session.get(f"{service}/v3/projects/{project}/timeSeries", params=query, timeout=TIMEOUT)
    if not answer.ok:
        raise from_http_response(answer)
    try:
        series = _ANSWER.validate_json(answer.content, strict=True).get("timeSeries", [])
    except ValidationError as error:
        raise StoreUnavailableError(f"Cloud Monitoring answered something else about {subscription}") from error
    return sum(int(one["points"][0]["value"]["int64Value"]) for one in series if one["points"])
