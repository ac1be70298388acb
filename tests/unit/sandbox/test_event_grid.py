"""What Azurite's journal says, and the events that come of it."""

from __future__ import annotations

import pytest

from tradewind.clouds.azure.events import decode
from tradewind.ports import Change as Said
from tradewind.ports import Message
from tradewind_sandbox.event_grid import change, event
from tradewind_sandbox.journal import Entry

ACCOUNT = "/devstoreaccount1"


def entry(method: str, url: str, **more: str) -> Entry:
    """An entry as azurite_journal.cjs notes it."""
    empty = dict.fromkeys(("clientRequestId", "requestId", "etag", "blobType", "contentType", "copySource"), "")
    said = {"time": "2026-11-03T09:26:53.589Z", "method": method, "url": url, "contentLength": "5"}
    return {**empty, **said, **more}


@pytest.mark.parametrize(
    ("method", "url", "more", "api"),
    [
        ("PUT", f"{ACCOUNT}/c/k", {}, "PutBlob"),
        ("PUT", f"{ACCOUNT}/c/k?timeout=5", {}, "PutBlob"),
        ("PUT", f"{ACCOUNT}/c/k?comp=blocklist", {}, "PutBlockList"),
        ("PUT", f"{ACCOUNT}/c/k", {"copySource": "http://x/y"}, "CopyBlob"),
        ("DELETE", f"{ACCOUNT}/c/k", {}, "DeleteBlob"),
        ("DELETE", f"{ACCOUNT}/c/k?snapshot=2026", {}, ""),
        ("PUT", f"{ACCOUNT}/c/k?comp=block&blockid=AA==", {}, ""),
        ("PUT", f"{ACCOUNT}/c/k?comp=metadata", {}, ""),
        ("PUT", f"{ACCOUNT}/c/k?comp=tags", {}, ""),
    ],
)
def test_announces_completed_writes_and_deletes(method: str, url: str, more: dict[str, str], api: str) -> None:
    """A whole blob that was written or deleted is announced, and nothing else."""
    found = change(entry(method, url, **more))

    assert found is not None
    assert found.api == api


@pytest.mark.parametrize("url", [f"{ACCOUNT}/c?restype=container", f"{ACCOUNT}/c/?restype=container", ACCOUNT])
def test_a_container_is_no_blob(url: str) -> None:
    """Requests about containers and accounts speak of no blob."""
    assert change(entry("PUT", url)) is None


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("a/b", "a/b"),
        ("sp%20ace%20%2B%25%23%3F", "sp ace +%#?"),
        ("%C3%BCn%C3%AF/%E6%97%A5", "ünï/日"),
        ("a%2Fb", "a/b"),
        ("/lead", "/lead"),
        ("a%252Fb", "a%2Fb"),
        ("plus+sign", "plus+sign"),
    ],
)
def test_the_product_reads_back_the_key_that_was_written(path: str, key: str) -> None:
    """Whatever a key holds, the event that is made of it names it as the user spelled it."""
    import json  # noqa: PLC0415 - only here

    noted = entry("PUT", f"{ACCOUNT}/tradewind-weu/{path}", etag='"0x8D4"')
    found = change(noted)
    assert found is not None

    (notification,) = decode(Message(json.dumps(event(noted, found, 7))))

    assert notification.key == key
    assert notification.bucket == "devstoreaccount1/tradewind-weu"
    assert notification.change is Said.WRITTEN
    assert notification.size == 5
    assert notification.version == "0x8D4"


def test_a_delete_is_announced_as_one() -> None:
    """A deleted blob's event is BlobDeleted."""
    noted = entry("DELETE", f"{ACCOUNT}/c/k")
    found = change(noted)
    assert found is not None

    assert event(noted, found, 7)["eventType"] == "Microsoft.Storage.BlobDeleted"


def test_later_events_have_greater_sequencers() -> None:
    """Sequencers compare as text."""
    noted = entry("PUT", f"{ACCOUNT}/c/k")
    found = change(noted)
    assert found is not None
    datas = [event(noted, found, sequence)["data"] for sequence in (9, 10, 99, 100_000)]

    sequencers = [data["sequencer"] for data in datas if isinstance(data, dict)]

    assert sequencers == sorted(sequencers)
    assert len(set(sequencers)) == 4
