"""How each endpoint is, as all observers together see it. Pure.

Everything here is said by a majority of all observers that there are, and is said for something: that an endpoint is
down, or that it stands. A view that is missing can therefore only leave things open, and never turn one into the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median

from tradewind.failover.looking.windows import fails_often
from tradewind.failover.views import EndpointView, Sights
from tradewind.fleet import Endpoint, Group


@dataclass(frozen=True, slots=True)
class Health:
    """One endpoint. An observer whose view is missing, or does not speak of it, is counted nowhere."""

    down: tuple[str, ...] = ()
    """Who saw it fail for the group's `rounds` in a row."""
    standing: tuple[str, ...] = ()
    """Who did not."""
    well: tuple[str, ...] = ()
    """Who saw it answer rightly for as many."""
    sound: tuple[str, ...] = ()
    """Who saw that, within its latency objective, and seldom sees it fail."""
    degraded: tuple[str, ...] = ()
    """Who sees it late for twice as many looks in a row, or often sees it fail, though it is not down."""
    failed: int = 0
    """For so many looks those who see it down saw it fail, each of them at least."""
    steady: int = 0
    """For so many looks a majority saw it answer rightly, each of them at least."""
    why: str = ""
    """What those say most often who see it down or degraded."""
    load: float | None = None
    """Requests a second that it says to answer; the median of what it told."""
    load_at_most: float | None = None
    """What a majority was told that it does not exceed; None if too few were told anything."""
    load_at_least: float | None = None
    """What a majority was told that it reaches; likewise."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """All endpoints of a group.

    Attributes:
        observers: How many there are, seen or unseen.
        of: By endpoint.
    """

    observers: int
    of: Mapping[str, Health]

    @property
    def majority(self) -> int:
        """So many of the observers decide."""
        return self.observers // 2 + 1

    def is_down(self, name: str) -> bool:
        """Say whether a majority sees it down."""
        return len(self.of[name].down) >= self.majority

    def stands(self, name: str) -> bool:
        """Say whether a majority sees that it is not down: what serves may go on serving."""
        return len(self.of[name].standing) >= self.majority

    def is_well(self, name: str) -> bool:
        """Say whether a majority sees it well: traffic may be moved to it."""
        return len(self.of[name].well) >= self.majority

    def is_sound(self, name: str) -> bool:
        """Say whether a majority sees it well and fast: traffic may be moved to it without need."""
        return len(self.of[name].sound) >= self.majority

    def is_degraded(self, name: str) -> bool:
        """Say whether a majority sees it slow, or failing often."""
        return len(self.of[name].degraded) >= self.majority


def judge(group: Group, endpoints: Mapping[str, Endpoint], sights: Sights) -> Judgement:
    """Return how the group's endpoints are, by the fresh views of `sights`."""
    observers = tuple(dict.fromkeys(sights.observers))
    majority = len(observers) // 2 + 1

    def health(name: str) -> Health:
        views = {
            observer: sights.views[observer].endpoints[name]
            for observer in observers
            if observer in sights.views and name in sights.views[observer].endpoints
        }
        return _health(views, group, endpoints[name], majority)

    return Judgement(len(observers), {name: health(name) for name in group.endpoints})


def _health(views: Mapping[str, EndpointView], group: Group, endpoint: Endpoint, majority: int) -> Health:
    def those(see: Callable[[EndpointView], bool]) -> tuple[str, ...]:
        return tuple(observer for observer, view in views.items() if see(view))

    def degraded(view: EndpointView) -> bool:
        often = fails_often(view.samples, group.errors_above)
        return view.failing < group.rounds and (view.slow >= 2 * group.rounds or often)

    def sound(view: EndpointView) -> bool:
        late = any(not each.good or each.seconds * 1000 > endpoint.latency_ms for each in view.samples[-group.rounds :])
        return view.passing >= group.rounds and not late and not degraded(view)

    down, slow = those(lambda view: view.failing >= group.rounds), those(degraded)
    reasons = Counter(views[observer].reason for observer in down or slow if views[observer].reason)
    loads = sorted(view.load for view in views.values() if view.load is not None)
    passing = sorted((view.passing for view in views.values()), reverse=True)
    heard = len(loads) >= majority
    return Health(
        down=down,
        standing=those(lambda view: view.failing < group.rounds and view.failing + view.passing > 0),
        well=those(lambda view: view.passing >= group.rounds),
        sound=those(sound),
        degraded=slow,
        failed=min((views[observer].failing for observer in down), default=0),
        steady=passing[majority - 1] if len(passing) >= majority else 0,
        why=reasons.most_common(1)[0][0] if reasons else "",
        load=median(loads) if loads else None,
        load_at_most=loads[majority - 1] if heard else None,
        load_at_least=loads[-majority] if heard else None,
    )
