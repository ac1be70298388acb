"""Moving traffic because a person says so: through the same register, in the same order of epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tradewind.errors import ConfigurationError
from tradewind.failover.moving import steps
from tradewind.failover.moving.changing import on_routing
from tradewind.failover.moving.steps import Act
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import Sights
from tradewind.fleet import Group, Switch
from tradewind.registers.outcomes import WHO, WHY, Operation, Outcome, cut
from tradewind.registers.register import Register


@dataclass(frozen=True, slots=True)
class Hand:
    """A person's hand on the register of one group.

    A call whose outcome is `Indeterminate` is made again with the same `id`, and with what it had `seen` as `since`;
    then it is applied once, or is `Indeterminate` again if the history does not reach back to that any more.

    Args:
        register: The group's.
        clock: Returns the time, UTC.
        start: The weights to which observers bring traffic back by themselves.
    """

    group: Group
    register: Register
    clock: Callable[[], datetime]
    start: Mapping[str, int] = field(default_factory=dict)

    def move(self, weights: Mapping[str, int], *, who: str, why: str, id: str, since: int | None = None) -> Outcome:  # noqa: A002 - the field's name
        """Begin an epoch with these weights, whatever the one before it came to; none if it is so, and stays so.

        Args:
            weights: Percent by endpoint, 100 together; what is left out gets nothing.
            who: The person.
            why: In words, for the history.
            id: Of the wish, unique; the same for each try.
            since: What an earlier try that was `Indeterminate` had `seen`.

        Raises:
            ConfigurationError: The weights are not those of a group of these endpoints.
        """
        whole = complete(self.group, weights)
        who, why = cut(who, WHO), cut(why, WHY)
        where = ", ".join(f"{name} {weight} %" for name, weight in whole.items() if weight)
        operation = Operation(id, who, f"to {where}: {why}")  # so that the history says what was wished, too

        def moved(routing: Routing) -> Routing | None:
            if self._stands(routing, whole):
                return None  # nothing would move, and yet a cooldown would keep the observers from moving anything
            return steps.move(routing, whole, why, Act(who, self.clock()))

        return self.register.change(on_routing(moved), operation, since=since)

    def _stands(self, routing: Routing, whole: Mapping[str, int]) -> bool:
        """Say whether a wish is in force; where a failover brought the traffic, observers would take it back."""
        there = routing.state is State.SETTLED and {**dict.fromkeys(whole, 0), **routing.weights} == whole
        return there and (routing.kind in {Kind.MANUAL, Kind.INITIAL} or dict(self.start) == whole)

    def freeze(self, *, who: str, why: str, id: str, since: int | None = None) -> Outcome:  # noqa: A002 - likewise
        """Let nothing but persons move traffic, until `thaw`."""
        operation = Operation(id, who, f"frozen: {why}")
        frozen = on_routing(lambda held: steps.freeze(held, f"{cut(who, WHO)}: {cut(why, WHY)}"))
        return self.register.change(frozen, operation, since=since)

    def thaw(self, *, who: str, why: str, id: str, since: int | None = None) -> Outcome:  # noqa: A002 - likewise
        """Let observers move traffic again."""
        operation = Operation(id, who, f"thawed: {why}")
        return self.register.change(on_routing(lambda held: steps.freeze(held, "")), operation, since=since)

    def force(self, epoch: int, *, who: str, why: str, id: str) -> Outcome:  # noqa: A002 - likewise
        """Let the director show an epoch however much of its zone that changes; another epoch is not meant.

        Whoever does not know what came of it forces the epoch again, under another `id`: twice is as once.
        """
        operation = Operation(id, who, f"epoch {epoch} forced: {why}")
        said = f"{cut(who, WHO)}: {cut(why, WHY)}"
        return self.register.change(on_routing(lambda held: steps.force(held, epoch, said)), operation)


def complete(group: Group, weights: Mapping[str, int]) -> dict[str, int]:
    """Return the weights with every endpoint of the group.

    Raises:
        ConfigurationError: They name another endpoint, are not 100 together, or are shares where there can be none.
    """
    if strange := [name for name in weights if name not in group.endpoints]:
        known = ", ".join(group.endpoints)
        raise ConfigurationError(f"The group has no endpoint {strange[0]!r}", hint=f"It has: {known}")
    total = sum(weights.values())
    if total != 100 or min(weights.values()) < 0:  # noqa: PLR2004 - percent
        raise ConfigurationError(f"Weights are percent, none below 0 and 100 together; these are {total} together")
    if isinstance(group.director, Switch) and max(weights.values()) < total:
        raise ConfigurationError("The quorum switch knows no shares", hint="Give one endpoint 100, and no other any")
    return {name: weights.get(name, 0) for name in group.endpoints}


def objections(group: Group, weights: Mapping[str, int], sights: Sights) -> Iterator[str]:
    """Yield what speaks against a move, in words; a person may know better."""
    serving = [name for name, weight in weights.items() if weight]
    if len(serving) < group.minimum_serving:
        yield f"{len(serving)} would serve, and `minimum_serving` is {group.minimum_serving}"
    for name in serving:
        down = [
            observer
            for observer, view in sights.views.items()
            if name in view.endpoints and view.endpoints[name].failing >= group.rounds
        ]
        if 2 * len(down) > len(sights.observers):
            yield f"{name} is down for {len(down)} of {len(sights.observers)} observers: {', '.join(down)}"
