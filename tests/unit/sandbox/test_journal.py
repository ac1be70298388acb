"""The journal that emulators keep of their writes."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from tradewind_sandbox.journal import Journal, read


def test_entries_are_read_in_order_from_any_offset(tmp_path: Path) -> None:
    """A reader that remembers where it was goes on from there."""
    path = tmp_path / "journal"
    with closing(Journal(path)) as journal:
        journal.note(key="ä")
        journal.note(key="b")

    (first, offset), (second, end) = read(path)

    assert (first, second) == ({"key": "ä"}, {"key": "b"})
    assert list(read(path, offset)) == [({"key": "b"}, end)]
    assert end == path.stat().st_size


def test_a_line_that_is_being_written_waits(tmp_path: Path) -> None:
    """An entry is read when it is complete, and not before."""
    path = tmp_path / "journal"
    path.write_bytes(b'{"key": "a"}\n{"key": ')

    ((entry, offset),) = read(path)
    assert entry == {"key": "a"}

    with path.open("ab") as file:
        file.write(b'"b"}\n')
    assert [entry for entry, _ in read(path, offset)] == [{"key": "b"}]


def test_no_journal_has_no_entries(tmp_path: Path) -> None:
    """An emulator that has written nothing yet has no file."""
    assert list(read(tmp_path / "missing")) == []
