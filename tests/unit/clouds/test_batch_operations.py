"""Answering S3 Batch Operations."""

from __future__ import annotations

from typing import Any

import pytest

from tradewind.clouds.aws.batch_operations import REPORTED, Done, answer
from tradewind.errors import BadEventError, ConflictError, StoreUnavailableError, TradewindError, UnknownBucketError
from tradewind.ports import Change, Notification


def invocation(**changes: object) -> dict[str, Any]:
    """Return an invocation with one task."""
    task = {"taskId": "t", "s3Key": "a+b%2B", "s3VersionId": None, "s3BucketArn": "arn:aws:s3:::data"}
    return {"invocationSchemaVersion": "1.0", "invocationId": "i", "job": {"id": "j"}, "tasks": [task]} | changes


def asked(event: dict[str, Any]) -> list[Notification]:
    """Return what an invocation asks for."""
    found: list[Notification] = []

    def work(notification: Notification) -> Done:
        found.append(notification)
        return Done("")

    answer(event, work)
    return found


@pytest.mark.parametrize(
    "place",
    [{"s3BucketArn": "arn:aws:s3:::data"}, {"s3Bucket": "data"}, {"s3Bucket": "data", "s3BucketArn": None}],
)
def test_both_schemas_name_the_bucket(place: dict[str, object]) -> None:
    """An ARN and a plain name mean the same, and the key is decoded."""
    event = invocation(tasks=[{"taskId": "t", "s3Key": "a+b%2B/%E2%82%AC", **place}])

    assert asked(event) == [Notification("aws", "data", "a b+/€", Change.NOTHING, id="job j")]


@pytest.mark.parametrize(
    ("errors", "code"),
    [
        ([], "Succeeded"),
        ([ConflictError("two")], "PermanentFailure"),
        ([StoreUnavailableError("down")], "TemporaryFailure"),
        ([ConflictError("two"), StoreUnavailableError("down")], "TemporaryFailure"),
    ],
)
def test_the_code_says_whether_to_ask_again(errors: list[TradewindError], code: str) -> None:
    """As long as one target may still get it, the task is to be repeated."""
    [result] = answer(invocation(), lambda _: Done("said", errors))["results"]

    assert (result["taskId"], result["resultCode"]) == ("t", code)
    assert result["resultString"] == "; ".join([*map(str, errors), "said"])


def test_an_error_is_the_tasks_own() -> None:
    """One task that cannot be looked at leaves the others alone."""
    task = {"taskId": "u", "s3Key": "k", "s3Bucket": "elsewhere"}

    def work(notification: Notification) -> Done:
        if notification.bucket == "elsewhere":
            raise UnknownBucketError("no site of the fleet")
        return Done("fine")

    results = answer(invocation(tasks=[task, *invocation()["tasks"]]), work)["results"]

    assert [each["resultCode"] for each in results] == ["PermanentFailure", "Succeeded"]


def test_a_result_is_no_longer_than_the_report_takes() -> None:
    """S3 keeps so many characters of a result."""
    [result] = answer(invocation(), lambda _: Done("x" * 9999))["results"]

    assert len(result["resultString"]) == REPORTED


@pytest.mark.parametrize("event", [{}, invocation(invocationSchemaVersion="3.0"), invocation(tasks=[{"s3Key": "k"}])])
def test_what_is_no_invocation_is_refused(event: dict[str, object]) -> None:
    """A schema that is not known is not guessed at."""
    with pytest.raises(BadEventError, match="not one of S3 Batch Operations"):
        answer(event, lambda _: Done(""))
