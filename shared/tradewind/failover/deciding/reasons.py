"""Reasons, as people read them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tradewind.failover.deciding.health import Judgement
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.views import Sights


def unheard(sights: Sights, majority: int) -> str:
    """Return why there are too few views to decide by."""
    missing = "; ".join(f"{name} {why}" for name, why in sights.missing.items())
    heard = f"{len(sights.views)} of {len(sights.observers)} observers can be heard, and {majority} are needed"
    return f"{heard} ({missing})" if missing else heard


def down(scene: Scene, names: Sequence[str]) -> str:
    """Return who sees endpoints down, for how long, and why."""
    return "; ".join(_down(scene, name) for name in names)


def _down(scene: Scene, name: str) -> str:
    health = scene.health.of[name]
    who = _of(scene.health, health.down)
    why = f": {health.why}" if health.why else ""
    return f"{who} see {name} down for {_looks(health.failed)}{why}"


def degraded(scene: Scene, names: Sequence[str]) -> str:
    """Return who sees endpoints slow, or failing often."""
    health = scene.health.of
    return "; ".join(
        f"{_of(scene.health, health[name].degraded)} see {name} slow or failing often"
        + (f", at last: {health[name].why}" if health[name].why else "")
        for name in names
    )


def gone(names: Sequence[str]) -> str:
    """Return that endpoints are not in the fleet file any more."""
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} not in the group any more"


def next_ones(scene: Scene, before: Iterable[str], weights: Mapping[str, int]) -> str:
    """Return who takes over, and how many observers see them well."""
    before = tuple(before)
    taking = [name for name, weight in weights.items() if weight > scene.weight(name)] or [*weights]
    return "; ".join(
        f"{name} {'takes over, standing' if name in before else 'is next, well'} at "
        f"{len(scene.health.of[name].standing if name in before else scene.health.of[name].well)} "
        f"of {scene.health.observers}"
        for name in taking
    )


def listed(names: Iterable[str]) -> str:
    """Return names in a row."""
    return ", ".join(names)


def percents(weights: Mapping[str, int]) -> str:
    """Return who has how much."""
    return listed(f"{name} {weight} %" for name, weight in weights.items() if weight)


def _of(health: Judgement, who: Sequence[str]) -> str:
    return f"{len(who)} of {health.observers} observers ({listed(who)})"


def _looks(count: int) -> str:
    return f"{count} look{'' if count == 1 else 's'}"
