"""What a round says as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.failover.observer import Round
from tradewind.failover.routing import State
from tradewind.measures import Measure

ROUNDS = "ObserverRounds"
"""Of a site: looks at the endpoints. Where none is told, nobody looks from there."""
UNHEARD = "NoMajority"
"""Of a site: groups whose register it could not hear a majority of."""


def measures_of(done: Round) -> Iterator[Measure]:
    """Yield what a round says of its observer, of each endpoint and of each group."""
    here = {"Site": done.view.observer}
    yield Measure(ROUNDS, "Count", 1, here)
    yield Measure(UNHEARD, "Count", len(done.unheard), here)
    yield Measure("ObserversHeard", "Count", len(done.sights.views), here)
    for name, endpoint in done.view.endpoints.items():
        yield Measure("FailingLooks", "Count", endpoint.failing, {**here, "Endpoint": name})
    for name, routing in done.routings.items():
        yield Measure("Epoch", "Count", routing.epoch, {**here, "Group": name})
        yield Measure("Unsettled", "Count", routing.state is not State.SETTLED, {**here, "Group": name})
