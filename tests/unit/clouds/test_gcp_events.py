"""What Cloud Storage's events mean."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.clouds.gcp import events
from tradewind.clouds.gcp.events import PUBLISHED, message_of
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

FINALIZED = "google.cloud.storage.object.v1.finalized"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
OBJECT = {"bucket": "tradewind-euw4", "name": "models/a.bin", "generation": "42", "size": "7"}


def decode(event_type: str, data: object, event_id: str = "") -> list[Notification]:
    """Decode a CloudEvent as the handler hands it on."""
    return events.decode(message_of(event_type, data, event_id=event_id))


def encoded(value: object) -> str:
    """Return `value` as Pub/Sub carries it."""
    return base64.b64encode(json.dumps(value).encode()).decode()


def published(**changes: object) -> dict[str, Any]:
    """Return a push's data; `changes` replaces attributes, or drops those that are None."""
    attributes = {
        "eventType": "OBJECT_FINALIZE",
        "payloadFormat": "JSON_API_V1",
        "bucketId": "tradewind-euw4",
        "objectId": "models/a.bin",
        "objectGeneration": "42",
        "eventTime": "2026-11-03T09:26:53.589342Z",
        **changes,
    }
    kept = {name: value for name, value in attributes.items() if value is not None}
    return {"message": {"attributes": kept, "data": encoded(OBJECT), "messageId": "8417"}}


def test_tells_everything_the_notification_names() -> None:
    """A notification's generation, size and message id are kept, and its time in whole seconds, as objects' are."""
    assert decode(PUBLISHED, published(), event_id="other") == [
        Notification(
            cloud="gcp",
            bucket="tradewind-euw4",
            key="models/a.bin",
            change=Change.WRITTEN,
            time=datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC),
            version="42",
            size=7,
            id="8417",
        )
    ]


def test_a_direct_event_says_the_same() -> None:
    """An Eventarc event and a Pub/Sub notification of one change differ in nothing that matters."""
    (found,) = decode(FINALIZED, {**OBJECT, "timeCreated": "2026-11-03T09:26:53.589342Z"}, event_id="8417")

    assert [found] == decode(PUBLISHED, published())


@pytest.mark.parametrize("event", ["OBJECT_DELETE", "OBJECT_ARCHIVE"])
def test_an_overwrite_is_not_a_delete(event: str) -> None:
    """What went because something newer has its name is no delete; the newer one's own event speaks for it."""
    assert decode(PUBLISHED, published(eventType=event, overwrittenByGeneration="43")) == []
    assert [found.change for found in decode(PUBLISHED, published(eventType=event))] == [Change.DELETED]


def test_a_direct_overwrite_is_not_a_delete_where_the_event_tells() -> None:
    """The same for Eventarc, should an event ever name the overwriting generation."""
    deleted = "google.cloud.storage.object.v1.deleted"

    assert decode(deleted, {**OBJECT, "overwrittenByGeneration": "43"}) == []
    assert [found.change for found in decode(deleted, OBJECT)] == [Change.DELETED]


def test_numbers_may_be_numbers() -> None:
    """Google's JSON spells 64-bit numbers as text; an emulator that does not is understood, too."""
    (found,) = decode(FINALIZED, {**OBJECT, "generation": 42, "size": 7})

    assert (found.version, found.size) == ("42", 7)


def test_a_later_event_of_the_same_version_means_nothing() -> None:
    """A change that this version of the schema adds is no error."""
    assert decode("google.cloud.storage.object.v1.teleported", OBJECT) == []


@pytest.mark.parametrize(
    ("event_type", "data", "fault"),
    [
        ("google.cloud.storage.object.v2.finalized", OBJECT, "unknown version"),
        ("google.cloud.audit.log.v1.written", OBJECT, "not Cloud Storage's"),
        (FINALIZED, None, "Input should be a valid dict"),
        (FINALIZED, b"bytes", "Input should be a valid dict"),
        (FINALIZED, {"bucket": "b"}, "name: Field required"),
        (FINALIZED, {**OBJECT, "name": ""}, "key that no object can have"),
        (FINALIZED, {**OBJECT, "size": "many"}, "size that is not a number"),
        (FINALIZED, {**OBJECT, "timeCreated": "now"}, "time that is not ISO 8601"),
        (PUBLISHED, {}, "message: Field required"),
        (PUBLISHED, {"message": {"data": "?"}}, "not base64"),
        (
            PUBLISHED,
            {"message": {"data": encoded({"specversion": "2.0", "type": FINALIZED, "data": OBJECT})}},
            "specversion",
        ),
        (PUBLISHED, {"message": {"data": encoded({})}}, "no attribute eventType"),
        (PUBLISHED, {"message": {}}, "eventType: Field required"),
        (PUBLISHED, published(objectId=None), "objectId: Field required"),
        (PUBLISHED, published(payloadFormat="JSON_API_V2"), "unknown payloadFormat"),
        (PUBLISHED, published(eventTime="now"), "time that is not ISO 8601"),
        (PUBLISHED, published(bucketId=7), "bucketId: Input should be a valid string"),
    ],
)
def test_a_bad_event_says_what_is_wrong_with_it(event_type: str, data: object, fault: str) -> None:
    """An event that cannot be understood is refused with the field and the reason."""
    with pytest.raises(BadEventError, match=fault):
        decode(event_type, data)


@pytest.mark.parametrize(("event_type", "data"), [(FINALIZED, OBJECT), (PUBLISHED, published())])
def test_a_message_means_the_same_after_any_number_of_redrives(event_type: str, data: object) -> None:
    """What was dead-lettered and sent to the topic again is understood, and does not grow."""
    message = message_of(event_type, data, event_id="8417")
    attributes = {"tradewind-reason": "a target was down"}
    pushed = {"message": {"data": base64.b64encode(message.body.encode()).decode(), "attributes": attributes}}

    again = message_of(PUBLISHED, pushed, event_id="9000")

    assert again.body == message.body
    assert events.decode(again) == events.decode(message)


def test_a_pulled_notification_is_understood() -> None:
    """A message that a tool pulled has the notification's attributes, and the object as its body."""
    attributes = published()["message"]["attributes"]

    assert events.decode(Message(json.dumps(OBJECT), "8417", attributes=attributes)) == decode(PUBLISHED, published())


def test_the_delivery_attempt_is_kept() -> None:
    """Pub/Sub counts deliveries where the subscription has a dead-letter policy."""
    assert message_of(PUBLISHED, {**published(), "deliveryAttempt": 4}).attempt == 4
    assert message_of(PUBLISHED, published()).attempt == 1


def test_the_delivery_attempt_of_a_plain_push_is_kept() -> None:
    """The CloudEvent that the framework makes of a push lacks it; the request that was posted has it."""
    posted = {**published(), "subscription": "projects/p/subscriptions/s", "deliveryAttempt": 4}

    assert message_of(PUBLISHED, published(), request=posted).attempt == 4
    assert message_of(PUBLISHED, published(), request={"specversion": "1.0", "data": posted}).attempt == 1
    assert message_of(FINALIZED, OBJECT, request=OBJECT) == message_of(FINALIZED, OBJECT)


@pytest.mark.parametrize("data", [b"bytes", {1: 2}, {(): 2}, {"message": 7}, {"message": {"data": "?"}}, None])
def test_every_event_makes_a_message(data: object) -> None:
    """What cannot be understood still becomes a message, so that it can be dead-lettered."""
    message = message_of(PUBLISHED, data, event_id="8417")

    assert message.id == "8417"
    with pytest.raises(BadEventError):
        events.decode(message)


@given(st.sampled_from([PUBLISHED, FINALIZED, "google.cloud.storage.object.v1.deleted"]) | st.text(), JSON)
def test_any_data_is_understood_or_refused(event_type: str, data: object) -> None:
    """Whatever is pushed, nothing but a `BadEventError` comes of it."""
    understood_or_refused(event_type, data)


@given(st.sampled_from(["message"]), st.sampled_from(["data", "attributes", "messageId"]), JSON)
def test_any_message_is_understood_or_refused(outer: str, field: str, value: object) -> None:
    """The same for pushes that look right at first sight."""
    understood_or_refused(PUBLISHED, {outer: {field: value}})


@given(st.sampled_from(sorted(published()["message"]["attributes"])), JSON)
def test_any_attribute_may_be_wrong(name: str, value: object) -> None:
    """The same for notifications with one attribute of any value."""
    understood_or_refused(PUBLISHED, published(**{name: value}))


@given(JSON.map(encoded))
def test_any_payload_is_understood_or_refused(data: str) -> None:
    """The same for payloads of any JSON, whatever the attributes promise."""
    message = published()["message"]

    understood_or_refused(PUBLISHED, {"message": {**message, "data": data}})
    understood_or_refused(PUBLISHED, {"message": {"data": data}})


def understood_or_refused(event_type: str, data: object) -> None:
    """Decode; anything but a list or a refusal fails the test."""
    with suppress(BadEventError):
        assert isinstance(decode(event_type, data), list)
