"""How Pub/Sub's backlog is read from Cloud Monitoring."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from tradewind.clouds.gcp.backlog import undelivered
from tradewind.clouds.gcp.errors import translate
from tradewind.errors import AccessDeniedError, StoreUnavailableError

NOW = datetime(2026, 11, 3, 9, 30, tzinfo=UTC)


class Monitoring(BaseAdapter):
    """Answers every request with one answer, and keeps the requests."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__()
        self.status = status
        self.body = body
        self.requests: list[PreparedRequest] = []

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:  # noqa: ANN401 - as the base
        """Answer."""
        self.requests.append(request)
        response = Response()
        response.status_code = self.status
        response.raw = BytesIO(json.dumps(self.body).encode())
        response.request = request
        response.url = str(request.url)
        return response

    def close(self) -> None:
        """Nothing is open."""


def count(monitoring: Monitoring) -> int:
    """Ask for the backlog of `notifications`."""
    session = AuthorizedSession(AnonymousCredentials())
    session.mount("https://", monitoring)
    with translate("count", "the messages of pubsub://project/notifications"):
        return undelivered(session, "project", "notifications", now=NOW)


def series(*counts: int) -> dict[str, object]:
    """Return one subscription's samples, newest first."""
    interval = {"startTime": "2026-11-03T09:28:00Z", "endTime": "2026-11-03T09:28:00Z"}
    return {"points": [{"interval": interval, "value": {"int64Value": str(number)}} for number in counts]}


def test_the_newest_sample_counts() -> None:
    """Of the last minutes' samples the newest is the answer."""
    monitoring = Monitoring(200, {"timeSeries": [series(7, 3, 0)], "unit": "1"})

    assert count(monitoring) == 7
    url = urlsplit(str(monitoring.requests[0].url))
    query = parse_qs(url.query)
    assert (url.netloc, url.path) == ("monitoring.googleapis.com", "/v3/projects/project/timeSeries")
    metric, subscription = query["filter"][0].split(" AND ")
    assert metric == 'metric.type="pubsub.googleapis.com/subscription/num_undelivered_messages"'
    assert subscription == 'resource.labels.subscription_id="notifications"'
    assert query["interval.startTime"] == ["2026-11-03T09:20:00+00:00"]
    assert query["interval.endTime"] == ["2026-11-03T09:30:00+00:00"]


def test_a_subscription_without_samples_is_empty() -> None:
    """Monitoring says nothing at all about a subscription that never held a message."""
    assert count(Monitoring(200, {})) == 0


def test_a_missing_permission_is_named() -> None:
    """Who may not read metrics is told which right is missing."""
    body = {"error": {"code": 403, "message": "Permission monitoring.timeSeries.list denied", "status": "DENIED"}}

    with pytest.raises(AccessDeniedError, match="Monitoring Viewer"):
        count(Monitoring(403, body))


def test_another_answer_is_not_a_number() -> None:
    """An answer of another shape is not taken for an empty queue."""
    with pytest.raises(StoreUnavailableError, match="notifications"):
        count(Monitoring(200, {"timeSeries": [{"points": [{"value": {"doubleValue": 7.0}}]}]}))
