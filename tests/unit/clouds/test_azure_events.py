"""What Blob Storage's events mean."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

import azure.functions as func
import pytest
from azure.functions.eventgrid import EventGridEventInConverter
from azure.functions.meta import Datum
from hypothesis import given
from hypothesis import strategies as st

from tradewind.clouds.azure import events
from tradewind.errors import BadEventError
from tradewind.ports import Change, Message, Notification

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
CONTAINER = "/blobServices/default/containers/tradewind-weu"
SOURCE = "/subscriptions/0/resourceGroups/t/providers/Microsoft.Storage/storageAccounts/devstoreaccount1"


def decode(body: str) -> list[Notification]:
    """Decode a message that has nothing but a body."""
    return events.decode(Message(body))


def grid(**changes: object) -> dict[str, Any]:
    """Return an event in Event Grid's schema; `changes` replaces fields, or drops those that are None."""
    event = {
        "id": "831e1650",
        "topic": SOURCE,
        "subject": f"{CONTAINER}/blobs/models/a.bin",
        "eventType": "Microsoft.Storage.BlobCreated",
        "eventTime": "2026-11-03T09:26:53.5891239Z",
        "data": {"api": "PutBlob", "clientRequestId": "6d79dbfb", "eTag": '"0x8D4B"', "contentLength": 7},
        "dataVersion": "",
        "metadataVersion": "1",
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


def cloud_event(**changes: object) -> dict[str, Any]:
    """Return the same event in the CloudEvents schema."""
    own = grid()
    event = {
        "specversion": "1.0",
        "id": own["id"],
        "source": own["topic"],
        "subject": own["subject"],
        "type": own["eventType"],
        "time": own["eventTime"],
        "data": own["data"],
        **changes,
    }
    return {name: value for name, value in event.items() if value is not None}


EXPECTED = Notification(
    cloud="azure",
    bucket="devstoreaccount1/tradewind-weu",
    key="models/a.bin",
    change=Change.WRITTEN,
    time=datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC),
    version="0x8D4B",
    size=7,
    id="831e1650",
    actor="6d79dbfb",
)


@pytest.mark.parametrize("event", [grid(), cloud_event(), [grid()]])
def test_tells_everything_the_event_names(event: object) -> None:
    """An event's time (in whole seconds), etag, size, id and actor are kept, in either schema and inside an array."""
    assert decode(json.dumps(event)) == [EXPECTED]


@given(KEYS)
def test_every_key_is_taken_as_it_is(key: str) -> None:
    """A subject is not encoded, so every character of a key stays."""
    (found,) = decode(json.dumps(grid(subject=f"{CONTAINER}/blobs/{key}")))

    assert found.key == key


@pytest.mark.parametrize(
    ("url", "account"),
    [
        ("https://acc1.blob.core.windows.net/tradewind-weu/models/a.bin", "acc1"),
        ("https://acc1.dfs.core.windows.net/tradewind-weu/models/a.bin", "acc1"),
        ("https://acc1.z6.blob.storage.azure.net/tradewind-weu/models/a.bin", "acc1"),
        ("https://acc1-secondary.blob.core.windows.net/tradewind-weu/models/a.bin", "acc1"),
        ("http://127.0.0.1:10000/devstoreaccount1/tradewind-weu/models/a.bin", "devstoreaccount1"),
        ("http://localhost:10000/devstoreaccount1/tradewind-weu/models/a#b?c.bin", "devstoreaccount1"),
    ],
)
def test_the_account_is_found_without_a_topic(url: str, account: str) -> None:
    """Where an event has no topic, the URL's host names the account, or its path as in emulators."""
    (found,) = decode(json.dumps(grid(topic=None, data={"url": url})))

    assert found.bucket == f"{account}/tradewind-weu"


@pytest.mark.parametrize(
    ("kind", "api", "changes"),
    [
        ("BlobCreated", "PutBlockList", [Change.WRITTEN]),
        ("BlobCreated", "CopyBlob", [Change.WRITTEN]),
        ("BlobCreated", "FlushWithClose", [Change.WRITTEN]),
        ("BlobCreated", "CreateFile", []),
        ("BlobCreated", "SftpCreate", []),
        ("BlobCreated", "SftpCommit", [Change.WRITTEN]),
        ("BlobDeleted", "DeleteBlob", [Change.DELETED]),
        ("BlobTierChanged", "SetBlobTier", []),
        ("DirectoryCreated", "CreateDirectory", []),
    ],
)
def test_each_operation_has_its_meaning(kind: str, api: str, changes: list[Change]) -> None:
    """A file that was only opened means nothing yet, and an unknown event means nothing."""
    found = decode(json.dumps(grid(eventType=f"Microsoft.Storage.{kind}", data={"api": api})))

    assert [one.change for one in found] == changes


def test_a_rename_is_a_write_and_a_delete() -> None:
    """A renamed blob is new under one key and gone under the other, which may be in another container."""
    data = {"sourceUrl": "https://acc1.dfs.core.windows.net/other/old name#1.bin", "clientRequestId": "6d79dbfb"}

    found = decode(json.dumps(grid(eventType="Microsoft.Storage.BlobRenamed", data=data, dataVersion="1")))

    assert {one.actor for one in found} == {"6d79dbfb"}
    assert [(one.bucket, one.key, one.change) for one in found] == [
        ("devstoreaccount1/tradewind-weu", "models/a.bin", Change.WRITTEN),
        ("devstoreaccount1/other", "old name#1.bin", Change.DELETED),
    ]


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (grid(dataVersion="9"), "unknown dataVersion"),
        (grid(metadataVersion="2"), "unknown dataVersion"),
        (cloud_event(specversion="2.0"), "unknown specversion"),
        (cloud_event(specversion=None), "specversion: Field required"),
        (grid(subject=None), "subject: Field required"),
        (grid(subject="/blobServices/default/containers/c"), "subject that names no blob"),
        (grid(subject=7), "subject: Input should be a valid string"),
        (grid(data=None), "data: Field required"),
        (grid(topic=None), "names no storage account"),
        (grid(topic=None, data={"url": "http://[bad"}), "a url that is none"),
        (grid(eventTime="now"), "time that is not ISO 8601"),
        (grid(eventType="Microsoft.Storage.BlobRenamed"), "former name"),
        (grid(eventType="Microsoft.Resources.ResourceWriteSuccess"), "not Blob Storage's"),
        (grid(eventType=None), "neither eventType nor type"),
        (["text"], "is not a JSON object"),
        (7, "neither JSON nor base64"),
    ],
)
def test_a_bad_event_says_what_is_wrong_with_it(event: object, fault: str) -> None:
    """An event that cannot be understood is refused with the field and the reason."""
    with pytest.raises(BadEventError, match=fault):
        decode(json.dumps(event))


@pytest.mark.parametrize("event", [grid(), cloud_event()])
def test_what_a_trigger_hands_over_says_the_same(event: dict[str, Any]) -> None:
    """An event that the Functions worker took apart means what it meant before, in either schema."""
    datum = Datum(json.dumps(event), "json")

    handed: func.EventGridEvent | func.CloudEvent = EventGridEventInConverter.decode(datum, trigger_metadata=None)
    message = events.message_of(handed)

    assert (message.id, events.decode(message)) == (EXPECTED.id, [EXPECTED])


@given(st.text() | JSON.map(json.dumps))
def test_any_text_is_understood_or_refused(text: str) -> None:
    """Whatever is in the queue, nothing but a `BadEventError` comes of it."""
    understood_or_refused(text)


@given(st.sampled_from(sorted(grid())), JSON, st.booleans())
def test_any_field_may_be_wrong(field: str, value: object, own: bool) -> None:  # noqa: FBT001 - drawn by Hypothesis
    """The same for events with one field of any value, in either schema."""
    event = grid(**{field: value}) if own else cloud_event(**{field: value})

    understood_or_refused(json.dumps(event))


@given(st.sampled_from(["url", "sourceUrl", "eTag", "contentLength", "api"]), JSON)
def test_any_data_may_be_wrong(field: str, value: object) -> None:
    """The same for events with one data field of any value, without a topic to fall back to."""
    event = grid(topic=None, eventType="Microsoft.Storage.BlobRenamed", data={field: value})

    understood_or_refused(json.dumps(event))


def understood_or_refused(text: str) -> None:
    """Decode `text`; anything but a list or a refusal fails the test."""
    with suppress(BadEventError):
        assert isinstance(decode(text), list)
