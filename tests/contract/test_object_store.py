"""What every object store promises: `ports.ObjectStore`, clause by clause, over memory and every emulator.

Where an emulator is laxer than its cloud, the request that the store sends is tested instead, in
`tests/unit/clouds/test_*_store.py`. The gaps, as of moto 5.2, fake-gcs-server 1.52 and Azurite 3.35:

- moto checks neither `x-amz-checksum-crc32c` nor `Content-MD5` of a PUT, and lists no parts in GetObjectAttributes;
- moto cannot hold a key with a line break, and accepts any credentials; so does fake-gcs-server;
- fake-gcs-server checks no precondition of a delete and no checksum of an upload, keeps no old generations, and does
  not say whether the bucket or the object was not found;
- Azurite answers a wrong Content-MD5 with `InvalidOperation` instead of `Md5Mismatch`, and If-Match on a blob that
  does not exist with 412.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier

import pytest

from rigs.stores import KEY, Rig, put, read
from tradewind.checksums import crc32c, md5
from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError
from tradewind.ports import Checksums, Metadata, ObjectStore, ObjectSummary, PutReceipt

DIGITS = b"0123456789"
RACERS = 8


def test_what_was_written_is_there(store: ObjectStore) -> None:
    """After a put the key has the token of the receipt, the size, the time and the bytes that were written."""
    before = datetime.now(UTC) - timedelta(seconds=2)
    token = put(store, DIGITS)

    state = store.head(KEY)

    assert state is not None
    assert (state.key, state.token, state.size) == (KEY, token, 10)
    assert before <= state.modified <= datetime.now(UTC) + timedelta(seconds=2)
    assert state.modified.utcoffset() == timedelta(0)
    assert read(store) == DIGITS


def test_head_of_nothing_is_none(store: ObjectStore) -> None:
    """A key that does not exist has no state, and that is no error."""
    assert store.head("nothing") is None


def test_create_does_not_overwrite(store: ObjectStore) -> None:
    """A put that expects nothing fails where there is something, and changes nothing."""
    token = put(store, b"first")

    with pytest.raises(PreconditionFailedError):
        put(store, b"second")

    assert read(store, token=token) == b"first"


def test_replace_needs_the_present_token(store: ObjectStore) -> None:
    """A put that expects the present token replaces; one that expects an older token fails and changes nothing."""
    first = put(store, b"first")
    second = put(store, b"second", expect=first)

    with pytest.raises(PreconditionFailedError):
        put(store, b"third", expect=first)

    assert second != first
    assert read(store, token=second) == b"second"


def test_replace_of_nothing_fails(store: ObjectStore) -> None:
    """A put that expects a token where there is nothing fails and creates nothing."""
    token = put(store, b"first")
    store.delete(KEY, expect=token)

    with pytest.raises(PreconditionFailedError):
        put(store, b"second", expect=token)

    assert store.head(KEY) is None


def race(attempt: Callable[[int], str]) -> list[str]:
    """Return the tokens of the attempts that won, all of which started together."""
    start = Barrier(RACERS)

    def run(number: int) -> str | None:
        start.wait()
        try:
            return attempt(number)
        except PreconditionFailedError:
            return None

    with ThreadPoolExecutor(RACERS) as pool:
        return [token for token in pool.map(run, range(RACERS)) if token]


def test_one_creator_wins(store: ObjectStore) -> None:
    """Of several creators at once exactly one succeeds, and its bytes are those that stay."""
    winners = race(lambda number: put(store, b"%d" % number))

    assert len(winners) == 1
    assert len(read(store, token=winners[0])) == 1


def test_one_replacer_wins(store: ObjectStore) -> None:
    """Of several replacements of one version exactly one succeeds."""
    first = put(store, b"first")

    winners = race(lambda number: put(store, b"%d" % number, expect=first))

    assert len(winners) == 1
    assert len(read(store, token=winners[0])) == 1


def test_delete_removes_the_expected_version(store: ObjectStore) -> None:
    """A delete under the present token removes the object; the next finds nothing to delete."""
    token = put(store, DIGITS)

    store.delete(KEY, expect=token)

    assert store.head(KEY) is None
    with pytest.raises(NotFoundError):
        store.delete(KEY, expect=token)


# fake-gcs-server checks no precondition of a delete; there the request is tested instead.
@pytest.mark.parametrize("rig", ["memory", "s3", "azure"], indirect=True)
def test_delete_spares_another_version(rig: Rig) -> None:
    """A delete under an older token fails and deletes nothing."""
    first = put(rig.store, b"first")
    second = put(rig.store, b"second", expect=first)

    with pytest.raises(PreconditionFailedError):
        rig.store.delete(KEY, expect=first)

    assert read(rig.store, token=second) == b"second"


def test_read_is_of_the_version_that_was_asked_for(store: ObjectStore) -> None:
    """A read that is pinned to a version that was replaced fails."""
    first = put(store, b"first")
    put(store, b"second", expect=first)

    with pytest.raises(PreconditionFailedError):
        read(store, token=first)


@pytest.mark.parametrize("pinned", [False, True])
def test_read_of_nothing(store: ObjectStore, pinned: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A read of a key that does not exist says that it was not found, pinned or not."""
    token = put(store, DIGITS)
    store.delete(KEY, expect=token)

    with pytest.raises(NotFoundError):
        read(store, token=token if pinned else None)


def test_get_says_what_head_says(store: ObjectStore) -> None:
    """A download begins with the same state that a head shows."""
    put(store, DIGITS, metadata=Metadata(content_type="application/octet-stream", user={"epoch": "7"}))

    with store.get(KEY) as download:
        assert download.state == store.head(KEY)


@pytest.mark.parametrize(
    ("start", "length"), [(0, 4), (3, 4), (3, None), (8, 100), (9, 1), (0, 0), (5, 0), (10, None), (10, 5), (40, 2)]
)
def test_ranges(store: ObjectStore, start: int, length: int | None) -> None:
    """A range gives exactly its bytes, ends where the object ends, and its state is the whole object's."""
    token = put(store, DIGITS)

    with store.get(KEY, token=token, start=start, length=length) as download:
        body = b"".join(download.chunks)

    assert body == DIGITS[start : None if length is None else start + length]
    assert (download.state.token, download.state.size) == (token, 10)


def test_range_of_a_replaced_version(store: ObjectStore) -> None:
    """Ranged reads are pinned, too: one version's parts are never mixed with another's."""
    first = put(store, DIGITS)
    put(store, DIGITS[::-1], expect=first)

    for start, length in ((2, 3), (0, 0), (50, 1)):
        with pytest.raises(PreconditionFailedError):
            read(store, token=first, start=start, length=length)


@pytest.mark.parametrize(("start", "length"), [(0, None), (0, 0), (0, 10), (5, None)])
def test_empty_objects(store: ObjectStore, start: int, length: int | None) -> None:
    """An object of no bytes is written, and read whole or in any range."""
    token = put(store, b"")

    with store.get(KEY, start=start, length=length) as download:
        assert b"".join(download.chunks) == b""

    assert (download.state.token, download.state.size) == (token, 0)


def test_a_large_object_arrives_in_pieces(store: ObjectStore) -> None:
    """Nobody has to hold an object in one piece to read it."""
    body = bytes(range(256)) * 20_000
    put(store, body)

    with store.get(KEY) as download:
        pieces = list(download.chunks)

    assert b"".join(pieces) == body
    assert max(map(len, pieces)) <= 1024 * 1024


def test_leaving_early_is_harmless(store: ObjectStore) -> None:
    """Whoever has seen enough in the state leaves without reading, as often as wanted."""
    put(store, bytes(1024 * 1024))

    for _ in range(80):  # more often than there are pooled connections
        with store.get(KEY) as download:
            assert download.state.size == 1024 * 1024

    assert len(read(store)) == 1024 * 1024


def test_bytes_are_never_decoded(store: ObjectStore) -> None:
    """What is stored compressed is read compressed, whole and in ranges."""
    body = gzip.compress(b"weights " * 1000, mtime=0)
    token = put(store, body, metadata=Metadata(content_type="text/plain", content_encoding="gzip"))

    assert read(store) == body
    assert read(store, token=token, start=5, length=7) == body[5:12]
    state = store.head(KEY)
    assert state is not None
    assert (state.size, state.metadata.content_encoding) == (len(body), "gzip")


def test_the_store_reports_the_checksum_that_it_checks(store: ObjectStore) -> None:
    """An object that was written here is reported with the kind of checksum that the store says it keeps."""
    put(store, DIGITS)

    state = store.head(KEY)

    assert state is not None
    expected = Checksums(crc32c=crc32c(DIGITS) if store.checksum == "crc32c" else None, md5=md5(DIGITS))
    assert state.checksums == expected


# Neither moto nor fake-gcs-server checks the checksum of an upload; there the request is tested instead.
@pytest.mark.parametrize("rig", ["memory", "azure"], indirect=True)
@pytest.mark.parametrize("expect", ["absent", "present"])
def test_damaged_bytes_do_not_become_visible(rig: Rig, expect: str) -> None:
    """Bytes that arrive with another checksum than was announced are refused, and nothing is written."""
    token = put(rig.store, b"good") if expect == "present" else None
    before = rig.store.head(KEY)

    with pytest.raises(IntegrityError):
        rig.store.put(KEY, b"bad", metadata=Metadata(), crc32c=crc32c(b"good"), md5=md5(b"good"), expect=token)

    assert rig.store.head(KEY) == before


def test_the_md5_is_optional(store: ObjectStore) -> None:
    """A put without an MD5 is checked all the same, and the store that keeps one computes it."""
    receipt = store.put(KEY, DIGITS, metadata=Metadata(), crc32c=crc32c(DIGITS), md5=None, expect=None)

    state = store.head(KEY)

    assert isinstance(receipt, PutReceipt)
    assert state is not None
    assert state.checksums.md5 == md5(DIGITS)


def test_listing_in_pages(store: ObjectStore) -> None:
    """Pages join to the whole listing: every key once, in order, none outside the prefix, each as a head shows it."""
    keys = [f"set/{name}" for name in ("a", "a/b", "b c", "b+c", "z", "ä", "日本")]
    for key in [*keys, "other", "sets"]:
        put(store, key.encode(), key=key)

    listed: list[ObjectSummary] = []
    cursor: str | None = None
    while True:
        page = store.list("set/", cursor=cursor, limit=3)
        assert len(page.objects) <= 3
        listed += page.objects
        cursor = page.cursor
        if cursor is None:
            break

    assert [line.key for line in listed] == sorted(keys, key=str.encode)
    for line in listed:
        state = store.head(line.key)
        assert state is not None
        assert (line.token, line.size, line.modified) == (state.token, state.size, state.modified)


def test_listing_everything_or_nothing(store: ObjectStore) -> None:
    """Without a prefix every key is listed; a prefix that no key has gives one empty page."""
    put(store, b"", key="a")
    put(store, b"", key="b")

    assert [line.key for line in store.list().objects] == ["a", "b"]
    assert store.list("nothing").objects == ()
    assert store.list("nothing").cursor is None


def test_one_store_serves_many_threads(store: ObjectStore) -> None:
    """Calls from several threads at once do not disturb each other."""

    def work(number: int) -> bool:
        key, body = f"thread/{number}", b"%d" % number * 50_000
        token = put(store, body, key=key)
        return read(store, key, token=token) == body

    with ThreadPoolExecutor(RACERS) as pool:
        assert all(pool.map(work, range(3 * RACERS)))
