"""Marks: small records that say that a key has changed, each for one window of time. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tradewind.replication.provenance import fingerprint

PREFIX = "buffers/"
GRACE = timedelta(seconds=10)
"""A window counts as over so long after its end, for the clocks of functions on one cloud that differ."""
EARLY = "early-"
"""Begins the last part of the names of records that are no marks: the window's marks were copied early."""
LOOKS = 10
"""How often the marks of a window are counted, about, until its rule's count is reached."""


def window_end(now: datetime, seconds: int) -> datetime:
    """Return the end of the window that `now` is in. Windows are the same whoever asks."""
    return datetime.fromtimestamp((int(now.timestamp()) // seconds + 1) * seconds, UTC)


def folder_of(rule: str, end: datetime) -> str:
    """Return what the names of a window's records start with."""
    return f"{PREFIX}{rule}/{int(end.timestamp())}/"


def name_of(rule: str, end: datetime, key: str) -> str:
    """Return the name of the mark of a key."""
    return folder_of(rule, end) + fingerprint(key)


def is_over(name: str, now: datetime) -> bool:
    """Say whether the window of a record is over for everybody. The name tells, whatever the rule says by now."""
    end = datetime.fromtimestamp(int(name.split("/")[2]), UTC)
    return end + GRACE <= now


def is_mark(name: str) -> bool:
    """Say whether a record of a window is a mark."""
    return not name.rpartition("/")[2].startswith(EARLY)


def counts(key: str, count: int) -> bool:
    """Say whether whoever marks `key` is to count the marks: listing them after each would double the requests."""
    return int(fingerprint(key), 16) % max(1, count // LOOKS) == 0


def early_due(marks: int, earlier: int, count: int) -> bool:
    """Say whether a window is to be copied early.

    Args:
        marks: Keys that are marked in it.
        earlier: How often it was copied early.
        count: Of the rule.
    """
    return marks >= count * (earlier + 1)
