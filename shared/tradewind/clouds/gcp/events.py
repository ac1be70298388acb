"""Cloud Storage's events: what a CloudEvent that reaches a Cloud Run function says about an object.

Two wirings end in the same `Notification`: a bucket notification through Pub/Sub, and a direct Eventarc trigger.

Sources:
    https://cloud.google.com/storage/docs/pubsub-notifications (attributes; keys are plain)
    https://github.com/googleapis/google-cloudevents (proto/google/events/cloud/{pubsub,storage}/v1/data.proto)
"""

from __future__ import annotations

import base64
from typing import NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.clouds import wire
from tradewind.ports import Change, Notification

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


class Published(TypedDict):
    """Data of a CloudEvent that carries a Pub/Sub message."""

    message: PubsubMessage


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
    """A CloudEvent in its structured JSON form, as a redriven message holds it."""

    specversion: str
    type: str
    id: NotRequired[str]
    data: dict[str, object]


_PUBLISHED = TypeAdapter(Published)
_ATTRIBUTES = TypeAdapter(Attributes)
_OBJECT = TypeAdapter(StorageObject)
_ENVELOPE = TypeAdapter(Envelope)


def decode(event_type: str, data: object, *, event_id: str = "") -> list[Notification]:
    """Return what one CloudEvent says; an empty list if it means nothing to replication.

    An object that was overwritten is announced twice, as gone and as written; what is gone because something newer has
    its name is not a delete, and the newer one's own event speaks for it. Eventarc does not say which of both a delete
    was, so there it stays a hint that the stores' state corrects.

    Args:
        event_type: The CloudEvent's `type`.
        data: The CloudEvent's `data`, as the functions framework read it from JSON.
        event_id: The CloudEvent's `id`; a Pub/Sub message's own id is preferred, since it outlives redelivery.

    Raises:
        BadEventError: The event is malformed, of an unknown schema version, or not about Cloud Storage.
    """
    if event_type == PUBLISHED:
        return _published(data, event_id)
    if not event_type.startswith(OBJECT):
        wire.refuse(STORAGE, "is of a type that is not Cloud Storage's", event_type)
    version, _, name = event_type.removeprefix(OBJECT).partition(".")
    if version != "v1":
        wire.refuse(STORAGE, "is of an unknown version (v1 is known)", event_type)
    change = EVENTS.get(name)
    return [] if change is None else _direct(change, data, event_id)


def _published(data: object, event_id: str) -> list[Notification]:
    message = wire.read(_PUBLISHED, data, kind=PUBSUB)["message"]
    identity = message.get("messageId") or event_id
    attributes = message.get("attributes") or {}
    if "eventType" in attributes:
        return _notification(wire.read(_ATTRIBUTES, attributes, kind=PUBSUB), message.get("data"), identity)
    event = wire.parse(_text(message.get("data")), kind=PUBSUB)
    if not isinstance(event, dict) or "specversion" not in event:
        wire.refuse(PUBSUB, "has no attribute eventType, so it is no bucket notification", message)
    envelope = wire.read(_ENVELOPE, event, kind=STORAGE)
    if envelope["type"] == PUBLISHED:
        wire.refuse(PUBSUB, "holds another Pub/Sub message", envelope["data"])
    return decode(envelope["type"], envelope["data"], event_id=envelope.get("id", identity))


def _notification(attributes: Attributes, data: str | None, identity: str) -> list[Notification]:
    if attributes["payloadFormat"] not in ("JSON_API_V1", "NONE"):
        wire.refuse(PUBSUB, "has an unknown payloadFormat (JSON_API_V1 and NONE are known)", attributes)
    change = NOTIFICATIONS.get(attributes["eventType"])
    if change is None or (change is Change.DELETED and "overwrittenByGeneration" in attributes):
        return []
    size = None
    if attributes["payloadFormat"] == "JSON_API_V1":
        size = _number(wire.read(_OBJECT, wire.parse(_text(data), kind=PUBSUB), kind=PUBSUB).get("size"))
    return [
        Notification(
            cloud="gcp",
            bucket=attributes["bucketId"],
            key=wire.key(attributes["objectId"], kind=PUBSUB),
            change=change,
            time=wire.moment(attributes["eventTime"], kind=PUBSUB) if "eventTime" in attributes else None,
            version=attributes.get("objectGeneration"),
            size=size,
            id=identity,
        )
    ]


def _direct(change: Change, data: object, identity: str) -> list[Notification]:
    described = wire.read(_OBJECT, data, kind=STORAGE)
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
            time=wire.moment(str(time), kind=STORAGE) if time else None,
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
