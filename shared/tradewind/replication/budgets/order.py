"""In which order what waits is let go, and how much of it at a time. Pure.

Keys that close an artifact set come first: of the sets that wait, the one that lacks the fewest members, since a model
that is whole is worth more than two halves; then the keys that belong to none, the oldest first. A set is a folder in
which a closing key waits, or a key whose name says that it is a member of one; its closing key comes last.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from tradewind.replication.budgets.entries import Entry, latest
from tradewind.replication.budgets.money import cost_of

AHEAD: Final = timedelta(minutes=1)
"""So much bandwidth is given out at a time: the timer rings every minute."""
TURNOVER: Final = 20
"""Keys, or parts, that go for each free slot of a target; most take seconds, and the timer rings every minute."""
MOST: Final = 5000
"""Keys of one rule that are let go at a time."""


@dataclass(frozen=True, slots=True)
class Room:
    """What there is room for until the next time."""

    money: int | None
    """Nanodollars; None: any."""
    size: int | None
    """Bytes; None: any."""
    keys: Mapping[str, int] = field(default_factory=dict)
    """Keys, by target; any for one that is not named."""


def in_order(entries: Sequence[Entry]) -> list[Entry]:
    """Return what waits, first what is to go first; of a key that was written again, the latest version."""
    newest = latest(entries).values()
    folders: dict[tuple[str, str], list[Entry]] = defaultdict(list)
    for entry in newest:
        folders[entry.target, entry.folder].append(entry)
    lacking = {
        at: len(waiting) for at, waiting in folders.items() if any(entry.part in ("c", "m") for entry in waiting)
    }
    begun = {at: min(entry.since for entry in waiting) for at, waiting in folders.items()}

    def rank(entry: Entry) -> tuple[object, ...]:
        at = (entry.target, entry.folder)
        own = (entry.part == "c", entry.since, entry.key, entry.target)
        return (False, lacking[at], begun[at], at, *own) if at in lacking else (True, 0, entry.since, at, *own)

    return sorted(newest, key=rank)


def choose(entries: Sequence[Entry], prices: Mapping[str, int], room: Room, *, most: int = MOST) -> list[Entry]:
    """Return what is let go now, in order. What there is no room for stays, and keeps nothing smaller from going.

    Args:
        entries: What waits under one rule.
        prices: Nanodollars for a GiB, by target.
        room: What there is room for. Bytes may be exceeded by the last object, as every object may be by itself.
        most: Keys, at most.
    """
    money, size, keys = room.money, room.size, dict(room.keys)
    chosen: list[Entry] = []
    for entry in in_order(entries):
        if len(chosen) >= most or (size is not None and size <= 0):
            break
        cost = cost_of(prices.get(entry.target, 0), entry.size)
        if (money is not None and cost > money) or keys.get(entry.target, 1) <= 0:
            continue
        money = None if money is None else money - cost
        size = None if size is None else size - entry.size
        if entry.target in keys:
            keys[entry.target] -= 1
        chosen.append(entry)
    return chosen
