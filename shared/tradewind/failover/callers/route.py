"""Which endpoint of a group serves a caller best now. Pure but for the dice, which are given.

Healthy first: what takes traffic by the routing, then what stands by, then what is poor but answers. If nothing of that
is left the routing's own weights are answered all the same, since to try is better than nothing. What the law of the
data forbids is never answered, whatever else is left.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal, TypeAlias

from tradewind.facts.regions import coordinates, distance
from tradewind.failover.callers.published import Condition, Offer, Published
from tradewind.failover.views import Breaker
from tradewind.fleet import Classification

By: TypeAlias = Literal["weighted", "latency", "nearest"]
Place: TypeAlias = tuple[float, float]
"""Latitude and longitude in degrees."""
TRIAL: Final = 0.05
"""The share of its requests that an endpoint gets while it is tried whether it is well again."""


@dataclass(frozen=True, slots=True)
class Choice:
    """Where a caller is sent."""

    endpoint: str
    url: str
    epoch: int
    reason: str
    alternatives: tuple[str, ...] = ()
    """What to try next, best first."""
    rejected: Mapping[str, str] = field(default_factory=dict)
    """Why the others are not among them, by endpoint."""
    note: str = ""
    """What the caller should know; "" if all is as it should be."""


@dataclass(frozen=True, slots=True)
class Nowhere:
    """There is no place where the data may be."""

    rejected: Mapping[str, str]


def choose(
    published: Published,
    *,
    by: By,
    place: Place | None,
    classifications: Mapping[str, Classification],
    rng: Random,
) -> Choice | Nowhere:
    """Choose the best endpoint now.

    Args:
        published: The group, as an observer published it.
        by: Weights, the latency that observers measured, or the distance of the region.
        place: The caller's; needed for `nearest`.
        classifications: Of the data, by name; an endpoint must be where each of them allows.
        rng: Throws the dice: weights, trials, and what is too much for the primary.
    """
    rejected = {name: why for name, offer in published.endpoints.items() if (why := _unlawful(offer, classifications))}
    lawful = [name for name in published.endpoints if name not in rejected]
    if not lawful:
        return Nowhere(rejected)
    unfit = {name: why for name in lawful if (why := _unfit(published, name, rng))}
    ranked = [_ordered(published, pool, by, place, rng) for pool in _pools(published, lawful, unfit)]
    usable = [name for pool in ranked for name in pool]
    if not usable:
        return _anyway(published, lawful, {**rejected, **unfit}, rng)
    best, *others = usable
    return Choice(
        endpoint=best,
        url=published.endpoints[best].url,
        epoch=published.epoch,
        reason=_reason(published, best, by, place, unfit),
        alternatives=tuple(others),
        rejected={**rejected, **{name: why for name, why in unfit.items() if name not in usable}},
        note=_doubt(published.endpoints[best]),
    )


def _unlawful(offer: Offer, classifications: Mapping[str, Classification]) -> str:
    for name, classification in classifications.items():
        if not classification.allows(offer.jurisdiction):
            return f"it is in {offer.jurisdiction}, where {name!r} data may not be"
    return ""


def _unfit(published: Published, name: str, rng: Random) -> str:
    """Return why requests are better sent elsewhere; "" if this endpoint is as good as any."""
    offer = published.endpoints[name]
    if offer.condition is Condition.DOWN:
        return "a majority of the observers sees it down"
    if offer.breaker is Breaker.OPEN:
        return "its breaker is open"
    if offer.breaker is Breaker.HALF_OPEN and rng.random() >= TRIAL:
        return "it is being tried again, and gets few requests"
    if offer.load is not None and offer.load >= offer.capacity:
        return f"it answers {offer.load:g} requests a second, and can answer {offer.capacity:g}"
    if published.strategy == "bursting" and name == published.primary and rng.random() < _spilled(published):
        return f"beyond {published.burst_above:.0%} of its capacity requests go to the others"
    return "it is slow, or fails too often" if offer.condition is Condition.DEGRADED else ""


def _spilled(published: Published) -> float:
    """Return the share of the primary's requests that is too much for it."""
    offer = published.endpoints[published.primary]
    most = published.burst_above * offer.capacity
    return 0.0 if not offer.load or offer.load <= most else 1 - most / offer.load


def _pools(published: Published, lawful: Sequence[str], unfit: Mapping[str, str]) -> Sequence[Sequence[str]]:
    """Return those who can be asked, in groups, best first.

    Those without traffic stand by for what serves poorly, if a majority sees them well and nobody froze the group.
    """
    offers = published.endpoints
    serving = [name for name in lawful if offers[name].weight]
    standing_by = [name for name in lawful if not offers[name].weight and not published.frozen]
    answering = [name for name in unfit if offers[name].condition is not Condition.DOWN and not _shut(offers[name])]
    return (
        [name for name in serving if name not in unfit],
        [name for name in standing_by if name not in unfit and offers[name].well],
        [name for name in serving if name in answering],
        [name for name in standing_by if name in answering],
    )


def _shut(offer: Offer) -> bool:
    return offer.breaker is Breaker.OPEN


def _ordered(published: Published, pool: Sequence[str], by: By, place: Place | None, rng: Random) -> Sequence[str]:
    """Return the endpoints of a pool, best first; among equals the fleet file's order decides."""
    offers = published.endpoints
    if by == "latency":
        return sorted(pool, key=lambda name: _or_last(offers[name].p95))
    if by == "nearest" and place is not None:
        return sorted(pool, key=lambda name: _or_last(_distance(offers[name], place)))
    return _drawn(pool, {name: offers[name].weight or offers[name].share for name in pool}, rng)


def _drawn(pool: Sequence[str], weights: Mapping[str, int], rng: Random) -> Sequence[str]:
    """Return the names in a random order, in which each comes first as often as its weight says."""
    left = list(pool)
    drawn = []
    while left:
        of_left = [weights[name] for name in left]
        [name] = rng.choices(left, of_left if any(of_left) else None)
        left.remove(name)
        drawn.append(name)
    return drawn


def _anyway(published: Published, lawful: Sequence[str], rejected: Mapping[str, str], rng: Random) -> Choice:
    """Answer the routing's weights, whatever the observers see; where the law leaves none of them, what stands by."""
    offers = published.endpoints
    weights = {name: offers[name].weight or offers[name].share for name in lawful}
    pools = (
        [name for name in lawful if offers[name].weight],
        [name for name in lawful if not offers[name].weight and name not in rejected],
        [name for name in lawful if not offers[name].weight and name in rejected],
    )
    best, *others = [name for pool in pools for name in _drawn(pool, weights, rng)]
    why = rejected.get(best, "nobody has seen it answer for long enough")
    return Choice(
        endpoint=best,
        url=offers[best].url,
        epoch=published.epoch,
        reason="the last known weights" if offers[best].weight else "it is where the data may be",
        alternatives=tuple(others),
        rejected={name: why for name, why in rejected.items() if name not in lawful},
        note=f"No endpoint is known to be well ({why}); to try is better than nothing",
    )


def _reason(published: Published, name: str, by: By, place: Place | None, unfit: Mapping[str, str]) -> str:
    offer = published.endpoints[name]
    how: dict[By, Callable[[], str]] = {
        "weighted": lambda: f"{offer.weight} % of the traffic go there" if offer.weight else "it stands by",
        "latency": lambda: "no latency is known" if offer.p95 is None else f"95 % of answers within {offer.p95:.3f} s",
        "nearest": lambda: _away(offer, place),
    }
    said = f"{by}: {how[by]()}"
    if name in unfit:
        return f"{said}; nothing better is left, though {unfit[name]}"
    return said if offer.weight else f"{said}; what the traffic goes to cannot take more"


def _away(offer: Offer, place: Place | None) -> str:
    far = None if place is None else _distance(offer, place)
    return f"where {offer.region} is, is not known" if far is None else f"{offer.region} is {far:.0f} km away"


def _distance(offer: Offer, place: Place) -> float | None:
    there = coordinates(offer.cloud, offer.region)
    return None if there is None else distance(there, place)


def _or_last(figure: float | None) -> float:
    return float("inf") if figure is None else figure


def _doubt(offer: Offer) -> str:
    return "No majority of the observers can say how it is" if offer.condition is Condition.UNKNOWN else ""
