"""Groups, and what observers see of them, for tests of what is decided."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tradewind.failover.deciding.decide import decide
from tradewind.failover.deciding.decisions import Decision
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import EndpointView, Sample, Sights, View
from tradewind.fleet import Endpoint, Group

NOW = datetime(2026, 1, 1, tzinfo=UTC)
OBSERVERS = ("aws-use1", "gcp-euw4", "az-weu")
CLOUDS = {"on-aws": "aws", "on-gcp": "gcp", "on-azure": "azure"}
EVERY = timedelta(seconds=20)
LONG = timedelta(days=1)
ROUNDS = 3
SOUND = EndpointView(passing=10, samples=(Sample(good=True, seconds=0.05),) * 10)
DOWN = EndpointView(failing=3, slow=3, reason="connection refused", samples=(Sample(good=False, seconds=0.01),) * 3)
SLOW = EndpointView(passing=10, slow=6, samples=(Sample(good=True, seconds=0.9),) * 10)
OPEN = EndpointView(passing=1, samples=(Sample(good=False, seconds=0.01), Sample(good=True, seconds=0.05)))
"""Answered once; neither down nor well."""


def endpoint(**fields: object) -> Endpoint:
    """Return an endpoint."""
    return Endpoint.model_validate({"site": "aws-use1", "url": "http://127.0.0.1:9", **fields})


def telling(**fields: object) -> Endpoint:
    """Return an endpoint that tells its load."""
    return endpoint(probe={"load": "/load"}, **fields)


def group(*names: str, **fields: object) -> Group:
    """Return a group of the endpoints, the first of which is the primary."""
    names = names or tuple(CLOUDS)
    director = {"kind": "caddy", "admin": "http://127.0.0.1:9", "id": "front", "targets": dict.fromkeys(names, "t:1")}
    policy = {"primary": names[0], "rounds": ROUNDS, "classification": "public", **fields}
    return Group.model_validate({"endpoints": names, "director": director, **policy})


def routing(weights: Mapping[str, int] | None = None, **fields: object) -> Routing:
    """Return the routing of a settled epoch; by default all to the first."""
    held: dict[str, Any] = {
        "epoch": 7,
        "state": State.SETTLED,
        "kind": Kind.INITIAL,
        "weights": weights if weights is not None else {"on-aws": 100, "on-gcp": 0, "on-azure": 0},
        "before": {},
        "reason": "",
        "by": "aws-use1",
    }
    held.update(fields)
    return Routing(**held)


def sights(*views: Mapping[str, EndpointView] | None) -> Sights:
    """Return what observers see, in their order; None where a view is missing."""
    observers = OBSERVERS if len(views) == len(OBSERVERS) else tuple(f"o{nth}" for nth in range(len(views)))
    named = dict(zip(observers, views, strict=True))
    return Sights(
        observers,
        {name: View(name, 100, NOW, endpoints=each) for name, each in named.items() if each is not None},
        {name: "has not moved for 65 s" for name, each in named.items() if each is None},
    )


def all_see(**endpoints: EndpointView) -> Sights:
    """Return sights in which every observer sees the same; the names' `-` are written `_`."""
    view = {name.replace("_", "-"): each for name, each in endpoints.items()}
    return sights(view, view, view)


def decided(
    seen: Sights,
    held: Routing | None = None,
    policy: Group | None = None,
    endpoints: Mapping[str, Endpoint] | None = None,
    *,
    settled_for: timedelta = LONG,
) -> Decision:
    """Return what is decided."""
    policy = policy or group()
    endpoints = endpoints or dict.fromkeys(policy.endpoints, endpoint())
    clouds = {name: CLOUDS.get(name, "aws") for name in (*policy.endpoints, *(held.weights if held else ()))}
    return decide(policy, endpoints, clouds, held or routing(), seen, settled_for=settled_for, every=EVERY)
