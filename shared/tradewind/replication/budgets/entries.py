"""Entries: what the names of waiting keys' records say, so that a listing is enough to put them in order. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, Self, TypeAlias

from tradewind.fleet import Rule
from tradewind.ports import ObjectState, ObjectSummary
from tradewind.records import name_for
from tradewind.replication.budgets.limits import WAITING
from tradewind.replication.sets.recognise import candidates, closing_kind, folder_of

Part: TypeAlias = Literal["c", "m", "k"]
"""Closes an artifact set; is by its name a member of one; or is a key of which that is not known."""
_NAME = re.compile(
    WAITING + r"(?P<rule>[^/]+)/(?P<target>[^/]+)/(?P<time>\d{11})-(?P<part>[cmk])(?P<folder>[0-9a-f]{12})"
    r"-(?P<size>\d+)-(?P<key>[0-9a-f]{32})"
)
_FOLDER = 12


@dataclass(frozen=True, slots=True)
class Entry:
    """One version of a key that waits to go to one target."""

    rule: str
    target: str
    since: datetime
    """When the source's object was written; whole seconds."""
    part: Part
    folder: str
    """Fingerprint of the key's folder."""
    size: int
    """Bytes."""
    key: str
    """Fingerprint of the key."""
    token: str = ""
    """Of the record that was listed."""

    @classmethod
    def of(cls, rule: Rule, target: str, state: ObjectState) -> Self:
        """Return the entry of an object; the same whoever makes it of the same version."""
        closes = closing_kind(rule, state.key) is not None
        part: Part = "c" if closes else "m" if candidates(rule, state.key) else "k"
        since = state.modified.astimezone(UTC).replace(microsecond=0)
        folder = name_for(folder_of(state.key))[:_FOLDER]
        return cls(rule.name, target, since, part, folder, state.size, name_for(state.key))

    @classmethod
    def of_listed(cls, listed: ObjectSummary) -> Self | None:
        """Return what a record's name says; None if it is no entry's."""
        if (found := _NAME.fullmatch(listed.key)) is None:
            return None
        part: Part = "c" if found["part"] == "c" else "m" if found["part"] == "m" else "k"
        since = datetime.fromtimestamp(int(found["time"]), UTC)
        size = int(found["size"])
        return cls(found["rule"], found["target"], since, part, found["folder"], size, found["key"], listed.token)

    @property
    def name(self) -> str:
        """The name of its record: those that wait for the longest come first in a listing."""
        time = max(0, int(self.since.timestamp()))
        return f"{folder_for(self.rule)}{self.target}/{time:011d}-{self.part}{self.folder}-{self.size}-{self.key}"

    @property
    def what(self) -> tuple[str, str]:
        """What waits, whichever version of it."""
        return self.target, self.key


def folder_for(rule: str) -> str:
    """Return what the names of a rule's records start with."""
    return f"{WAITING}{rule}/"


@dataclass(frozen=True, slots=True)
class Waits:
    """What waits, counted."""

    objects: int = 0
    size: int = 0
    """Bytes."""
    oldest: datetime | None = None
    """When the source's object was written that waits for the longest."""

    def age(self, now: datetime) -> float:
        """Return the seconds for which something waits; 0 if nothing does."""
        return max(0.0, (now - self.oldest).total_seconds()) if self.oldest else 0.0

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> Self:
        """Count entries. A key that was written again while it waits counts once, and is as old as it was first."""
        found = list(entries)
        newest = latest(found)
        return cls(
            len(newest), sum(each.size for each in newest.values()), min((each.since for each in found), default=None)
        )


def latest(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """Return the latest version of each key that waits for a target."""
    newest: dict[tuple[str, str], Entry] = {}
    for entry in entries:
        held = newest.get(entry.what)
        if held is None or held.since <= entry.since:
            newest[entry.what] = entry
    return newest


def parsed(listed: Iterable[ObjectSummary]) -> Iterator[Entry]:
    """Yield what the names of records say."""
    for each in listed:
        if (entry := Entry.of_listed(each)) is not None:
            yield entry
