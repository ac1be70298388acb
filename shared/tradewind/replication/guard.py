"""The delete guard: stops removing replicas when very many of a rule's keys would go at once, and asks.

An origin that suddenly lacks very much was more likely emptied by mistake than on purpose. Before each removal a mark
is written into the control bucket of the site, and the marks of the window are counted; both are consistent at all
three clouds, so however many functions remove side by side, no more than the allowed share goes. When it is exceeded,
the guard stays shut until a person answers: `tradewind guard allow` or `tradewind guard reset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from tradewind.errors import PreconditionFailedError
from tradewind.fleet import DeleteGuard, Rule
from tradewind.ports import ObjectStore
from tradewind.records import Document, Records, name_for
from tradewind.replication.routes import covers

PREFIX = "guard/"
EXACT = 1000
"""Up to so many marks are counted; of more, a part stands for all, since their names are spread evenly."""
_FAN = 16


@dataclass(frozen=True, slots=True)
class GuardState:
    """What was decided about one rule at one site."""

    shut: datetime | None = None
    """Since when removing has stopped."""
    allowed: datetime | None = None
    """Until when a person lets everything go."""

    def lets_all_go(self, now: datetime) -> bool:
        """Say whether a person lets everything go at the moment."""
        return self.allowed is not None and now < self.allowed


def state_of(document: Document | None) -> GuardState:
    """Return the state that a record holds."""
    shut, allowed = (document or {}).get("shut"), (document or {}).get("allowed")
    return GuardState(
        datetime.fromisoformat(shut) if shut else None, datetime.fromisoformat(allowed) if allowed else None
    )


def read_state(records: Records, rule: str) -> GuardState:
    """Return the state of a rule's guard at a site: 1 request."""
    held = records.read(state_name(rule))
    return state_of(held.value if held else None)


def state_name(rule: str) -> str:
    """Return the name of the record that holds the guard's state."""
    return f"{PREFIX}{rule}/state"


def limit_for(guard: DeleteGuard, keys: int) -> int:
    """Return how many of `keys` may be removed within a window."""
    return max(guard.minimum, int(guard.share * keys))


@dataclass(frozen=True, slots=True)
class _Marks:
    """What is asked for within a window."""

    window: int
    part: str
    """Beginning of the digests that were counted; "" for all of them."""
    digests: frozenset[str]

    @property
    def stands_for(self) -> int:
        """How many digests each that was counted stands for."""
        return int(_FAN ** len(self.part))

    @property
    def asked(self) -> int:
        """How many keys are asked for."""
        return len(self.digests) * self.stands_for


@dataclass(slots=True)
class RemovalGuard:
    """Answers before each removal.

    Args:
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        clock: Returns the time, UTC.
    """

    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    clock: Callable[[], datetime]
    _keys: dict[tuple[str, str, int], int] = field(default_factory=dict)
    """How many keys a rule had at a site when a window was counted, at least."""

    def refusal(self, rule: Rule, site: str, key: str) -> str | None:
        """Return why `key` may not be removed at `site` now, or None if it may: 1 GET, 1 PUT and 1 LIST."""
        guard = rule.delete_guard
        if guard.share >= 1:
            return None
        records = self.records_of(site)
        state, now = read_state(records, rule.name), self.clock()
        if state.lets_all_go(now):
            return None
        if state.shut:
            return _shut(rule, site, state.shut)
        marks = self._mark(records, rule, key, now)
        if marks.asked <= limit_for(guard, self._keys.get((rule.name, site, marks.window), 0)):
            return None
        if marks.asked <= limit_for(guard, self._count_keys(rule, site, marks)):
            return None
        shut = records.change(state_name(rule.name), lambda known: _closed(known, now))
        return _shut(rule, site, state_of(shut).shut or now)

    def _mark(self, records: Records, rule: Rule, key: str, now: datetime) -> _Marks:
        """Mark `key`, and return what was marked within the window: all of it, or so small a part that it is few."""
        digest = name_for(key)
        length = timedelta(minutes=rule.delete_guard.window_minutes)
        number = int(now.timestamp() // length.total_seconds())
        with suppress(PreconditionFailedError):  # it was asked for before
            records.write(f"{PREFIX}{rule.name}/{number}/{digest}", {"key": key}, expect=None)
        part = ""
        while True:
            folders = [f"{PREFIX}{rule.name}/{each}/{part}" for each in (number, number - 1)]
            listed = (mark for folder in folders for mark in records.list(folder) if mark.modified > now - length)
            found = frozenset(mark.key.rpartition("/")[2] for mark in islice(listed, EXACT))
            if len(found) < EXACT:
                return _Marks(number, part, found)
            part = digest[: len(part) + 1]

    def _count_keys(self, rule: Rule, site: str, marks: _Marks) -> int:
        """Return how many keys the rule had at `site` before the window, or that they are enough for what is asked.

        Keys that are there and keys that are marked are counted once each: of those that are marked, some have gone,
        and some are just being removed by others.
        """
        enough = int(marks.asked / rule.delete_guard.share) + 1
        found = set(marks.digests)
        for key in self._listed(rule, site):
            if (digest := name_for(key)).startswith(marks.part):
                found.add(digest)
                if len(found) * marks.stands_for >= enough:
                    break
        keys = len(found) * marks.stands_for
        # Of these some are marked already, so the next to ask may take the rest for granted.
        self._keys = {at: count for at, count in self._keys.items() if at[2] == marks.window}
        self._keys[rule.name, site, marks.window] = keys - marks.asked
        return keys

    def _listed(self, rule: Rule, site: str) -> Iterator[str]:
        store, cursor = self.store_of(site), None
        while True:
            page = store.list(rule.prefix, cursor=cursor)
            yield from (each.key for each in page.objects if covers(rule, each.key))
            if (cursor := page.cursor) is None:
                return


def allow(records: Records, rule: str, until: datetime) -> None:
    """Let everything go until `until`: somebody has looked, and wants it gone."""
    records.change(state_name(rule), lambda _: {"allowed": until.isoformat()})


def reset(records: Records, rule: str) -> None:
    """Open the guard again, and count from nothing: what was missing has been brought back."""
    for mark in records.list(f"{PREFIX}{rule}/"):
        records.delete(mark.key, expect=mark.token)


def _closed(known: Document | None, now: datetime) -> Document | None:
    return None if known and known.get("shut") else {"shut": now.isoformat()}


def _shut(rule: Rule, site: str, since: datetime) -> str:
    guard, name = rule.delete_guard, rule.name
    return (
        f"the delete guard of rule {name!r} is shut at {site} since {since.isoformat(timespec='seconds')}: more than "
        f"{guard.share:.0%} of its keys would have gone within {guard.window_minutes} minutes. If that is meant: "
        f"tradewind guard allow {name}; if the origin was repaired: tradewind guard reset {name}"
    )
