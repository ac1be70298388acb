"""What an observer lets callers know of a group every round: where its traffic goes, and how its endpoints are.

It is one small record, `routes/GROUP`, in the observer's own control bucket: who asks where to send a request is
answered from there, even when no majority of the control stores can be heard. It holds no personal data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from enum import StrEnum

from tradewind.failover.deciding.health import Judgement, judge
from tradewind.failover.looking.windows import latency
from tradewind.failover.routing import Routing, State
from tradewind.failover.views import Breaker, EndpointView, Sights
from tradewind.fleet import Fleet
from tradewind.records import Document


class Condition(StrEnum):
    """How a majority of the observers sees an endpoint."""

    UP = "up"
    DEGRADED = "degraded"
    """It answers, and too slowly, or too often not as it should."""
    DOWN = "down"
    UNKNOWN = "unknown"
    """No majority can say."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One endpoint that a caller may be sent to."""

    url: str
    site: str
    cloud: str
    region: str
    jurisdiction: str
    weight: int
    """Percent of the traffic, by the routing."""
    share: int
    """Its own weight in the fleet file."""
    capacity: float
    """Requests a second."""
    condition: Condition = Condition.UNKNOWN
    well: bool = False
    """Whether a majority saw it answer rightly for so long that traffic may be moved to it."""
    breaker: Breaker = Breaker.CLOSED
    p50: float | None = None
    """Seconds; of the good answers that the observers had last."""
    p95: float | None = None
    load: float | None = None
    """Requests a second, as it said last."""


@dataclass(frozen=True, slots=True)
class Published:
    """A group as callers see it."""

    group: str
    epoch: int
    state: State
    at: datetime
    """UTC, by the clock of the observer; to be read by people."""
    classification: str
    strategy: str
    primary: str
    """"" where there is none."""
    burst_above: float
    frozen: bool
    """Whether nothing but a person moves its traffic; who froze it stays in the register."""
    endpoints: Mapping[str, Offer]
    """In order of preference."""

    def as_document(self) -> Document:
        """Return it as JSON."""
        endpoints = {name: asdict(offer) for name, offer in self.endpoints.items()}
        plain = {name: getattr(self, name) for name in _PLAIN}
        return {**plain, "state": self.state.value, "at": self.at.isoformat(), "endpoints": endpoints}

    @classmethod
    def of(cls, document: Document) -> Published:
        """Return what a document holds.

        Raises:
            ValueError: It is of another kind, or of another version of this one.
        """
        try:
            return cls(
                **{name: document[name] for name in _PLAIN},
                state=State(document["state"]),
                at=datetime.fromisoformat(document["at"]).astimezone(UTC),
                endpoints={name: _offer(each) for name, each in document["endpoints"].items()},
            )
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            message = f"not what an observer publishes of a group: {error!r}"
            raise ValueError(message) from error


_PLAIN = ("group", "epoch", "classification", "strategy", "primary", "burst_above", "frozen")
_FIELDS = tuple(each.name for each in fields(Offer))


def _offer(document: Document) -> Offer:
    told = {name: document[name] for name in _FIELDS}  # what a newer version added is read over
    return Offer(**{**told, "condition": Condition(told["condition"]), "breaker": Breaker(told["breaker"])})


def published_of(name: str, fleet: Fleet, routing: Routing, sights: Sights, now: datetime) -> Published:
    """Return what callers may know of a group.

    Args:
        name: The group's.
        fleet: Says where its endpoints are, and what they can do.
        routing: As its register holds it.
        sights: The views that count.
        now: By the observer's own clock, UTC.
    """
    group = fleet.groups[name]
    judgement = judge(group, fleet.endpoints, sights)
    return Published(
        group=name,
        epoch=routing.epoch,
        state=routing.state,
        at=now,
        classification=group.classification,
        strategy=group.strategy,
        primary=group.primary or "",
        burst_above=group.burst_above,
        frozen=bool(routing.frozen),
        endpoints={each: _offered(each, fleet, routing, judgement, sights) for each in group.endpoints},
    )


def _offered(name: str, fleet: Fleet, routing: Routing, judgement: Judgement, sights: Sights) -> Offer:
    endpoint = fleet.endpoints[name]
    site = fleet.sites[endpoint.site]
    looks = [view.endpoints[name] for view in sights.views.values() if name in view.endpoints]
    took = latency([sample for look in looks for sample in look.samples])
    return Offer(
        url=endpoint.url,
        site=endpoint.site,
        cloud=site.cloud,
        region=site.region,
        jurisdiction=site.jurisdiction,
        weight=routing.weights.get(name, 0),
        share=endpoint.weight,
        capacity=endpoint.capacity,
        condition=_condition(name, judgement),
        well=judgement.is_well(name),
        breaker=_breaker(looks, judgement.majority),
        p50=None if took is None else took.p50,
        p95=None if took is None else took.p95,
        load=judgement.of[name].load,
    )


def _condition(name: str, judgement: Judgement) -> Condition:
    if judgement.is_down(name):
        return Condition.DOWN
    if judgement.is_degraded(name):
        return Condition.DEGRADED
    return Condition.UP if judgement.stands(name) else Condition.UNKNOWN


def _breaker(looks: Sequence[EndpointView], majority: int) -> Breaker:
    """Return the breaker as a majority has it: half open where most do not close it, and not enough have it open."""
    if sum(look.breaker is Breaker.OPEN for look in looks) >= majority:
        return Breaker.OPEN
    held = sum(look.breaker is not Breaker.CLOSED for look in looks)
    return Breaker.HALF_OPEN if held >= majority else Breaker.CLOSED
