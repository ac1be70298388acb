"""What a decision about a group goes by, and what follows from it without any choice. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from tradewind.failover.deciding.health import Health, Judgement
from tradewind.failover.deciding.sharing import WHOLE
from tradewind.failover.routing import Routing
from tradewind.fleet import Endpoint, Group


@dataclass(frozen=True, slots=True)
class Scene:
    """A group, as it is in one round.

    Args:
        group: The policy.
        endpoints: Its endpoints, by name.
        clouds: The cloud of each.
        routing: Where its traffic goes.
        health: How its endpoints are.
    """

    group: Group
    endpoints: Mapping[str, Endpoint]
    clouds: Mapping[str, str]
    routing: Routing
    health: Judgement

    def weight(self, name: str) -> int:
        """Return an endpoint's percent of the traffic."""
        return self.routing.weights.get(name, 0)

    @property
    def serving(self) -> tuple[str, ...]:
        """The group's endpoints that have traffic, in order of preference."""
        return tuple(name for name in self.preferred if self.weight(name))

    @property
    def gone(self) -> tuple[str, ...]:
        """What has traffic and is not in the group any more."""
        return tuple(name for name in self.routing.serving if name not in self.group.endpoints)

    @property
    def preferred(self) -> tuple[str, ...]:
        """All endpoints of the group: the primary first, then in their order."""
        first = (self.group.primary,) if self.group.primary else ()
        return tuple(dict.fromkeys((*first, *self.group.endpoints)))

    def able(self, without: Iterable[str] = ()) -> tuple[str, ...]:
        """Return what a majority sees fit to have traffic: what serves and stands, and what is well."""
        out = set(without)
        fit = (name for name in self.preferred if name not in out)
        return tuple(n for n in fit if self.health.is_well(n) or (self.weight(n) and self.health.stands(n)))

    @property
    def telling(self) -> tuple[str, ...]:
        """The serving endpoints that are asked for their load."""
        return tuple(name for name in self.serving if self.endpoints[name].probe.load is not None)

    def load(self, told: Callable[[Health], float | None]) -> float | None:
        """Return the requests a second that the whole group answers, from what endpoints tell and their weights.

        Args:
            told: Which of an endpoint's figures.

        Returns:
            None if nobody tells it, or not all that should.
        """
        loads = [told(self.health.of[name]) for name in self.telling]
        known = [load for load in loads if load is not None]
        if not loads or len(known) < len(loads):
            return None
        return sum(known) * WHOLE / sum(self.weight(name) for name in self.telling)

    @property
    def burden(self) -> float:
        """Requests a second that the group must be able to answer: what it is told, else what those who serve could."""
        known = self.load(lambda health: health.load)
        return self.declared if known is None else known

    @property
    def declared(self) -> float:
        """Requests a second that those who serve could answer, each by its share of the traffic."""
        return sum(self.endpoints[name].capacity * self.weight(name) / WHOLE for name in self.serving)

    def capacity(self, names: Iterable[str]) -> float:
        """Return the requests a second that several endpoints can answer together."""
        return sum(self.endpoints[name].capacity for name in names)

    def full(self, weights: Mapping[str, int]) -> dict[str, int]:
        """Return the weights with every endpoint of the group named."""
        return {name: weights.get(name, 0) for name in self.group.endpoints}
