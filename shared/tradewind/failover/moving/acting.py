"""Taking an elected epoch to its end, one step after the other; whoever dies leaves the rest to the next observer.

A step is its effect and then its record, so that a step that is on record has been done, and one that is not is done
again. Effects are idempotent, and the one that moves traffic cannot be late: what the director shows is read first,
then the register, and the director takes new weights only if it still shows what was read. Whoever acts on an epoch
that has been overtaken either sees that in the register, or is refused by the director.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from tradewind.errors import ConfigurationError, PreconditionFailedError, TradewindError
from tradewind.failover.looking.probing import Prober
from tradewind.failover.moving import steps
from tradewind.failover.moving.changing import change
from tradewind.failover.moving.notices import notice_of, tell_all
from tradewind.failover.moving.steps import Act
from tradewind.failover.moving.verify import examine
from tradewind.failover.routing import Kind, Routing, State
from tradewind.fleet import Endpoint
from tradewind.ports import Notifier, TrafficDirector
from tradewind.registers.outcomes import NoMajority, Operation
from tradewind.registers.register import Register

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Hands:
    """What acting on one group needs.

    Args:
        name: The group's.
        me: The observer that acts.
        endpoints: Of the group, by name.
        register: The group's.
        director: The group's.
        notifiers: Opens who is told, by what to call them; asked for when there is something to tell.
        prober: Asks what traffic was moved to.
        publish: Tells those who ask where to send requests: given a routing, before the director shows it.
        instead: Where traffic can go when the endpoints of its second argument are left out; None: nowhere else.
        seen_well: Whether a majority sees an endpoint well, this observer's own view left out.
        seen_down: Whether a majority sees it fail.
        majority: So many of the observers are one.
    """

    name: str
    me: str
    endpoints: Mapping[str, Endpoint]
    register: Register
    director: TrafficDirector
    notifiers: Callable[[], Mapping[str, Notifier]]
    prober: Prober
    executor: Executor
    clock: Callable[[], datetime]
    publish: Callable[[Routing], None]
    instead: Callable[[Routing, Sequence[str]], Mapping[str, int] | None]
    seen_well: Callable[[str], bool]
    seen_down: Callable[[str], bool]
    majority: int


def carry_on(hands: Hands, routing: Routing, *, to: State = State.SETTLED) -> Routing:
    """Take an epoch as far as `to`, if it goes that far now, and return the group's routing as it is then.

    Raises:
        TradewindError: A step could not be taken; the next round tries again.
    """
    acting = _Acting(hands, routing.epoch)
    while routing.state in steps.ORDER and steps.ORDER.index(routing.state) < steps.ORDER.index(to):
        further = acting.step(routing)
        if further is None or further.epoch != routing.epoch:
            return further or routing
        routing = further
    return routing


def redirect(hands: Hands, routing: Routing) -> str:
    """Let the director show a routing's weights, and say what it shows; "" if they are not what it is to show any more.

    Endpoints that came to the group since then are shown without any traffic, and what has left it, and had none, is
    left out: a director knows those of the present fleet file. While a group is frozen and nothing is under way, what
    the director shows is left to persons; objects of it that are behind what it shows are brought up all the same.

    Raises:
        ConfigurationError: The director shows a later epoch than there is.
        TradewindError: The director cannot be reached, or refuses.
    """
    shown = hands.director.read()
    weights = {name: routing.weights.get(name, 0) for name in hands.endpoints}
    there = shown.epoch == routing.epoch and _same(shown.weights, routing.weights)
    whole = there and dict(shown.weights) == weights
    if not whole and not _current(hands.register, routing, changing=True):
        return ""
    if shown.epoch > routing.epoch:
        raise ConfigurationError(
            f"The director of {hands.name} shows epoch {shown.epoch}, and the register has {routing.epoch}",
            hint="Another fleet may direct the same traffic. If none does, remove the epoch from the director",
        )
    try:  # what is there already is published, too: a director of several objects brings up those that are behind
        hands.director.publish(weights, epoch=routing.epoch, expect=shown, force=bool(routing.forced))
    except PreconditionFailedError:
        return ""  # another observer was first; the next round looks who
    if there:
        return "the director showed it already"
    return ", ".join(f"{name} {weight} %" for name, weight in routing.weights.items() if weight)


def _current(register: Register, routing: Routing, *, changing: bool = False) -> bool:
    """Say whether a majority still has this epoch in this state; with `changing`, and leaves the director to observers.

    Once an epoch is settled, a freeze leaves it to persons.
    """
    reading = register.read()
    if isinstance(reading, NoMajority) or reading.value is None:
        return False
    now = Routing.of(reading.value)
    if changing and now.frozen and now.state is State.SETTLED:
        return False
    return (now.epoch, now.state) == (routing.epoch, routing.state)


@dataclass(frozen=True, slots=True)
class _Acting:
    hands: Hands
    epoch: int

    def step(self, routing: Routing) -> Routing | None:
        """Take the step after the routing's state; None if it is somebody else's now."""
        gone = [name for name in routing.serving if name not in self.hands.endpoints]
        match routing.state:
            case State.ELECTED | State.DRAINING if gone:
                return self._instead(routing, gone, f"{' and '.join(gone)} left the group")
            case State.ELECTED:
                return self._drain(routing)
            case State.DRAINING:
                shown = redirect(self.hands, routing)
                return self._note(State.REDIRECTED, shown) if shown else None
            case State.REDIRECTED:
                return self._verify(routing)
            case State.VERIFIED:
                return self._notified(routing)
            case _:
                return self._note(State.SETTLED)

    def _drain(self, routing: Routing) -> Routing | None:
        if not _current(self.hands.register, routing):
            return None
        self.hands.publish(routing)
        return self._note(State.DRAINING)

    def _verify(self, routing: Routing) -> Routing | None:
        wanted = {name: self.hands.endpoints[name] for name in steps.arriving(routing) if name in self.hands.endpoints}
        scores = examine(wanted, self.hands.prober, self.hands.executor)
        poor = {name: each for name, each in scores.items() if not each.passes}
        if not poor:
            return self._note(State.VERIFIED, "; ".join(f"{name} {each}" for name, each in scores.items()))
        if all(self.hands.seen_well(name) for name in poor) and self._alone(routing):
            return None  # only this observer does not reach it: another one asks, when this one does not go on
        return self._instead(routing, tuple(poor), "; ".join(f"{name} did not pass: {poor[name]}" for name in poor))

    def _alone(self, routing: Routing) -> bool:
        """Note this observer's doubt, and say whether it is not yet that of a majority.

        Some things are only seen by who asks several times at once, so that every observer sees an endpoint well, and
        none can verify it.
        """
        doubted = {*routing.doubted, self.hands.me}
        if len(doubted) >= self.hands.majority:
            return False
        me = self.hands.me
        self._change(f"epoch-{self.epoch}:doubt:{me}", "not verified", lambda now: steps.doubt(now, self.epoch, me))
        return True

    def _instead(self, routing: Routing, out: Sequence[str], said: str) -> Routing | None:
        """Leave the epoch for a better one; where there is none, or a person wants this one, say that it stays."""
        weights = self.hands.instead(routing, (*routing.tried, *out))
        stays = routing.frozen or (routing.kind is Kind.MANUAL and not any(self.hands.seen_down(name) for name in out))
        if stays or weights is None or _same(weights, routing.weights):
            unverified = f"{said}; {'a person wants it so' if stays else 'there is nothing better'}"
            return self._notified(replace(routing, reason=f"{routing.reason}; {unverified}"), unverified)
        back = _same(weights, routing.before)
        kind = Kind.ROLLBACK if back else Kind.FAILOVER
        act = self._act(said)
        return self._change(
            f"epoch-{self.epoch + 1}", said, lambda now: steps.retry(now, self.epoch, weights, kind, said, act)
        )

    def _notified(self, routing: Routing, note: str = "") -> Routing | None:
        if not _current(self.hands.register, routing):
            return None
        return self._note(State.NOTIFIED, "; ".join(filter(None, (note, self._tell(routing)))))

    def _tell(self, routing: Routing) -> str:
        notice = notice_of(self.hands.name, routing, self.hands.clock())
        try:
            untold = tell_all(self.hands.notifiers(), notice, self.hands.executor)
        except TradewindError as error:
            untold = {"who is to be told": str(error)}
        for name, why in untold.items():
            log.error("%s could not be told of epoch %d of %s: %s", name, routing.epoch, self.hands.name, why)
        return "; ".join(f"{name} could not be told: {why}" for name, why in untold.items())

    def _note(self, state: State, note: str = "") -> Routing | None:
        act = self._act(note)
        why = f"epoch {self.epoch} is {state}"
        return self._change(f"epoch-{self.epoch}:{state}", why, lambda now: steps.advance(now, self.epoch, state, act))

    def _act(self, note: str) -> Act:
        return Act(self.hands.me, self.hands.clock(), note)

    def _change(self, name: str, why: str, become: Callable[[Routing], Routing | None]) -> Routing | None:
        """Change the register, and return the routing if it was this call that changed it."""
        return change(self.hands.register, Operation(name, self.hands.me, why), become)


def _same(one: Mapping[str, int], other: Mapping[str, int]) -> bool:
    """Say whether two shares are alike, endpoints without any left out."""
    return {name: each for name, each in one.items() if each} == {name: each for name, each in other.items() if each}
