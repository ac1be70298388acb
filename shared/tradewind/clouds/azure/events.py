"""Blob Storage's events: what an Event Grid event says about a blob.

Event Grid delivers to a storage queue (in base64, which the Functions host takes off) or to a function directly, in its
own schema or as CloudEvents 1.0; all end in the same `Notification`.

The key is taken from `subject`, which holds it as the user spelled it. `data.url` holds it unescaped, too, so that a
`#`, `?` or `%` in it cannot be told from the URL's own (https://github.com/Azure/azure-sdk-for-net/issues/23634).

A blob that a lifecycle policy removed is announced like one that a user removed; no documented field tells them apart.

Source: https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, NotRequired
from urllib.parse import urlsplit

from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.clouds import wire
from tradewind.ports import Change, Message, Notification

if TYPE_CHECKING:
    import azure.functions as func

GRID = "Event Grid event"
STORAGE, OWN = "Microsoft.Storage.", "Microsoft.EventGrid."
CREATED, DELETED, RENAMED = f"{STORAGE}BlobCreated", f"{STORAGE}BlobDeleted", f"{STORAGE}BlobRenamed"

OPENED = ("CreateFile", "SftpCreate")
"""Operations that only open a file; `FlushWithClose` or `SftpCommit` follows when its content is there."""

DATA_VERSIONS = ("", "1", "2", "3")
SUBJECT = re.compile(r"/blobServices/default/containers/([^/]+)/blobs/(.+)", re.DOTALL)
ACCOUNT = re.compile(r"/storageAccounts/([^/]+)", re.IGNORECASE)
HOST = re.compile(r"([a-z0-9]{3,24})(-secondary)?\.(z[0-9]+\.)?(blob|dfs)\.", re.IGNORECASE)


class BlobData(TypedDict):
    """The blob, and the request that changed it."""

    api: NotRequired[str]
    clientRequestId: NotRequired[str | None]
    url: NotRequired[str]
    sourceUrl: NotRequired[str]
    destinationUrl: NotRequired[str]
    eTag: NotRequired[str | None]
    contentLength: NotRequired[int | None]


class GridEvent(TypedDict):
    """An event in Event Grid's own schema."""

    id: str
    topic: NotRequired[str | None]
    subject: str
    eventType: str
    eventTime: NotRequired[str | None]
    dataVersion: NotRequired[str | None]
    metadataVersion: NotRequired[str | None]
    data: BlobData


class CloudEvent(TypedDict):
    """An event in the schema of CloudEvents 1.0, structured."""

    specversion: str
    id: str
    source: NotRequired[str | None]
    subject: str
    type: str
    time: NotRequired[str | None]
    data: BlobData


def message_of(event: func.EventGridEvent | func.CloudEvent) -> Message:
    """Return the message that stands for what an Event Grid trigger hands to its function, in either schema."""
    import azure.functions as func  # noqa: PLC0415 - loaded already by who has such an event

    body: dict[str, object] = {"id": event.id, "subject": event.subject, "data": event.get_json()}
    if isinstance(event, func.CloudEvent):
        body |= {"specversion": event.specversion, "source": event.source, "type": event.type, "time": event.time}
    else:
        body |= {"topic": event.topic, "eventType": event.event_type, "eventTime": event.event_time}
        body |= {"dataVersion": event.data_version}
    return Message(json.dumps(body, default=str), event.id)


def decode(message: Message) -> list[Notification]:
    """Return what one queue message or trigger body says; an empty list if it means nothing to replication.

    Several events in one body (an array, as web hooks receive them) are understood as a whole or not at all.

    Raises:
        BadEventError: The body is malformed, of an unknown schema version, or not about Blob Storage.
    """
    value = wire.parse(_plain(message.body), kind=GRID)
    events = value if isinstance(value, list) else [value]
    return [found for event in events for found in _event(event)]


def _plain(body: str) -> str:
    if body.lstrip().startswith(("{", "[")):
        return body
    try:
        return base64.b64decode(body, validate=True).decode()
    except ValueError:
        wire.refuse(GRID, "is neither JSON nor base64 of it", body)


def _event(event: object) -> Iterable[Notification]:
    if not isinstance(event, dict):
        wire.refuse(GRID, "is not a JSON object", event)
    kind = event.get("eventType", event.get("type"))
    if not isinstance(kind, str):
        wire.refuse(GRID, "has neither eventType nor type", event)
    if kind in (CREATED, DELETED, RENAMED):
        return _blob(kind, _standard(event))
    if not kind.startswith((STORAGE, OWN)):
        wire.refuse(GRID, "is of a type that is not Blob Storage's", kind)
    return []


def _standard(event: dict[str, object]) -> GridEvent:
    """Return an event of either schema in Event Grid's own."""
    if "eventType" in event:
        own = wire.read(GridEvent, event, kind=GRID)
        if (own.get("dataVersion") or "") not in DATA_VERSIONS or (own.get("metadataVersion") or "1") != "1":
            wire.refuse(GRID, f"is of an unknown dataVersion ({', '.join(DATA_VERSIONS[1:])} are known)", event)
        return own
    cloud = wire.read(CloudEvent, event, kind=GRID)
    if cloud["specversion"] != "1.0":
        wire.refuse(GRID, "is of an unknown specversion (1.0 is known)", cloud["specversion"])
    return GridEvent(
        id=cloud["id"],
        topic=cloud.get("source"),
        subject=cloud["subject"],
        eventType=cloud["type"],
        eventTime=cloud.get("time"),
        data=cloud["data"],
    )


def _blob(kind: str, event: GridEvent) -> Iterable[Notification]:
    data = event["data"]
    if kind == CREATED and data.get("api") in OPENED:
        return
    named = SUBJECT.fullmatch(event["subject"])
    if named is None:
        wire.refuse(GRID, "has a subject that names no blob", event["subject"])
    account = _account(event)
    spelled = event.get("eventTime")
    time = wire.second(spelled, kind=GRID) if spelled else None
    actor = data.get("clientRequestId") or ""
    etag = data.get("eTag")
    yield Notification(
        cloud="azure",
        bucket=f"{account}/{named[1]}",
        key=wire.key(named[2], kind=GRID),
        change=Change.DELETED if kind == DELETED else Change.WRITTEN,
        time=time,
        version=etag.strip('"') if etag else None,
        size=data.get("contentLength"),
        id=event["id"],
        actor=actor,
    )
    if kind == RENAMED:
        container, key = _renamed(data)
        yield Notification("azure", f"{account}/{container}", key, Change.DELETED, time, id=event["id"], actor=actor)


def _renamed(data: BlobData) -> tuple[str, str]:
    """Return the container and key that a renamed blob had; only its unescaped URL names them."""
    path = data.get("sourceUrl", "").partition("://")[2].partition("/")[2]
    container, _, key = path.partition("/")
    if not container:
        wire.refuse(GRID, "says of a renamed blob nothing about its former name (data.sourceUrl)", data)
    return container, wire.key(key, kind=GRID)


def _account(event: GridEvent) -> str:
    """Return the storage account: from the topic, else from the URL's host, else (emulators) from its path."""
    if found := ACCOUNT.search(event.get("topic") or ""):
        return found[1].lower()
    url = event["data"].get("url", event["data"].get("destinationUrl", ""))
    try:
        address = urlsplit(url)
    except ValueError:
        wire.refuse(GRID, "has a url that is none", url)
    if found := HOST.match(address.netloc):
        return found[1].lower()
    account = address.path.split("/")[1] if address.path.count("/") > 1 else ""
    return account or wire.refuse(GRID, "names no storage account (in topic, source or data.url)", event)
