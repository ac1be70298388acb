"""Amazon S3's storage events: what an SQS message (or a Lambda invocation) says about an object.

Three wirings end in the same `Notification`: S3 -> SQS, S3 -> SNS -> SQS, and S3 -> EventBridge -> SQS or Lambda. Only
the first two name who acted: EventBridge's `requester` is an account, which functions and users may share, so there the
actor stays unknown.

Sources:
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html (keys are URL-encoded;
    compare the major version for equality and ignore new fields)
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html (keys are plain)
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NotRequired
from urllib.parse import unquote_plus

from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.clouds import wire
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

S3, EVENT_BRIDGE, SNS = "S3 notification", "EventBridge event", "SNS message"

CHANGES = {
    "ObjectCreated": Change.WRITTEN,
    "ObjectRemoved": Change.DELETED,
    "LifecycleExpiration": Change.EXPIRED,
    "ObjectTagging": Change.METADATA,
}
"""S3 event families that mean something to replication."""

DETAIL_TYPES = {
    "Object Created": Change.WRITTEN,
    "Object Deleted": Change.DELETED,
    "Object Tags Added": Change.METADATA,
    "Object Tags Deleted": Change.METADATA,
}
"""The same, as EventBridge calls them."""


class Bucket(TypedDict):
    """The bucket, in both formats."""

    name: str


class S3Object(TypedDict):
    """The object; the key is URL-encoded."""

    key: str
    size: NotRequired[int | None]
    eTag: NotRequired[str | None]
    versionId: NotRequired[str | None]


class S3Entity(TypedDict):
    """What the record is about."""

    bucket: Bucket
    object: S3Object


class Identity(TypedDict):
    """Who did it: `AWS:` and the unique id of a user, or of a role with the session's name."""

    principalId: NotRequired[str | None]


class S3Record(TypedDict):
    """One change."""

    eventVersion: str
    eventSource: str
    eventName: str
    eventTime: NotRequired[str]
    userIdentity: NotRequired[Identity | None]
    responseElements: NotRequired[dict[str, object] | None]
    s3: S3Entity


class S3Notification(TypedDict):
    """What S3 sends to a queue or a topic."""

    Records: list[S3Record]


class SnsMessage(TypedDict):
    """What SNS sends to a queue, unless raw delivery is on."""

    Type: str
    Message: NotRequired[str]


BridgeObject = TypedDict(
    "BridgeObject",
    {
        "key": str,
        "size": NotRequired[int | None],
        "etag": NotRequired[str | None],
        "version-id": NotRequired[str | None],
    },
)
BridgeDetail = TypedDict(
    "BridgeDetail",
    {
        "version": str,
        "event-version": NotRequired[str],
        "bucket": Bucket,
        "object": BridgeObject,
        "reason": NotRequired[str | None],
    },
)
BridgeEvent = TypedDict(
    "BridgeEvent",
    {"version": str, "id": str, "detail-type": str, "source": str, "time": NotRequired[str], "detail": BridgeDetail},
)
BridgeEnvelope = TypedDict("BridgeEnvelope", {"source": str, "detail-type": str})


def message_of(handed: Mapping[str, Any]) -> Message:
    """Return the message that stands for what Lambda hands over: a record of SQS, or an event of EventBridge itself."""
    if "receiptHandle" not in handed:
        return Message(json.dumps(handed), str(handed.get("id", "")))
    attempt = int(handed["attributes"]["ApproximateReceiveCount"])
    return Message(handed["body"], handed["messageId"], attempt, receipt=handed["receiptHandle"])


def decode(message: Message) -> list[Notification]:
    """Return what one message says; an empty list if it means nothing to replication.

    A body of several records is understood as a whole or not at all, so that a record cannot get lost beside a bad one.

    Raises:
        BadEventError: The body is malformed, of an unknown schema version, or not about Amazon S3.
    """
    value = wire.parse(message.body, kind="message")
    if isinstance(value, dict) and "Type" in value and "Records" not in value:
        value = _unwrap(value)
    return _decode(value)


def _decode(value: object) -> list[Notification]:
    if not isinstance(value, dict):
        wire.refuse("message", "is not a JSON object", value)
    if "Records" in value:
        return [found for record in wire.read(S3Notification, value, kind=S3)["Records"] for found in _record(record)]
    if value.get("Event") == "s3:TestEvent":
        return []
    if "detail-type" not in value:
        wire.refuse("message", "has neither Records nor detail-type, so it is no storage event", value)
    return _bridge(value)


def _unwrap(value: object) -> object:
    message = wire.read(SnsMessage, value, kind=SNS)
    if message["Type"] == "SubscriptionConfirmation":
        raise BadEventError(
            "an SNS topic asks for its subscription to be confirmed, and delivers no events until it is",
            hint="Open the message's SubscribeURL, or subscribe the queue again from its own account",
        )
    if message["Type"] != "Notification" or "Message" not in message:
        wire.refuse(SNS, "is not a Notification with a Message", value)
    return wire.parse(message["Message"], kind=SNS)


def _record(record: S3Record) -> list[Notification]:
    if record["eventSource"] != "aws:s3":
        wire.refuse(S3, "is not from aws:s3", record["eventSource"])
    if record["eventVersion"].partition(".")[0] != "2":
        wire.refuse(S3, "has an unknown eventVersion (2.x is known)", record["eventVersion"])
    change = CHANGES.get(record["eventName"].removeprefix("s3:").partition(":")[0])
    if change is None:
        return []
    described = record["s3"]["object"]
    return [
        Notification(
            cloud="aws",
            bucket=record["s3"]["bucket"]["name"],
            key=wire.key(_plain(described["key"]), kind=S3),
            change=change,
            time=wire.second(record["eventTime"], kind=S3) if "eventTime" in record else None,
            version=_version(change, described.get("eTag"), described.get("versionId")),
            size=described.get("size"),
            id=str((record.get("responseElements") or {}).get("x-amz-request-id", "")),
            actor=(record.get("userIdentity") or {}).get("principalId") or "",
        )
    ]


def _plain(key: str) -> str:
    try:
        return unquote_plus(key, errors="strict")
    except UnicodeDecodeError:
        wire.refuse(S3, "has a key that is not URL-encoded UTF-8", key)


def _bridge(value: object) -> list[Notification]:
    envelope = wire.read(BridgeEnvelope, value, kind=EVENT_BRIDGE)
    if envelope["source"] != "aws.s3":
        wire.refuse(EVENT_BRIDGE, "is not from aws.s3", envelope["source"])
    change = DETAIL_TYPES.get(envelope["detail-type"])
    if change is None:
        return []
    event = wire.read(BridgeEvent, value, kind=EVENT_BRIDGE)
    detail, described = event["detail"], event["detail"]["object"]
    if detail.get("event-version", "1.0").partition(".")[0] != "1" or detail["version"] != "0":
        wire.refuse(EVENT_BRIDGE, "has an unknown event-version (1.x is known)", detail)
    if change is Change.DELETED and detail.get("reason") == "Lifecycle Expiration":
        change = Change.EXPIRED
    return [
        Notification(
            cloud="aws",
            bucket=detail["bucket"]["name"],
            key=wire.key(described["key"], kind=EVENT_BRIDGE),
            change=change,
            time=wire.second(event["time"], kind=EVENT_BRIDGE) if "time" in event else None,
            version=_version(change, described.get("etag"), described.get("version-id")),
            size=described.get("size"),
            id=event["id"],
        )
    ]


def _version(change: Change, etag: str | None, version_id: str | None) -> str | None:
    # What is there is known by its ETag; of what is gone, only a version id (a delete marker's) can still be named.
    return etag if change in (Change.WRITTEN, Change.METADATA) else version_id
