"""One round of one observer: look, tell the others, judge with them, and act."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from tradewind.errors import ConfigurationError, TradewindError
from tradewind.failover.deciding.decisions import Decision, Keep
from tradewind.failover.instruments import Instruments
from tradewind.failover.looking.probing import look
from tradewind.failover.looking.seeing import hear, seen, sights
from tradewind.failover.remembering import remember
from tradewind.failover.routing import Routing, State
from tradewind.failover.turn import Turn
from tradewind.failover.views import Known, Sights, View
from tradewind.fleet import Control, Fleet
from tradewind.registers.outcomes import NoMajority, Reading

log = logging.getLogger(__name__)
STALE = 3
"""Rounds after which a view that does not go on counts no more."""


@dataclass(slots=True)
class Round:
    """What came of one round."""

    sights: Sights
    view: View
    decisions: dict[str, Decision] = field(default_factory=dict)
    """By group; what was decided, or why nothing could be."""
    routings: dict[str, Routing] = field(default_factory=dict)
    """By group, as it is afterwards; only those that could be read."""
    errors: list[Exception] = field(default_factory=list)
    """What kept a group from being looked after; of each group at most what came first."""
    unheard: tuple[str, ...] = ()
    """Groups whose register was not answered for by a majority."""
    untaken: Mapping[str, str] = field(default_factory=dict)
    """Why a store did not take the view, by site."""

    def told(self) -> Iterator[str]:
        """Yield what a person should read of it: what was decided, who was not heard, and which store took no view."""
        for name, why in self.sights.missing.items():
            yield f"the view of {name} does not count: {why}"
        for name, why in self.untaken.items():
            yield f"the view of {self.view.observer} could not be written at {name}: {why}"
        for name, decision in self.decisions.items():
            routing = self.routings.get(name)
            if not isinstance(decision, Keep):
                state = f", now {routing.state} at epoch {routing.epoch}" if routing else ""
                yield f"group {name}: {type(decision).__name__}{state}: {decision.reason}"
            elif routing is None or routing.state is not State.SETTLED:
                yield f"group {name} stays: {decision.reason}"


@dataclass(slots=True)
class Observer:
    """The observer of one site.

    Args:
        me: The site.
        fleet: Has `control`.
    """

    me: str
    fleet: Fleet
    at: Instruments
    _under_way: dict[str, Future[None]] = field(default_factory=dict, init=False)
    """By group: what is being done for it, in this round or still since an earlier one."""

    def round(self) -> Round:
        """Look once, and do what follows from it; what fails for one group is kept from no other."""
        old = self.at.exchange.last()
        answers = look(self.fleet.endpoints, self.at.prober, self.at.executor)
        others = self.at.exchange.collect()
        readings = {name: self.at.register_of(name).read() for name in self.fleet.groups}
        now = self.at.clock()
        view = seen(
            old,
            observer=self.me,
            answers=answers,
            endpoints=self.fleet.endpoints,
            groups=self.fleet.groups.values(),
            now=now,
        )
        heard = hear(view.heard, others.views, now, STALE * self.every, observers=self.observers)
        view = replace(view, heard=heard, known=_known(view.known, readings, now))
        published = self.at.exchange.publish(view)
        unheard = tuple(name for name, reading in readings.items() if isinstance(reading, NoMajority))
        if published.late:  # this is a second call of the same round, and the first is at it
            seen_so_far = sights(self.observers, view, others.views, now, STALE * self.every)
            return Round(seen_so_far, view, unheard=unheard, untaken=published.failed)
        if _alarming(view, readings):  # what the others saw meanwhile may make a majority in this round
            others = self.at.exchange.collect()
        judged = sights(self.observers, view, others.views, now, STALE * self.every, unread=others.unread)
        return replace(self._judge(view, judged, readings), unheard=unheard, untaken=published.failed)

    @property
    def observers(self) -> tuple[str, ...]:
        """All that there are."""
        return self.control.stores

    @property
    def every(self) -> timedelta:
        """The time between two rounds."""
        return timedelta(seconds=self.control.every_seconds)

    @property
    def control(self) -> Control:
        """What the fleet file says of those who agree."""
        if self.fleet.control is None:
            raise ConfigurationError("The fleet has no `control`", hint="Say in the fleet file which sites agree")
        return self.fleet.control

    def _judge(self, view: View, judged: Sights, readings: Mapping[str, Reading | NoMajority]) -> Round:
        """Look after each group: first move all traffic that has to move, then verify and tell, which takes longer.

        A director that hangs holds up its own group: the round ends without it, and a later one finds what came of it.
        """
        done, until = Round(judged, view), monotonic() + self.control.every_seconds
        self._gather(done)
        turns = {name: Turn(self.me, self.fleet, self.control, self.at, name, view, judged) for name in readings}
        for name in self._under_way.keys() & turns:
            turns[name].wait(readings[name])
        free = [name for name in turns if name not in self._under_way]
        well = self._together(done, {name: partial(turns[name].take, readings[name]) for name in free}, until)
        self._together(done, {name: turns[name].finish for name in well}, until)
        for name, turn in turns.items():
            done.decisions[name] = turn.decision
            if turn.routing is not None:
                done.routings[name] = turn.routing
        return done

    def _together(self, done: Round, work: Mapping[str, Callable[[], None]], until: float) -> list[str]:
        """Do something for several groups side by side; return those for whom it was done in time, and did not fail."""
        begun = {name: self.at.workers.submit(do) for name, do in work.items()}
        if not all(each.done() for each in begun.values()):
            wait(begun.values(), max(0.0, until - monotonic()))
        self._under_way.update(begun)
        self._gather(done)
        for name in begun.keys() & self._under_way:
            log.warning("group %s: still under way when its round was over", name)
        failed = {name for name, each in begun.items() if name in self._under_way or each.exception()}
        return [name for name in begun if name not in failed]

    def _gather(self, done: Round) -> None:
        """Take what has ended off the list, and note what failed."""
        for name, each in list(self._under_way.items()):
            if not each.done():
                continue
            del self._under_way[name]
            error = each.exception()
            if isinstance(error, Exception):  # whatever it is, the other groups are looked after
                log.error("group %s: %s", name, error, exc_info=None if isinstance(error, TradewindError) else error)
                done.errors.append(error)


def _known(old: Mapping[str, Known], readings: Mapping[str, Reading | NoMajority], now: datetime) -> dict[str, Known]:
    """Return what is remembered of each group; of one that cannot be read, what was before."""
    known = {name: each for name, each in old.items() if name in readings}
    for name, reading in readings.items():
        if isinstance(reading, Reading) and reading.value is not None:
            with suppress(ConfigurationError):  # whoever looks after the group says so
                known[name] = remember(old.get(name), Routing.of(reading.value), reading.revision, now)
    return known


def _alarming(view: View, readings: Mapping[str, Reading | NoMajority]) -> bool:
    """Say whether this may be a round in which something is decided."""
    if any(each.failing or each.slow for each in view.endpoints.values()):
        return True
    return any(
        isinstance(reading, NoMajority) or reading.value is None or reading.value.get("state") != State.SETTLED
        for reading in readings.values()
    )
