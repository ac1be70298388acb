"""How a group's routing goes from one state to the next. Pure.

Each function answers what the routing becomes, or None if it is no longer what the caller went by; a register applies
it to whatever it holds by then, so that nobody takes a step twice, or one that another epoch has overtaken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from tradewind.failover.deciding.decisions import FailOver, Restore, Shift
from tradewind.failover.routing import Kind, Routing, State, Step

ORDER: Final = (
    State.ELECTED,
    State.DRAINING,
    State.REDIRECTED,
    State.VERIFIED,
    State.NOTIFIED,
    State.SETTLED,
)
"""How an epoch goes on once it is elected. VERIFIED is left out where nothing passed and nothing better is left."""
RESTING: Final = (State.SETTLED, State.DETECTED)
"""States in which no epoch is under way."""
UNVERIFIED: Final = (State.ELECTED, State.DRAINING, State.REDIRECTED)
"""States in which an epoch may still be left for another one."""
UNSHOWN: Final = (State.ELECTED, State.DRAINING)
"""States in which it is on no record that the director shows an epoch."""
_KINDS: Final = {FailOver: Kind.FAILOVER, Shift: Kind.SHIFT, Restore: Kind.RESTORE}


@dataclass(frozen=True, slots=True)
class Act:
    """Who takes a step, and when."""

    by: str
    """An observer's site, or a person."""
    at: datetime
    """UTC, by the clock of whoever does."""
    note: str = ""

    def step(self, state: State) -> Step:
        """Return the step to `state`."""
        return Step(state, self.at.isoformat(timespec="milliseconds"), self.by, self.note)


def begin(weights: Mapping[str, int], act: Act, reason: str, *, after: int = 0) -> Routing:
    """Return the first routing of a group, whose epoch comes after what its director shows already."""
    first = (act.step(State.ELECTED),)
    return Routing(after + 1, State.ELECTED, Kind.INITIAL, weights, {}, reason, act.by, steps=first)


def detect(routing: Routing, epoch: int, reason: str, act: Act) -> Routing | None:
    """Note that traffic must move; the epoch stays."""
    if routing.epoch != epoch or routing.state is not State.SETTLED or routing.frozen:
        return None
    return replace(routing, state=State.DETECTED, reason=reason, steps=(act.step(State.DETECTED),))


def withdraw(routing: Routing, epoch: int, reason: str, act: Act) -> Routing | None:
    """Note that what was detected is over, before anything moved."""
    if routing.epoch != epoch or routing.state is not State.DETECTED:
        return None
    steps = (*routing.steps, act.step(State.SETTLED))
    return replace(routing, state=State.SETTLED, reason=f"nothing was moved: {reason}", steps=steps)


def elect(routing: Routing, epoch: int, decision: FailOver | Shift | Restore, act: Act) -> Routing | None:
    """Begin the epoch after `epoch`, whose weights are the decision's."""
    if routing.epoch != epoch or routing.state is not State.DETECTED or routing.frozen:
        return None
    begun = _next(routing, _KINDS[type(decision)], decision.weights, decision.reason, act)
    return replace(begun, steps=(*routing.steps, *begun.steps))


def move(routing: Routing, weights: Mapping[str, int], why: str, act: Act) -> Routing:
    """Begin a new epoch because a person says so, whatever the one before it came to."""
    return _next(routing, Kind.MANUAL, weights, why, act)


def retry(
    routing: Routing, epoch: int, weights: Mapping[str, int], kind: Kind, reason: str, act: Act
) -> Routing | None:
    """Begin the next epoch because `epoch` cannot end as it was meant: its endpoints did not pass, or are gone."""
    if routing.epoch != epoch or routing.state not in UNVERIFIED or routing.frozen:
        return None
    tried = (*routing.tried, *(name for name in arriving(routing) if name not in routing.tried))
    return replace(_next(routing, kind, weights, reason, act), tried=tried)


def advance(routing: Routing, epoch: int, state: State, act: Act) -> Routing | None:
    """Note that an epoch came to a state."""
    if routing.epoch != epoch or routing.state not in ORDER or ORDER.index(state) <= ORDER.index(routing.state):
        return None
    forced = routing.forced if state in UNSHOWN else ""  # it is shown: what changes now is no move that was meant
    return replace(routing, state=state, steps=(*routing.steps, act.step(state)), forced=forced)


def doubt(routing: Routing, epoch: int, who: str) -> Routing | None:
    """Note that an observer did not find what `epoch` moves to as it should be."""
    if routing.epoch != epoch or routing.state is not State.REDIRECTED or who in routing.doubted:
        return None
    return replace(routing, doubted=(*routing.doubted, who))


def freeze(routing: Routing, why: str) -> Routing:
    """Leave moving traffic to persons; what is under way ends as it would."""
    return replace(routing, frozen=why)


def force(routing: Routing, epoch: int, why: str) -> Routing | None:
    """Let the move of `epoch` change however much of a zone it takes; whatever comes after it is stopped as ever."""
    waits = routing.epoch == epoch and routing.state in UNSHOWN
    return replace(routing, forced=why) if waits and not routing.forced else None


def arriving(routing: Routing) -> tuple[str, ...]:
    """Return the endpoints that get more traffic by this epoch than they had: those that verification is about."""
    more = [name for name, weight in routing.weights.items() if weight > routing.before.get(name, 0)]
    return tuple(more)


def _next(routing: Routing, kind: Kind, weights: Mapping[str, int], reason: str, act: Act) -> Routing:
    return Routing(
        epoch=routing.epoch + 1,
        state=State.ELECTED,
        kind=kind,
        weights=weights,
        before=routing.before if routing.state in UNSHOWN else routing.weights,
        reason=reason,
        by=act.by,
        steps=(act.step(State.ELECTED),),
        frozen=routing.frozen,
    )
