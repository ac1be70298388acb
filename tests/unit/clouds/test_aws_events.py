"""What S3's events mean."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.staging import ROOT
from tradewind.clouds.aws import events
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
EVENTS = ROOT / "events" / "aws"
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


def decode(body: str) -> list[Notification]:
    """Decode a message that has nothing but a body."""
    return events.decode(Message(body))


def record(**changes: object) -> dict[str, Any]:
    """Return a record as S3 writes it; `changes` replaces fields by their dotted path."""
    made: dict[str, Any] = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "eventTime": "2026-11-03T09:26:53.589Z",
        "eventName": "ObjectCreated:Put",
        "userIdentity": {"principalId": "AWS:AROAEXAMPLEID:tradewind-replicate"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {
            "bucket": {"name": "tradewind-use1"},
            "object": {"key": "models/a.bin", "size": 7, "eTag": "b1946ac9", "versionId": "v1"},
        },
    }
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = made
        for parent in parents:
            target = target[parent]
        target[last] = value
    return made


def body(*records: dict[str, Any]) -> str:
    """Return the message body that S3 sends for `records`."""
    return json.dumps({"Records": records})


def test_tells_everything_the_notification_names() -> None:
    """A notification's time (in whole seconds, like objects' times), version, size, request id and actor are kept."""
    assert decode(body(record())) == [
        Notification(
            cloud="aws",
            bucket="tradewind-use1",
            key="models/a.bin",
            change=Change.WRITTEN,
            time=datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC),
            version="b1946ac9",
            size=7,
            id="C3D13FE58DE4C810",
            actor="AWS:AROAEXAMPLEID:tradewind-replicate",
        )
    ]


def test_a_delete_names_the_version_that_hides_the_object() -> None:
    """A delete's version is the delete marker's, which is what tells our own deletes from a user's."""
    (found,) = decode(body(record(eventName="ObjectRemoved:DeleteMarkerCreated")))

    assert (found.change, found.version) == (Change.DELETED, "v1")


@pytest.mark.parametrize("identity", [None, {}, {"principalId": None}])
def test_an_actor_that_is_not_named_is_unknown(identity: object) -> None:
    """A record that does not say who acted is understood all the same."""
    (found,) = decode(body(record(userIdentity=identity)))

    assert found.actor == ""


def test_eventbridge_names_an_account_and_nobody_in_it() -> None:
    """The account of a requester is no actor: it is that of the functions and of the users alike."""
    event = json.loads((EVENTS / "eventbridge-delete.json").read_text())

    (found,) = decode(event["Records"][0]["body"])

    assert json.loads(event["Records"][0]["body"])["detail"]["requester"] == "123456789012"
    assert (found.actor, found.time) == ("", datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("ObjectCreated:Copy", [Change.WRITTEN]),
        ("s3:ObjectCreated:Post", [Change.WRITTEN]),
        ("ObjectRemoved:Delete", [Change.DELETED]),
        ("LifecycleExpiration:DeleteMarkerCreated", [Change.EXPIRED]),
        ("ObjectTagging:Delete", [Change.METADATA]),
        ("ObjectAcl:Put", []),
        ("LifecycleTransition", []),
        ("Replication:OperationFailedReplication", []),
    ],
)
def test_each_family_of_events_has_its_meaning(name: str, changes: list[Change]) -> None:
    """An event's family decides what it means, and an unknown family means nothing."""
    assert [found.change for found in decode(body(record(eventName=name)))] == changes


@given(KEYS)
def test_every_key_survives_url_encoding(key: str) -> None:
    """S3's encoding of a key is undone exactly."""
    (found,) = decode(body(record(s3__object__key=quote_plus(key))))

    assert found.key == key


@given(KEYS)
def test_eventbridge_keys_are_plain(key: str) -> None:
    """EventBridge does not encode keys, so `+` and `%` in them stay."""
    event = {
        "version": "0",
        "id": "1",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"version": "0", "bucket": {"name": "b"}, "object": {"key": key}},
    }

    (found,) = decode(json.dumps(event))

    assert found.key == key


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (record(eventVersion="3.0"), "unknown eventVersion"),
        (record(eventVersion=2.1), "eventVersion: Input should be a valid string"),
        (record(eventSource="minio:s3"), "is not from aws:s3"),
        (record(eventTime="now"), "time that is not ISO 8601"),
        (record(s3={}), "s3.bucket: Field required"),
        (record(s3__object__key=7), "s3.object.key: Input should be a valid string"),
        (record(s3__object__key=""), "key that no object can have"),
        (record(s3__object__key="%ff"), "not URL-encoded UTF-8"),
        (record(s3__object__size="7"), "s3.object.size"),
    ],
)
def test_a_bad_record_says_what_is_wrong_with_it(bad: dict[str, Any], fault: str) -> None:
    """A record that cannot be understood is refused with the field and the reason."""
    with pytest.raises(BadEventError, match=fault):
        decode(body(bad))


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"Type": "Notification"},
        {"Type": "Notification", "Message": "not JSON"},
        {"Type": "Notification", "Message": json.dumps({"Type": "Notification", "Message": "{}"})},
        {"Type": "UnsubscribeConfirmation", "Message": "{}"},
        {"detail-type": "Object Created", "source": "aws.ec2"},
        {"detail-type": "Object Created", "source": "aws.s3"},
        {"Event": "s3:OtherEvent"},
    ],
)
def test_what_is_no_storage_event_is_refused(message: dict[str, Any]) -> None:
    """A message that is not S3's is refused, not followed and not dropped."""
    with pytest.raises(BadEventError):
        decode(json.dumps(message))


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Whatever is in the queue, nothing but a `BadEventError` comes of it."""
    understood_or_refused(text)


@given(st.sampled_from(["Records", "Type", "Message", "detail-type", "detail", "Event", "source"]), JSON, JSON)
def test_any_envelope_is_understood_or_refused(field: str, value: object, other: object) -> None:
    """The same for messages that look right at first sight."""
    understood_or_refused(json.dumps({field: value, "s3": other}))


@given(st.sampled_from(sorted(record())), JSON)
def test_any_field_may_be_wrong(field: str, value: object) -> None:
    """The same for records with one field of any value."""
    understood_or_refused(body(record(**{field: value})))


def understood_or_refused(text: str) -> None:
    """Decode `text`; anything but a list or a refusal fails the test."""
    with suppress(BadEventError):
        assert isinstance(decode(text), list)


def test_a_record_of_sqs_is_a_message() -> None:
    """What is needed to work on it, to count its deliveries and to hand it back is kept."""
    record = {
        "messageId": "m",
        "receiptHandle": "r",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "3"},
    }

    assert events.message_of(record) == Message("{}", "m", 3, receipt="r")


@pytest.mark.parametrize("event", [{"id": "e", "detail-type": "Object Created"}, {}])
def test_an_event_of_eventbridge_is_a_message(event: dict[str, object]) -> None:
    """Its body is the whole event, so that it can be dead-lettered and redriven."""
    assert events.message_of(event) == Message(json.dumps(event), str(event.get("id", "")))
