"""Weights: how traffic is shared out among endpoints. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import ceil, floor, log

from tradewind.fleet import Endpoint

WHOLE = 100
"""Percent."""
STEP = 1.02
"""Between the load that overloads nobody and the one that overloads all, others are tried: each so much more."""


def percent(shares: Mapping[str, float], whole: int = WHOLE) -> dict[str, int]:
    """Return whole numbers in proportion to `shares` that sum to exactly `whole` (largest remainder; ties by order).

    Args:
        shares: Not negative, and not all 0.
        whole: Their sum.
    """
    total = sum(shares.values())
    exact = {name: whole * share / total for name, share in shares.items()}
    weights = {name: floor(share) for name, share in exact.items()}
    rest = whole - sum(weights.values())
    for name in sorted(exact, key=lambda name: weights[name] - exact[name])[:rest]:
        weights[name] += 1
    return weights


def shares(endpoints: Mapping[str, Endpoint], names: Collection[str], load: float | None) -> dict[str, float]:
    """Return how much each of `names` should have, by weight, with nobody beyond its capacity.

    What is too much for one goes to the others by their weights. Where all of them together are too small, each has as
    much as its capacity is of theirs. Endpoints of the weight 0 have something only if there are no others.

    Args:
        endpoints: By name.
        names: Of those that share; at least one.
        load: Requests a second that all of them answer together; None if it is not known, and nobody is capped.
    """
    weights = {name: float(endpoints[name].weight) for name in names if endpoints[name].weight}
    weights = weights or dict.fromkeys(names, 1.0)
    return filled(weights, {name: endpoints[name].capacity for name in weights}, load)


def filled(weights: Mapping[str, float], room: Mapping[str, float], load: float | None) -> dict[str, float]:
    """Return how much each gets, by weight, with nobody beyond the room that it has.

    Args:
        weights: More than 0.
        room: Of each, in requests a second; where all of it together is too little, it is what each gets.
        load: Requests a second; None if it is not known, and room is plenty.
    """
    if load is None or load <= 0:
        return dict(weights)
    if sum(room[name] for name in weights) <= load:
        return {name: room[name] for name in weights}
    full: dict[str, float] = {}
    left, open_ = load, dict(weights)
    while open_:
        each = left / sum(open_.values())
        over = {name: room[name] for name in open_ if each * open_[name] > room[name]}
        if not over:
            return full | {name: each * weight for name, weight in open_.items()}
        full |= over
        left -= sum(over.values())
        open_ = {name: weight for name, weight in open_.items() if name not in over}
    return full


def explained(endpoints: Mapping[str, Endpoint], weights: Mapping[str, int], *, within: int, at_any_load: bool) -> bool:
    """Say whether the weights are those that `shares` gives the endpoints, give or take some points.

    Weights that nothing explains were not made from what the fleet file says now.

    Args:
        endpoints: By name.
        weights: Percent by endpoint.
        within: So many points each may be off.
        at_any_load: Whether the load may have capped them, whatever it was.
    """
    names = [name for name, weight in weights.items() if weight]
    capacities = [endpoints[name].capacity for name in names]
    steps = ceil(log(sum(capacities) / min(capacities), STEP)) + 1 if at_any_load else 0
    loads = [None, *(min(capacities) * STEP**step for step in range(steps))]
    wanted = (percent(shares(endpoints, names, load)) for load in loads)
    return any(all(abs(each.get(name, 0) - weights[name]) <= within for name in names) for each in wanted)
