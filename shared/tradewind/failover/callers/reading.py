"""Reading what observers published of a group: kept for a moment, and elsewhere while the own observer is not heard."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, wait
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Final

from tradewind.errors import StoreUnavailableError, TradewindError
from tradewind.failover.callers.published import Published
from tradewind.registers.acceptors import Shelf

KEPT: Final = 3.0
"""Seconds for which what was read is answered without reading it again."""
AWAY: Final = 30.0
"""Seconds for which a store that did not answer is not asked."""

NOTHING: Final = "nothing was published there"


def name_of(group: str) -> str:
    """Return the name of the record in which a group is published."""
    return f"routes/{group}"


@dataclass(frozen=True, slots=True)
class Copy:
    """What one observer published."""

    published: Published
    site: str
    """The observer's."""
    note: str = ""
    """Why it is not the own observer's, or may be old; "" if it is neither."""


@dataclass(frozen=True, slots=True)
class _Kept:
    copy: Copy
    read: float
    at: datetime | None
    """Of the own observer's, as it was seen last."""
    moved: float
    """When that was seen to change last."""


@dataclass(slots=True)
class Routes:
    """What the observers published, nearest first.

    No two clocks are compared: whether the own observer still writes is told by its record changing, and to whoever
    reads for the first time, by no other observer knowing of a later epoch.

    Args:
        stores: The control stores' sites, the own one first.
        records_of: Their records.
        executor: Asks them at once.
        answer_seconds: Who has not answered by then counts as away.
        stale_seconds: A record that has not changed for so long is one among others.
        clock: Seconds, of any beginning.
    """

    stores: Sequence[str]
    records_of: Callable[[str], Shelf]
    executor: Executor
    answer_seconds: float
    stale_seconds: float
    clock: Callable[[], float] = monotonic
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _away: dict[str, float] = field(default_factory=dict)
    """Until when a store is not asked."""

    def read(self, group: str) -> Copy:
        """Return what is known of a group.

        Raises:
            StoreUnavailableError: No store has it, and it was never read before.
        """
        kept, now = self._kept.get(group), self.clock()
        if kept is not None and now - kept.read < KEPT:
            return kept.copy
        own, *others = self.stores
        # Who has read nothing yet cannot tell whether the own observer still writes; all are asked, and at once.
        found, silent = self._ask(self.stores if kept is None else [own], group)
        at = found[own].at if own in found else None if kept is None else kept.at
        moved = kept.moved if kept is not None and kept.at == at else now
        writes = now - moved < self.stale_seconds
        if kept is not None and not (own in found and writes and found[own].epoch >= kept.copy.published.epoch):
            elsewhere, unheard = self._ask(others, group)
            found, silent = found | elsewhere, silent | unheard
        copy = self._best(found, silent, group, kept, writes=writes)
        self._kept[group] = _Kept(copy, now, at, moved)
        return copy

    def _best(
        self, found: Mapping[str, Published], silent: Mapping[str, str], group: str, kept: _Kept | None, *, writes: bool
    ) -> Copy:
        """Return the copy of the latest epoch; of several the own one, as long as its observer writes.

        What was read before counts, too: a store that answers while a later one is away may be an epoch behind.
        """
        own = self.stores[0]
        reasons = "; ".join(f"{site}: {why}" for site, why in silent.items())
        if not found:
            if kept is None:
                raise StoreUnavailableError(
                    f"Nothing is known of the group {group!r} ({reasons})",
                    hint="Observers publish it every round, once they are deployed and the group has a first epoch",
                )
            return Copy(kept.copy.published, kept.copy.site, f"The last one that could be read ({reasons})")
        site = max(found, key=lambda name: (found[name].epoch, (name == own) is writes))
        if kept is not None and silent and found[site].epoch < kept.copy.published.epoch:
            return Copy(kept.copy.published, kept.copy.site, f"The latest one that could be read ({reasons})")
        if site == own and writes:
            return Copy(found[own], own)
        why = "another observer knows of a later epoch" if writes else "its observer has not written for a while"
        return Copy(found[site], site, f"{own}: {silent.get(own, why)}")

    def _ask(self, sites: Sequence[str], group: str) -> tuple[dict[str, Published], dict[str, str]]:
        """Ask the stores of some sites at once; return what they hold, and why the others say nothing."""
        now = self.clock()
        silent = {site: "it did not answer a moment ago" for site in sites if self._away.get(site, now) > now}
        asked = {site: self.executor.submit(self._one, site, group) for site in sites if site not in silent}
        done, _ = wait(asked.values(), self.answer_seconds)
        found = {}
        for site, future in asked.items():
            answer = future.result() if future in done else None
            future.cancel()  # what has not begun by now need not
            if isinstance(answer, Published):
                found[site] = answer
                continue
            silent[site] = answer or "it does not answer"
            if answer != NOTHING:
                self._away[site] = self.clock() + AWAY
        return found, silent

    def _one(self, site: str, group: str) -> Published | str:
        """Return what a site's store holds, or why it is not known."""
        try:
            record = self.records_of(site).read(name_of(group))
            return NOTHING if record is None else Published.of(record.value)
        except (TradewindError, ValueError) as error:
            return str(error)
