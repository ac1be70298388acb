"""The keys of a rule at all its sites, merged page by page.

The sites are listed side by side in the order of the keys' UTF-8 bytes, which is that of S3 and Cloud Storage. Nothing
depends on a store keeping to it: a store of another order only shows some keys later than the others do, and whoever
looks at a key knows by then where it is (see `Listed.first`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tradewind.fleet import Rule
from tradewind.ports import ObjectState, ObjectStore
from tradewind.replication.routes import covers


@dataclass(frozen=True, slots=True)
class Listed:
    """A key, and which sites' listings have shown it at this point of the merge."""

    key: str
    sites: tuple[str, ...]
    times: Mapping[str, datetime] = field(default_factory=dict)
    """When it was written there, by the listings."""

    def written_since(self, time: datetime, sites: Collection[str]) -> bool:
        """Say whether it was written at one of `sites` at `time` or later."""
        return any(self.times[site] >= time for site in self.sites if site in sites)

    def first(self, states: Mapping[str, ObjectState | None], unreadable: Collection[str] = ()) -> bool:
        """Say whether this is the one time at which the key counts.

        A key that several sites hold may come up once for each, if their orders differ. It counts when the first of
        them, in the order of `states`, shows it.

        Args:
            states: What was found at each site of the rule, in the rule's order.
            unreadable: Sites that did not say whether they have it; their listings are believed.
        """
        holders = (site for site, state in states.items() if state or (site in unreadable and site in self.sites))
        return next(holders, None) in self.sites


@dataclass(slots=True)
class Position:
    """How far one site's listing was read."""

    cursor: str | None = None
    """Of the page that is being read; None for the first."""
    last: str | None = None
    """The key on that page up to which all is done; None for none."""
    done: bool = False

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {"cursor": self.cursor, "last": self.last, "done": self.done}


@dataclass(slots=True)
class _Reader:
    """One site's listing, from a position on."""

    store: ObjectStore
    prefix: str
    position: Position
    waiting: list[tuple[str, datetime]] = field(default_factory=list)
    """Keys of the present page that are still to come with their modified times, the next one last."""
    following: str | None = None
    fetched: bool = False

    def peek(self) -> str | None:
        """Return the next key without taking it, or None after the last one."""
        while not self.waiting and not self.position.done:
            self._turn()
        return self.waiting[-1][0] if self.waiting else None

    def take(self) -> datetime:
        """Take the next key, and return when it was modified."""
        self.position.last, modified = self.waiting.pop()
        return modified

    def _turn(self) -> None:
        if self.fetched:
            if self.following is None:
                self.position.done = True
                return
            self.position.cursor, self.position.last = self.following, None
        page = self.store.list(self.prefix, cursor=self.position.cursor)
        keys = [line.key for line in page.objects]
        self.following, self.fetched = page.cursor, True
        times = {line.key: line.modified for line in page.objects}
        self.waiting = [(key, times[key]) for key in _after(keys, self.position.last)[::-1]]


def merged(
    rule: Rule, store_of: Callable[[str], ObjectStore], positions: Mapping[str, Position] | None = None
) -> Iterator[Listed]:
    """Yield every key that `rule` covers and that some site of it shows.

    Args:
        rule: The rule.
        store_of: Returns the store of a site, by name.
        positions: Where to begin, by site; they move on as keys are taken, so they always say where to go on.
    """
    known = positions if positions is not None else {site: Position() for site in rule.members}
    readers = {site: _Reader(store_of(site), rule.prefix, known[site]) for site in rule.members}
    while True:
        heads = {site: key for site, reader in readers.items() if (key := reader.peek()) is not None}
        if not heads:
            return
        key = min(heads.values(), key=_order)
        showing = tuple(site for site, head in heads.items() if head == key)
        times = {site: readers[site].take() for site in showing}
        if covers(rule, key):
            yield Listed(key, showing, times)


def _order(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")


def _after(keys: Sequence[str], last: str | None) -> list[str]:
    """Return the keys of a page that come after `last`, which may have been deleted since."""
    if last is None:
        return list(keys)
    if last in keys:
        return list(keys[keys.index(last) + 1 :])
    if list(keys) == sorted(keys, key=_order):
        return [key for key in keys if _order(key) > _order(last)]
    return list(keys)
