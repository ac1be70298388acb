"""The delete guard: stops removing replicas when very many of a rule's keys would go at once, and asks.

An origin that suddenly lacks very much was more likely emptied by mistake than on purpose. Before each removal a mark
is written into the control bucket of the site, and the marks of the window are counted; both are consistent at all
three clouds, so however many functions remove side by side, no more than the allowed share goes. When it is exceeded,
the guard stays shut until a person answers: `tradewind guard allow` or `tradewind guard reset`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice

from tradewind.errors import PreconditionFailedError
from tradewind.fleet import DeleteGuard, Rule
from tradewind.ports import ObjectStore
from tradewind.records import Document, Records
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
    _keys: dict[tuple[str, str], int] = field(default_factory=dict)
    """How many keys a rule has at a site, at least; as far as they were counted."""

    def refusal(self, rule: Rule, site: str, key: str) -> str | None:
        """Return why `key` may not be removed at `site` now, or None if it may: 1 GET, 1 PUT and 1 LIST."""
        guard = rule.delete_guard
        if guard.share >= 1:
            return None
        records = self.records_of(site)
        state, now = read_state(records, rule.name), self.clock()
        if state.allowed and now < state.allowed:
            return None
        if state.shut:
            return _shut(rule, site, state.shut)
        asked = self._count(records, rule, key, now)
        if asked <= limit_for(guard, self._keys.get((rule.name, site), 0)):
            return None
        if asked <= limit_for(guard, self._count_keys(records, rule, site, asked, now)):
            return None
        shut = records.change(state_name(rule.name), lambda known: _closed(known, now))
        return _shut(rule, site, state_of(shut).shut or now)

    def _count(self, records: Records, rule: Rule, key: str, now: datetime) -> int:
        """Mark `key`, and return how many keys were marked within the window."""
        digest = _digest(key)
        with suppress(PreconditionFailedError):  # it was asked for before
            records.write(f"{_windows(rule, now)[0]}{digest}", {"key": key}, expect=None)
        count, digits = 0, 0
        while True:
            count = sum(1 for _ in islice(_marks(records, rule, now, digest[:digits]), EXACT))
            if count < EXACT:
                return count * int(_FAN**digits)
            digits += 1

    def _count_keys(self, records: Records, rule: Rule, site: str, asked: int, now: datetime) -> int:
        """Return how many keys the rule has or had at `site` within the window, or that they are enough for `asked`.

        A key whose removal is under way is marked and still there, and counts once.
        """
        enough = 2 * int(asked / rule.delete_guard.share) + 1
        there = {_digest(key) for key in islice(self._listed(rule, site), enough)}
        self._keys[rule.name, site] = len(there)
        if len(there) >= enough:
            return enough
        return len(there.union(_marks(records, rule, now)))

    def _listed(self, rule: Rule, site: str) -> Iterator[str]:
        store, cursor = self.store_of(site), None
        while True:
            page = store.list(rule.prefix, cursor=cursor)
            yield from (each.key for each in page.objects if covers(rule, each.key))
            if (cursor := page.cursor) is None:
                return


def _digest(key: str) -> str:
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _windows(rule: Rule, now: datetime) -> tuple[str, str]:
    """Return the folders of marks that the window up to `now` may reach into, the present one first."""
    number = int(now.timestamp() // (rule.delete_guard.window_minutes * 60))
    return f"{PREFIX}{rule.name}/{number}/", f"{PREFIX}{rule.name}/{number - 1}/"


def _marks(records: Records, rule: Rule, now: datetime, start: str = "") -> Iterator[str]:
    """Yield the digests of the keys that were marked within the window, if they begin with `start`."""
    since = now - timedelta(minutes=rule.delete_guard.window_minutes)
    for folder in _windows(rule, now):
        yield from (mark.key.removeprefix(folder) for mark in records.list(f"{folder}{start}") if mark.modified > since)


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
