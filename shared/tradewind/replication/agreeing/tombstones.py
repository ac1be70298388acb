"""What is remembered of a key that is gone: in the control bucket of each site, since a bucket cannot show it.

A tombstone is a user's delete: when, and at which site. A site's present state cannot tell "deleted" from "never here",
so in `active_active` the delete itself is kept, as the greatest that a site has heard of, until the sweep expires it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from tradewind.records import Document, Records, name_for

PREFIX = "tombstones/"
REMOVED = 64
"""So many of our own latest removals are remembered for each key."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """A user's delete."""

    time: datetime
    """By the clock of the site, UTC; as coarse as the times of objects there."""
    site: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """One worker is about to remove one version."""

    number: int
    """Tells it from those of other workers."""
    token: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Memory:
    """What a site remembers of a key."""

    tombstone: Tombstone | None = None
    expired: datetime | None = None
    """When a lifecycle rule of the bucket removed it, which is no user's delete."""
    removed: tuple[str, ...] = ()
    """Tokens of the versions that tradewind removed, where the store's events name the version and not the actor."""
    announced: tuple[Announcement, ...] = ()
    """What tradewind is about to remove. Until that is done or given up, a delete of such a version may be ours or a
    user's."""
    count: int = 0
    """Announcements so far."""

    @property
    def let_go(self) -> datetime | None:
        """When a lifecycle rule removed the key, unless a user has deleted it since."""
        if self.expired is None or (self.tombstone and self.tombstone.time >= self.expired):
            return None
        return self.expired


NOTHING = Memory()


def name_of(key: str) -> str:
    """Return the name of the record that remembers `key`; the key itself may be too long for one."""
    digest = name_for(key)
    return f"{PREFIX}{digest[:2]}/{digest}"


def renew(records: Records, name: str) -> bool:
    """Keep a record for another while if it must not be forgotten, and say whether it is kept.

    Raises:
        PreconditionFailedError: Somebody writes it just now.
    """
    held = records.read(name)
    if held is None or _decode(held.value).let_go is None:
        return False
    records.write(name, held.value, expect=held.token)
    return True


@dataclass(frozen=True, slots=True)
class Tombstones:
    """The memory of one site.

    Args:
        records: The site's.
    """

    records: Records

    def read(self, key: str) -> Memory:
        """Return what is remembered of `key`: 1 request."""
        held = self.records.read(name_of(key))
        return _decode(held.value) if held else NOTHING

    def bury(self, key: str, tombstone: Tombstone, rank: Callable[[Tombstone], object]) -> None:
        """Remember a user's delete, unless a greater one is remembered.

        Args:
            key: What was deleted.
            tombstone: By whom and when.
            rank: Orders tombstones; the rule's.
        """

        def become(memory: Memory) -> Memory | None:
            known = memory.tombstone
            if known and not rank(known) < rank(tombstone):  # type: ignore[operator]  # ranks of one rule are ordered
                return None
            return replace(memory, tombstone=tombstone)

        self._change(key, become)

    def expire(self, key: str, time: datetime) -> None:
        """Remember that a lifecycle rule removed `key`."""

        def become(memory: Memory) -> Memory | None:
            if memory.expired and memory.expired >= time:
                return None
            return replace(memory, expired=time)

        self._change(key, become)

    def announce_removal(self, key: str, token: str, now: datetime) -> int:
        """Remember that version `token` is about to be removed by tradewind, and return the announcement's number."""
        number = 0

        def become(memory: Memory) -> Memory:
            nonlocal number
            number = memory.count + 1
            mine = Announcement(number, token, now)
            return replace(memory, count=number, announced=(*memory.announced, mine)[-REMOVED:])

        self._change(key, become)
        return number

    def conclude_removal(self, key: str, token: str, number: int, *, done: bool) -> None:
        """Remember that version `token` was removed by tradewind, or that somebody else had been there before."""

        def become(memory: Memory) -> Memory:
            others = tuple(each for each in memory.announced if each.number != number)
            removed = (*memory.removed, token)[-REMOVED:] if done and token not in memory.removed else memory.removed
            return replace(memory, announced=others, removed=removed)

        self._change(key, become)

    def _change(self, key: str, become: Callable[[Memory], Memory | None]) -> None:
        def rewrite(document: Document | None) -> Document | None:
            memory = become(_decode(document) if document else NOTHING)
            return None if memory is None else _encode(key, memory)

        self.records.change(name_of(key), rewrite)


def _encode(key: str, memory: Memory) -> Document:
    document: dict[str, object] = {"v": 1, "key": key}
    if memory.tombstone:
        document |= {"time": memory.tombstone.time.isoformat(), "site": memory.tombstone.site}
    if memory.expired:
        document["expired"] = memory.expired.isoformat()
    if memory.removed:
        document["removed"] = list(memory.removed)
    if memory.count:
        document["count"] = memory.count
        document["announced"] = [[each.number, each.token, each.since.isoformat()] for each in memory.announced]
    return document


def _decode(document: Document) -> Memory:
    time, expired = document.get("time"), document.get("expired")
    return Memory(
        Tombstone(datetime.fromisoformat(time), document["site"]) if time else None,
        datetime.fromisoformat(expired) if expired else None,
        tuple(document.get("removed", ())),
        tuple(
            Announcement(n, token, datetime.fromisoformat(since)) for n, token, since in document.get("announced", ())
        ),
        document.get("count", 0),
    )
