"""What one round of an observer does about one group: decide, and act on what was decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.failover.deciding.decide import decide, initial, next_best
from tradewind.failover.deciding.decisions import Decision, FailOver, Keep, Restore, Shift
from tradewind.failover.instruments import Instruments
from tradewind.failover.moving import steps
from tradewind.failover.moving.acting import Hands, carry_on, redirect
from tradewind.failover.moving.changing import change
from tradewind.failover.moving.steps import Act
from tradewind.failover.remembering import my_turn, settled_for
from tradewind.failover.routing import Routing, State
from tradewind.failover.views import Sights, View
from tradewind.fleet import Control, Endpoint, Fleet, Group
from tradewind.registers.outcomes import Done, NoMajority, Operation, Reading
from tradewind.registers.register import Register

NOTHING = Keep("nothing was decided")
Moving: TypeAlias = FailOver | Shift | Restore


@dataclass(slots=True)
class Turn:
    """What one round does about one group.

    Args:
        me: The observer.
        name: The group's.
        view: What the observer sees in this round.
        judged: What it judges from.
    """

    me: str
    fleet: Fleet
    control: Control
    at: Instruments
    name: str
    view: View
    judged: Sights
    decision: Decision = NOTHING
    routing: Routing | None = None
    """As it was known last."""
    acts: bool = False
    """Whether this observer takes the steps of the epoch that is under way."""

    def take(self, reading: Reading | NoMajority) -> None:
        """Decide, and let the director show it; the routing as it is then is in `routing`, None if it is not known.

        Callers are told how the endpoints are in any case: where nothing can be moved, they need it most.
        """
        if isinstance(reading, NoMajority):
            silent = "; ".join(f"{site}: {why}" for site, why in reading.silent.items())
            self.decision = Keep(f"no majority of the control stores answers ({silent})")
            return
        try:
            self._move(reading)
        finally:
            if self.routing is not None:
                self.at.publish(self.name, self.routing, self.judged)
        if self.routing is not None:
            self._maintain(self.routing)

    def wait(self, reading: Reading | NoMajority) -> None:
        """Leave it to what an earlier round began and is still under way; callers are told meanwhile."""
        self.decision = Keep("what an earlier round began is still under way")
        if isinstance(reading, Reading) and reading.value is not None:
            with suppress(ConfigurationError):  # what is under way says what is wrong with the register
                self.at.publish(self.name, Routing.of(reading.value), self.judged)

    def _move(self, reading: Reading) -> None:
        if reading.value is None:
            self.acts, self.routing = True, self._begin()
        else:
            self.routing = routing = Routing.of(reading.value)
            if routing.state in steps.RESTING:
                self.routing = routing = self._decide(routing) or routing
                self.acts = routing.state not in steps.RESTING
            else:
                self.acts = self._mine(routing)
                who = "this observer goes on" if self.acts else f"{routing.steps[-1].by} is at it"
                self.decision = Keep(f"epoch {routing.epoch} is {routing.state}, and {who}")
        if self.acts:
            self._carry_on(State.REDIRECTED)

    def finish(self) -> None:
        """Verify what was moved, and tell of it; this takes a while, and no other group's traffic waits for it."""
        if self.acts and self.routing is not None and self.routing.state not in steps.RESTING:
            self._carry_on(State.SETTLED)
            self.at.publish(self.name, self.routing, self.judged)

    # --- deciding -----------------------------------------------------------------------------------------------------

    def _begin(self) -> Routing | None:
        reason = "the group is new"
        shown = self.at.director_of(self.name).read()
        begun = steps.begin(initial(self.group, self.endpoints), self._act(), reason, after=shown.epoch)
        operation = Operation(f"epoch-{begun.epoch}", self.me, reason)
        outcome = self._register.change(lambda held: begun.as_document() if held is None else None, operation)
        return begun if isinstance(outcome, Done) and not outcome.again else None

    def _decide(self, routing: Routing) -> Routing | None:
        """Return the routing that is to be acted on, or that is settled again; None if nothing changed."""
        known = self.view.known[self.name]
        cooldown = timedelta(seconds=self.group.cooldown_seconds)
        every = timedelta(seconds=self.control.every_seconds)
        rested = settled_for(known, routing, cooldown, every=every, now=self.at.clock())
        self.decision = decide(
            self.group,
            self.endpoints,
            self.clouds,
            routing,
            self.judged,
            settled_for=rested,
            every=every,
        )
        if isinstance(self.decision, Keep):
            return self._withdraw(routing, self.decision) if routing.state is State.DETECTED else None
        return self._elect(routing, self.decision)

    def _withdraw(self, routing: Routing, decision: Keep) -> Routing | None:
        act, epoch = self._act(), routing.epoch
        since = routing.steps[-1].at
        return self._change(
            f"epoch-{epoch}:withdrawn:{since}",
            decision.reason,
            lambda now: steps.withdraw(now, epoch, decision.reason, act),
        )

    def _elect(self, routing: Routing, decision: Moving) -> Routing | None:
        act, epoch = self._act(), routing.epoch
        if routing.state is State.SETTLED:
            detected = self._change(
                f"epoch-{epoch}:detected:{act.at.isoformat()}:{act.by}",
                decision.reason,
                lambda now: steps.detect(now, epoch, decision.reason, act),
            )
            if detected is None:
                return None
        return self._change(
            f"epoch-{epoch + 1}", decision.reason, lambda now: steps.elect(now, epoch, decision, self._act())
        )

    def _change(self, name: str, why: str, become: Callable[[Routing], Routing | None]) -> Routing | None:
        try:
            return change(self._register, Operation(name, self.me, why), become)
        except StoreUnavailableError as error:
            said = f"{self.decision.reason}; but: {error}"
            self.decision = Keep(said)
            raise StoreUnavailableError(said) from error

    # --- acting -------------------------------------------------------------------------------------------------------

    def _mine(self, routing: Routing) -> bool:
        every = timedelta(seconds=self.control.every_seconds)
        known, now = self.view.known[self.name], self.at.clock()
        return my_turn(routing, known, self.me, self.control.stores, every=every, now=now)

    def _carry_on(self, to: State) -> None:
        if self.routing is not None:
            self.routing = carry_on(self._hands(), self.routing, to=to)

    def _maintain(self, routing: Routing) -> None:
        """In this observer's turn, see whether the director still shows what it is to show."""
        observers = self.control.stores
        in_turn = self.view.round % len(observers) == observers.index(self.me)
        whole = set(routing.serving) <= set(self.group.endpoints)
        if in_turn and whole and routing.state is State.SETTLED:
            redirect(self._hands(), routing)

    def _hands(self) -> Hands:
        at = self.at
        return Hands(
            name=self.name,
            me=self.me,
            endpoints=self.endpoints,
            register=self._register,
            director=at.director_of(self.name),
            notifiers=lambda: at.notifiers_of(self.name),
            prober=at.prober,
            executor=at.executor,
            clock=at.clock,
            publish=lambda routing: at.publish(self.name, routing, self.judged),
            instead=lambda routing, excluding: next_best(
                self.group, self.endpoints, self.clouds, routing, self.judged, excluding
            ),
            seen_well=self._seen_well,
            seen_down=self._seen_down,
            majority=len(self.judged.observers) // 2 + 1,
        )

    def _seen_well(self, endpoint: str) -> bool:
        """Say whether a majority of all observers sees an endpoint answer in time, whatever this one sees.

        One that answers late is no better for others: were it taken for well, nobody would ever go on from it.
        """
        others = (view.endpoints.get(endpoint) for name, view in self.judged.views.items() if name != self.me)
        well = sum(seen is not None and seen.passing > 0 and not seen.slow for seen in others)
        return 2 * well > len(self.judged.observers)

    def _seen_down(self, endpoint: str) -> bool:
        """Say whether a majority of all observers saw an endpoint fail the last time."""
        views = (view.endpoints.get(endpoint) for view in self.judged.views.values())
        return 2 * sum(seen is not None and seen.failing > 0 for seen in views) > len(self.judged.observers)

    # --- what it is about ---------------------------------------------------------------------------------------------

    @property
    def group(self) -> Group:
        """What the fleet file says of the group."""
        return self.fleet.groups[self.name]

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """The group's, by name."""
        return {name: self.fleet.endpoints[name] for name in self.group.endpoints}

    @property
    def clouds(self) -> Mapping[str, str]:
        """The cloud of each of them."""
        sites = self.fleet.sites
        return {name: sites[endpoint.site].cloud for name, endpoint in self.endpoints.items()}

    @property
    def _register(self) -> Register:
        return self.at.register_of(self.name)

    def _act(self) -> Act:
        return Act(self.me, self.at.clock())
