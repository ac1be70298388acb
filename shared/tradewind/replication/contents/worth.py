"""From which size on it pays to look whether content is at a target already. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.facts.prices import GIB, PRICES
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState
from tradewind.replication.budgets.money import NANO, price_of
from tradewind.replication.modes.compression import encoding_for
from tradewind.replication.routes import Route
from tradewind.replication.sets.recognise import closing_kind

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reuse:
    """When it is worth a look.

    A look costs a read of the index, and each replica a write of it: $5.40 for a million objects. With one object in a
    hundred found, that is saved from 5 to 7 MiB on between clouds, and from 28 MiB on between regions of one.
    """

    floor: int = 8 * MIB
    """Bytes. The bytes of a smaller object arrive about as fast as the index is read."""
    chance: float = 0.01
    """Share of all objects whose content is there already, at least."""

    def smallest(self, fleet: Fleet, rule: Rule, source: str, target: str) -> int | None:
        """Return the bytes from which on it pays; None if nothing is paid for the way, or the rule does not want it."""
        price = dollars_per_gib(fleet, rule, source, target)
        if not rule.reuse or price == 0:
            return None
        prices = PRICES[fleet.sites[target].cloud]
        return max(self.floor, int((prices.read + prices.write) / 1000 / (price * self.chance) * GIB))


def dollars_per_gib(fleet: Fleet, rule: Rule, source: str, target: str) -> float:
    """Return the dollars for a GiB from one site to another, as the rule's budget reckons."""
    return price_of(fleet, rule, source, target) / NANO


def is_wanted(fleet: Fleet, reuse: Reuse, route: Route, state: ObjectState) -> bool:
    """Say whether to look for an object's content at a target, and to note it there.

    What closes a set is read as a whole in any case, and what is compressed has other bytes there.
    """
    smallest = reuse.smallest(fleet, route.rule, route.source, route.target)
    return (
        smallest is not None
        and state.size >= smallest
        and closing_kind(route.rule, state.key) is None
        and encoding_for(route.rule, state.key, state.metadata) is None
    )
