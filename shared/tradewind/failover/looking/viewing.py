"""The exchange of views: each observer writes its own into its control bucket, and reads those of the others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import Executor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from tradewind.errors import BadEventError, PreconditionFailedError, TradewindError
from tradewind.failover.looking.codec import as_document, view_of
from tradewind.failover.views import Heard, View
from tradewind.registers.acceptors import Shelf
from tradewind.registers.asking import Answers, Asking

PATIENT = 2
"""So many looks of its own another observer still goes by a view that does not go on; it doubts it one or two later."""

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Published:
    """Where a view was written to."""

    stores: tuple[str, ...]
    """Sites; other than the observer's own only if that one is away."""
    late: bool = False
    """Whether a view of this round, or of a later one, was there already: this call is a duplicate."""
    failed: Mapping[str, str] = field(default_factory=dict)
    """Why a store did not take it, by site."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What could be read of the others."""

    views: Mapping[str, View]
    """By observer; the highest round that any store has."""
    unread: Mapping[str, str]
    """Why there is none, by observer."""


@dataclass(slots=True)
class Exchange:
    """The exchange, as one observer takes part in it. No store is waited for beyond `answer_seconds`.

    One that owes answers is not waited for at all, until it gave one.

    An observer whose own store is away leaves its view with the others' stores, so that it is still heard.

    Args:
        observer: Its site.
        records: Those of every observer's control bucket, by site.
        executor: Makes the requests, side by side.
        answer_seconds: The control plane's.
    """

    observer: str
    records: Mapping[str, Shelf]
    executor: Executor
    answer_seconds: float
    lost: bool = field(default=False, init=False)
    """Whether the last view may be in the own store, which does not answer, and is nowhere else."""
    _awaited: bool = field(default=False, init=False)
    """Whether the others still go by that view."""
    _kept: View | None = field(default=None, init=False)
    """What this process told last."""
    _asking: Asking = field(init=False)

    def __post_init__(self) -> None:
        self._asking = Asking(self.executor, self.answer_seconds)

    def last(self) -> View | None:
        """Return the observer's own last view; None if there is none, or if it is `lost`.

        It is what the own store holds, or what this process told since, or a copy that was left elsewhere while the own
        store was away. What is not in the own store may be from long ago, and is of use only if no other observer has
        heard a later one: who went on from there would be believed by nobody, and would take old looks for new ones.
        """
        read = self._at(list(self.records), self._own)
        silent, held = self.observer in read.silent, read.given.get(self.observer)
        found = [view for view in (held, self._kept, *read.given.values()) if view is not None]
        newest = max(found, key=lambda view: view.round, default=None)
        self.lost = False
        if newest is held and not silent:
            return held
        heard = self._heard()
        if newest is not None and (heard is None or newest.round >= heard.round):
            return newest
        self.lost, self._awaited = silent, heard is not None and heard.still < PATIENT
        return None

    def _own(self, site: str) -> View | None:
        """Return the copy of the observer's own view that a store has; what is no view is none."""
        try:
            return self._read(self.observer, site)
        except BadEventError:
            return None

    def _heard(self) -> Heard | None:
        """Return what the others heard of this observer last; None if nobody who answers has."""
        views = self._others([site for site in self.records if site != self.observer]).views.values()
        heard = [view.heard[self.observer] for view in views if self.observer in view.heard]
        return max(heard, key=lambda each: (each.round, each.still), default=None)

    def publish(self, view: View) -> Published:
        """Write the observer's view: into its own store, or if that is away, into every other one.

        A view of the same or a later round is never written over: of two invocations in the same round, one is late.
        Nor is the one that is `lost`, should its store answer again: as long as the others go by it, nothing is written
        at all, so that the observer can go on from it; and from then on, only copies.
        """
        if self.lost and self._awaited:
            return Published((), failed={self.observer: "the last view cannot be read, and the others still go by it"})
        taken: dict[str, bool] = {}
        failed: dict[str, str] = {}
        others = [site for site in self.records if site != self.observer]
        for sites in [others] if self.lost else [[self.observer], others]:
            if not taken:
                answers = self._at(sites, lambda site: self._write(site, view))
                taken |= answers.given
                failed |= answers.silent
        stores = tuple(site for site, written in taken.items() if written)
        late = not stores and bool(taken)
        if not late:
            self._kept = view
        return Published(stores, late=late, failed=failed)

    def collect(self) -> Collected:
        """Read the views of all others at once; of each, the highest round that any store has counts."""
        return self._others(list(self.records))

    def _others(self, sites: Sequence[str]) -> Collected:
        """Read the views of all others at some stores."""
        # An observer's own store is asked first, should there be fewer threads than questions.
        return self._newest(
            {name: (name, *(s for s in sites if s != name)) for name in self.records if name != self.observer}
        )

    def _newest(self, wanted: Mapping[str, tuple[str, ...]]) -> Collected:
        depth = max(map(len, wanted.values()), default=0)
        places = [(name, at[nth]) for nth in range(depth) for name, at in wanted.items() if nth < len(at)]
        read = self._at(places, lambda place: self._read(*place), lambda place: place[1])
        views: dict[str, View] = {}
        for (name, _), view in read.given.items():
            if view is not None and (name not in views or view.round > views[name].round):
                views[name] = view
        silent = read.silent
        unread = {name: silent[name, name] for name in wanted if name not in views and (name, name) in silent}
        return Collected(views, unread)

    def _read(self, observer: str, site: str) -> View | None:
        record = self.records[site].read(_name(observer))
        if record is None:
            return None
        view = view_of(record.value)
        return view if view.observer == observer else None

    def _write(self, site: str, view: View) -> bool:
        """Write the view at one store; False if one of this round or a later one is there."""
        held = self.records[site].read(_name(view.observer))
        if held is not None and _round(held.value) >= view.round:
            return False
        document = as_document(view)
        try:
            self.records[site].write(_name(view.observer), document, expect=held.token if held else None)
        except PreconditionFailedError:  # a client that sends a request twice is refused by what it wrote itself
            with suppress(TradewindError):
                found = self.records[site].read(_name(view.observer))
                return found is not None and found.value == document
            return False
        return True

    def _at(self, places: Sequence[K], call: Callable[[K], T], site_of: Callable[[K], str] = str) -> Answers[K, T]:
        """Call for every place at once; return the answers that came in time, and why the others did not."""
        begun = self._asking.begin({place: partial(call, place) for place in places}, site_of)
        wait(begun.futures.values(), timeout=self.answer_seconds)  # however many there are, each view counts
        return self._asking.end(begun)


def _name(observer: str) -> str:
    return f"views/{observer}"


def _round(document: Mapping[str, object]) -> int:
    """Return the round of the view that is written over; what is no view is written over in any case."""
    told = document.get("round")
    return told if isinstance(told, int) else -1
