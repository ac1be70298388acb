"""tradewind's own records in a control bucket."""

from dataclasses import replace

import pytest

from rigs.world import WatchedStore
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import ConfigurationError, IntegrityError, PreconditionFailedError, TransientError
from tradewind.ports import Metadata
from tradewind.records import Document, Records


def records_of(store: MemoryStore | WatchedStore) -> Records:
    """Return records under a prefix of their own."""
    return Records(store, "tradewind/")


def test_a_record_is_what_was_written() -> None:
    """What is written is read again, under the prefix, as JSON."""
    store = MemoryStore()
    records = records_of(store)

    token = records.write("a/b", {"n": 1}, expect=None)

    held = records.read("a/b")
    assert held is not None
    assert (held.value, held.token) == ({"n": 1}, token)
    assert [each.key for each in store.list().objects] == ["tradewind/a/b"]
    assert [each.key for each in records.list("a/")] == ["a/b"]
    assert records.read("none") is None


def test_two_writers_do_not_overwrite_each_other() -> None:
    """A write has the condition of the version that was read."""
    records = records_of(MemoryStore())
    records.write("r", {"n": 1}, expect=None)

    with pytest.raises(PreconditionFailedError):
        records.write("r", {"n": 2}, expect=None)
    with pytest.raises(PreconditionFailedError):
        records.delete("r", expect="other")


def test_a_change_is_made_to_what_is_there_then() -> None:
    """Whoever comes in between is not lost: the change is made again, to what they wrote."""
    store = WatchedStore(MemoryStore())
    records = records_of(store)
    records.write("r", {"n": 1}, expect=None)
    others = iter([10])

    def interfere(call: str) -> None:
        if call == "put" and (number := next(others, None)):
            held = records_of(store.inner).read("r")  # type: ignore[arg-type]  # the memory store within
            assert held is not None
            records_of(store.inner).write("r", {"n": number}, expect=held.token)  # type: ignore[arg-type]  # likewise

    store.before = interfere

    assert records.change("r", _one_more) == {"n": 11}
    assert records.change("r", lambda _: None) == {"n": 11}


def test_a_record_that_never_rests_is_left_to_a_later_delivery() -> None:
    """After many tries against others the work goes back to the queue."""
    store = WatchedStore(MemoryStore())
    records = records_of(store)

    def interfere(call: str) -> None:
        if call == "put":
            records_of(store.inner).change("r", _one_more)  # type: ignore[arg-type]  # the memory store within

    store.before = interfere

    with pytest.raises(TransientError, match="changed 16 times"):
        records.change("r", _one_more)


def test_a_record_that_changes_between_two_requests_is_read_again() -> None:
    """Cloud Storage is asked for the state and then for the bytes; a write in between is not the caller's conflict."""
    store = WatchedStore(MemoryStore())
    records = records_of(store)
    records.write("r", {"n": 1}, expect=None)
    failing = iter([True])

    def fail_once(call: str) -> None:
        if call == "get" and next(failing, False):
            raise PreconditionFailedError("it was written in between")

    store.before = fail_once

    assert records.change("r", _one_more) == {"n": 2}


def test_deleting_what_is_gone_is_no_error() -> None:
    """Two who tidy up do not fail each other."""
    records = records_of(MemoryStore())
    token = records.write("r", {"n": 1}, expect=None)

    records.delete("r", expect=token)
    records.delete("r", expect=token)

    assert records.read("r") is None


def test_damage_on_the_way_is_not_believed() -> None:
    """A record whose bytes are not those that its store keeps is read again later."""
    store = MemoryStore()
    records = records_of(store)
    records.write("r", {"n": 1}, expect=None)
    held = store._objects["tradewind/r"]
    store._objects["tradewind/r"] = replace(held, body=b'{"n":2}')

    with pytest.raises(IntegrityError):
        records.read("r")


@pytest.mark.parametrize("body", [b"no json", b"[1]", b"\xff"])
def test_what_somebody_else_wrote_is_an_error_for_a_person(body: bytes) -> None:
    """To take it for nothing would forget deletes."""
    store = MemoryStore()
    store.put("tradewind/r", body, metadata=Metadata(), crc32c=crc32c(body), md5=None, expect=None)

    with pytest.raises(ConfigurationError, match="none of tradewind's"):
        records_of(store).read("r")


def _one_more(document: Document | None) -> Document:
    return {"n": (document or {"n": 0})["n"] + 1}
