"""One call's proposer: it looks, has acceptors promise, and has them accept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from random import Random
from typing import TypeVar

from tradewind.registers.acceptors import Acceptor, Held, Shelf, look, step
from tradewind.registers.asking import Answers, Asking
from tradewind.registers.ballots import Ballot
from tradewind.registers.contents import Content
from tradewind.registers.panel import Panel, judge, known_floors, suspects, without

T = TypeVar("T")
FASTER = "another change was faster"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a register is, and how its stores are asked."""

    record: str
    """Name of its record at every store."""
    shelves: Mapping[str, Shelf]
    """By site."""
    asking: Asking
    rng: Random


@dataclass(frozen=True, slots=True)
class Lease:
    """What the acceptors of an accepted ballot have promised already: the next one of the same register object."""

    panel: Panel
    ballot: Ballot


@dataclass(frozen=True, slots=True)
class Ballotted:
    """What came of a ballot."""

    chosen: bool
    traces: bool
    """Whether some acceptor took it, or may yet."""
    silent: Mapping[str, str]
    """Why acceptors do not count, by site."""
    lease: Lease | None = None

    @property
    def contended(self) -> bool:
        """Whether other proposers were in its way."""
        return FASTER in self.silent.values()


@dataclass(slots=True)
class Proposer:
    """Proposes as often as one call needs to; every ballot is higher than those before it.

    Args:
        place: The register.
    """

    place: Place
    id: str = field(init=False)
    _counter: int = 0

    def __post_init__(self) -> None:
        self.id = f"{self.place.rng.getrandbits(96):024x}"

    def look(self) -> Panel:
        """Read the acceptors: 1 request each."""
        shelves = self._shuffled(self.place.shelves)
        asked = self._ask({site: partial(look, shelf, self.place.record) for site, shelf in shelves.items()}, _enough)
        panel = judge(asked.given, asked.silent)
        again = suspects(panel)
        if not again:
            return panel
        asked = self._ask({site: partial(look, shelves[site], self.place.record) for site in again}, lambda _: False)
        panel = judge(
            {**{site: held for site, held in panel.held.items() if site not in again}, **asked.given},
            {**panel.silent, **asked.silent},
        )
        return without(panel, suspects(panel))

    def propose(self, panel: Panel, content: Content) -> Ballotted:
        """Have the acceptors of `panel` promise a ballot, and accept `content` under it: 2 requests each.

        Safe whatever others do meanwhile: an acceptor takes either step only if nobody wrote to it in between.
        """
        ballot = Ballot(max(panel.seen.counter, self._counter) + 1, self.id)
        self._counter = ballot.counter + 1  # that one may be promised by the accepting (see `accept`)
        promised = self._step(panel, partial(self._promise, panel, ballot))
        if not promised.decides:
            return Ballotted(chosen=False, traces=False, silent=promised.silent)
        return self.accept(promised, ballot, content)

    def accept(self, panel: Panel, ballot: Ballot, content: Content) -> Ballotted:
        """Have acceptors that promised exactly `ballot` accept `content`, and promise the next ballot with it.

        Args:
            panel: These acceptors; a majority.
            ballot: What they promised.
            content: What follows from the highest content that any of them has accepted.
        """
        following = Ballot(ballot.counter + 1, self.id)
        taken = self._step(panel, partial(self._accepted, panel, ballot, following, content))
        uncertain = any(taken.silent.get(site, FASTER) != FASTER for site in panel.held)
        if not taken.decides:
            return Ballotted(chosen=False, traces=bool(taken.held) or uncertain, silent=taken.silent)
        promised = all(held.acceptor.promised == following for held in taken.held.values())
        whole = taken.config is not None and len(taken.held) == len(taken.config.members)
        return Ballotted(
            chosen=True, traces=True, silent=taken.silent, lease=Lease(taken, following) if promised and whole else None
        )

    def _promise(self, panel: Panel, ballot: Ballot, site: str) -> Held | None:
        held = panel.held[site]
        after = replace(held.acceptor, promised=ballot, config=panel.config, floors=known_floors(panel))
        return step(self.place.shelves[site], self.place.record, after, expect=held.token, stands=after.__eq__)

    def _accepted(self, panel: Panel, ballot: Ballot, following: Ballot, content: Content, site: str) -> Held | None:
        held = panel.held[site]
        floors = known_floors(panel, ballot, panel.held)
        after = replace(
            held.acceptor, promised=following, accepted=ballot, content=content, seeded=False, floors=floors
        )

        def stands(found: Acceptor) -> bool:
            return found.accepted == ballot

        return step(self.place.shelves[site], self.place.record, after, expect=held.token, stands=stands)

    def _step(self, panel: Panel, act: Callable[[str], Held | None]) -> Panel:
        """Have each acceptor of a panel take a step, and return the panel of those that did."""
        majority = panel.config.majority if panel.config else len(panel.held) + 1

        def enough(given: Mapping[str, Held | None]) -> bool:
            return sum(held is not None for held in given.values()) >= majority

        asked = self._ask({site: partial(act, site) for site in self._shuffled(panel.held)}, enough)
        taken = {site: held for site, held in asked.given.items() if held is not None}
        slower = {site: FASTER for site, held in asked.given.items() if held is None}
        return Panel(panel.config, taken, {**panel.silent, **asked.silent, **slower}, panel.seen)

    def _ask(
        self, questions: Mapping[str, Callable[[], T]], enough: Callable[[Mapping[str, T]], bool]
    ) -> Answers[str, T]:
        return self.place.asking.ask(questions, enough)

    def _shuffled(self, sites: Mapping[str, T]) -> dict[str, T]:
        names = list(sites)
        self.place.rng.shuffle(names)
        return {name: sites[name] for name in names}


def _enough(given: Mapping[str, Held | None]) -> bool:
    return judge(given, {}).decides
