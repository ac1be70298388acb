"""One round of one observer: look, tell the others, judge with them, and act."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial

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

    def told(self) -> Iterator[str]:
        """Yield what a person should read of it: what was decided, and who was not heard."""
        for name, why in self.sights.missing.items():
            yield f"the view of {name} does not count: {why}"
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
        if self.at.exchange.publish(view).late:  # this is a second call of the same round, and the first is at it
            return Round(sights(self.observers, view, others.views, now, STALE * self.every), view)
        if _alarming(view, readings):  # what the others saw meanwhile may make a majority in this round
            others = self.at.exchange.collect()
        judged = sights(self.observers, view, others.views, now, STALE * self.every, unread=others.unread)
        return self._judge(view, judged, readings)

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
        """Look after each group: first move all traffic that has to move, then verify and tell, which takes longer."""
        done = Round(judged, view)
        turns = [Turn(self.me, self.fleet, self.control, self.at, name, view, judged) for name in readings]
        well = [turn for turn in turns if self._tried(done, turn, partial(turn.take, readings[turn.name]))]
        for turn in well:
            self._tried(done, turn, turn.finish)
        for turn in turns:
            done.decisions[turn.name] = turn.decision
            if turn.routing is not None:
                done.routings[turn.name] = turn.routing
        return done

    def _tried(self, done: Round, turn: Turn, do: Callable[[], None]) -> bool:
        try:
            do()
        except Exception as error:  # whatever it is, the other groups are looked after; the caller has it afterwards
            log.error("group %s: %s", turn.name, error, exc_info=not isinstance(error, TradewindError))  # noqa: TRY400 - an error of ours says all
            done.errors.append(error)
            return False
        return True


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
