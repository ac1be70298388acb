"""Cloud Storage's events: what a CloudEvent that reaches a Cloud Run function says about an object.

Two wirings end in the same `Notification`: a bucket notification through Pub/Sub, and a direct Eventarc trigger.

Sources:
    https://cloud.google.com/storage/docs/pubsub-notifications (attributes; keys are plain)
    https://github.com/googleapis/google-cloudevents (proto/google/events/cloud/{pubsub,storage}/v1/data.proto)
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import NotRequired

from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.clouds import wire
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

PUBSUB, STORAGE = "Pub/Sub message", "Cloud Storage event"
PUBLISHED = "google.cloud.pubsub.topic.v1.messagePublished"
OBJECT = "google.cloud.storage.object."

NOTIFICATIONS = {
    "OBJECT_FINALIZE": Change.WRITTEN,
    "OBJECT_DELETE": Change.DELETED,
    "OBJECT_ARCHIVE": Change.DELETED,
    "OBJECT_METADATA_UPDATE": Change.METADATA,
}
"""Event types of a bucket notification. An archived object has become noncurrent: the key no longer answers."""

EVENTS = {
    "finalized": Change.WRITTEN,
    "deleted": Change.DELETED,
    "archived": Change.DELETED,
    "metadataUpdated": Change.METADATA,
}
"""The same, as the last part of an Eventarc event type."""


class Attributes(TypedDict):
    """Attributes of a bucket notification."""

    eventType: str
    payloadFormat: str
    bucketId: str
    objectId: str
    objectGeneration: NotRequired[str]
    eventTime: NotRequired[str]
    overwrittenByGeneration: NotRequired[str]


class PubsubMessage(TypedDict):
    """The message inside a push."""

    data: NotRequired[str | None]
    attributes: NotRequired[dict[str, object] | None]
    messageId: NotRequired[str]


class Push(TypedDict):
    """Data of a CloudEvent that carries a Pub/Sub message."""

    message: PubsubMessage
    deliveryAttempt: NotRequired[int]


class StorageObject(TypedDict):
    """The object resource; 64-bit numbers are text in Google's JSON, and numbers in some emulators'."""

    bucket: str
    name: str
    generation: NotRequired[str | int]
    size: NotRequired[str | int]
    timeCreated: NotRequired[str]
    updated: NotRequired[str]
    timeDeleted: NotRequired[str]
    overwrittenByGeneration: NotRequired[str | int]


class Envelope(TypedDict):
    """A CloudEvent in its structured JSON form."""

    specversion: str
    type: str
    id: NotRequired[str]
    data: object


def message_of(event_type: str, data: object, *, event_id: str = "", request: object = None) -> Message:
    """Return the message that stands for a CloudEvent, whatever is in it.

    The body is the whole event in its structured form, so that it can be dead-lettered and redriven; of a push that
    carries such a body, redriven, it is that body. Nothing is refused here: `decode` does that, and is answered for.

    Args:
        event_type: The CloudEvent's `type`.
        data: The CloudEvent's `data`, as the functions framework read it from JSON.
        event_id: The CloudEvent's `id`; a Pub/Sub message's own id is preferred, since it outlives redelivery.
        request: The JSON that was posted. The CloudEvent that the framework makes of a plain push lacks the number of
            the delivery, so there the request counts.
    """
    if isinstance(request, dict) and "message" in request and "specversion" not in request:
        data = request
    try:
        body = json.dumps({"specversion": "1.0", "type": event_type, "id": event_id, "data": data}, default=repr)
    except (TypeError, ValueError, RecursionError):
        body = wire.excerpt(data)
    try:
        push = wire.read(Push, data if event_type == PUBLISHED else None, kind=PUBSUB)
        attempt, message = push.get("deliveryAttempt", 1), push["message"]
        if "eventType" not in (message.get("attributes") or {}):
            body = _text(message.get("data")) or body
    except BadEventError:
        return Message(body, event_id)
    return Message(body, message.get("messageId", event_id), attempt)


def decode(message: Message) -> list[Notification]:
    """Return what one message says; an empty list if it means nothing to replication.

    The message is a bucket notification as it is pulled from Pub/Sub, or what `message_of` made.

    An object that was overwritten is announced twice, as gone and as written; what is gone because something newer has
    its name is not a delete, and the newer one's own event speaks for it. Eventarc does not say which of both a delete
    was, so there it stays a hint that the stores' state corrects.

    Raises:
        BadEventError: The event is malformed, of an unknown schema version, or not about Cloud Storage.
    """
    if "eventType" in message.attributes:
        return _notification(message.attributes, message.body, message.id)
    value = wire.parse(message.body, kind=PUBSUB)
    if not isinstance(value, dict) or "specversion" not in value:
        wire.refuse(PUBSUB, "has no attribute eventType, so it is no bucket notification", value)
    event = wire.read(Envelope, value, kind=STORAGE)
    if event["specversion"] != "1.0":
        wire.refuse(STORAGE, "is of an unknown specversion (1.0 is known)", event["specversion"])
    if event["type"] == PUBLISHED:
        pushed = wire.read(Push, event["data"], kind=PUBSUB)["message"]
        identity = pushed.get("messageId", message.id)
        return _notification(pushed.get("attributes") or {}, _text(pushed.get("data")), identity)
    return _direct(event["type"], event["data"], event.get("id") or message.id)


def _notification(found: Mapping[str, object], data: str, identity: str) -> list[Notification]:
    attributes = wire.read(Attributes, dict(found), kind=PUBSUB)
    if attributes["payloadFormat"] not in ("JSON_API_V1", "NONE"):
        wire.refuse(PUBSUB, "has an unknown payloadFormat (JSON_API_V1 and NONE are known)", attributes)
    change = NOTIFICATIONS.get(attributes["eventType"])
    if change is None or (change is Change.DELETED and "overwrittenByGeneration" in attributes):
        return []
    size = None
    if attributes["payloadFormat"] == "JSON_API_V1":
        size = _number(wire.read(StorageObject, wire.parse(data, kind=PUBSUB), kind=PUBSUB).get("size"))
    return [
        Notification(
            cloud="gcp",
            bucket=attributes["bucketId"],
            key=wire.key(attributes["objectId"], kind=PUBSUB),
            change=change,
            time=wire.second(attributes["eventTime"], kind=PUBSUB) if "eventTime" in attributes else None,
            version=attributes.get("objectGeneration"),
            size=size,
            id=identity,
        )
    ]


def _direct(event_type: str, data: object, identity: str) -> list[Notification]:
    if not event_type.startswith(OBJECT):
        wire.refuse(STORAGE, "is of a type that is not Cloud Storage's", event_type)
    version, _, name = event_type.removeprefix(OBJECT).partition(".")
    if version != "v1":
        wire.refuse(STORAGE, "is of an unknown version (v1 is known)", event_type)
    change = EVENTS.get(name)
    if change is None:
        return []
    described = wire.read(StorageObject, data, kind=STORAGE)
    if change is Change.DELETED and "overwrittenByGeneration" in described:
        return []
    moments = {Change.WRITTEN: "timeCreated", Change.METADATA: "updated", Change.DELETED: "timeDeleted"}
    time = described.get(moments[change])
    generation = described.get("generation")
    return [
        Notification(
            cloud="gcp",
            bucket=described["bucket"],
            key=wire.key(described["name"], kind=STORAGE),
            change=change,
            time=wire.second(str(time), kind=STORAGE) if time else None,
            version=None if generation is None else str(generation),
            size=_number(described.get("size")),
            id=identity,
        )
    ]


def _text(data: str | None) -> str:
    try:
        return base64.b64decode(data or "", validate=True).decode()
    except ValueError:
        wire.refuse(PUBSUB, "has data that is not base64 of UTF-8 text", data)


def _number(size: str | int | None) -> int | None:
    try:
        return None if size is None else int(size)
    except ValueError:
        wire.refuse(STORAGE, "has a size that is not a number", size)
