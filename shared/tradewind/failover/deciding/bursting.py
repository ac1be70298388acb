"""Traffic that is too much for the primary goes to the others. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor

from tradewind.failover.deciding import reasons
from tradewind.failover.deciding.decisions import Keep, Shift
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.deciding.sharing import WHOLE, percent, shares

POINTS = 10
"""Hysteresis, in percent of the traffic or of the primary's capacity."""


def share(scene: Scene, primary: str, load: float | None) -> int:
    """Return the percent of the traffic that fills the primary up to `burst_above` of its capacity."""
    room = scene.group.burst_above * scene.endpoints[primary].capacity
    return WHOLE if load is None or load <= room else floor(WHOLE * room / load)


def spilled(scene: Scene, names: Sequence[str], load: float | None, whole: int = WHOLE) -> dict[str, int]:
    """Return the weights of the primary, which is one of `names`, and of those who take what is too much for it.

    Args:
        scene: What is decided about.
        names: Who may have traffic.
        load: Requests a second that they have together; None if it is not known.
        whole: Percent that they have together.
    """
    primary = scene.group.primary or names[0]
    others = [name for name in names if name != primary]
    own = share(scene, primary, load) * whole // WHOLE if others else whole
    return with_rest(scene, primary, own, others, load, whole)


def with_rest(
    scene: Scene, primary: str, own: int, others: Sequence[str], load: float | None, whole: int = WHOLE
) -> dict[str, int]:
    """Return the weights when the primary has `own` percent, and the others share the rest."""
    if own >= whole or not others:
        return {primary: whole}
    rest = None if load is None else load * (whole - own) / whole
    return {primary: own} | percent(shares(scene.endpoints, others, rest), whole - own)


def burst(scene: Scene, primary: str) -> Keep | Shift:
    """Say whether more or less of the traffic goes to the others than now.

    It begins when a majority is told a load above `burst_above` of the capacity, and ends 10 points below; in between
    the shares follow the load when they are 10 points off.
    """
    now, capacity = scene.weight(primary), scene.endpoints[primary].capacity
    least, most = scene.load(lambda health: health.load_at_least), scene.load(lambda health: health.load_at_most)
    if least is None or most is None:
        return Keep(f"how much {primary} answers is not known to a majority")
    others = [name for name in scene.able() if name != primary]
    more, less = share(scene, primary, least), share(scene, primary, most)
    above = f"{scene.group.burst_above:.0%} of the {capacity:g} that {primary} can answer"
    if more <= now - POINTS or (now == WHOLE and more < now):
        if not others:
            return Keep(f"{least:.0f} requests/s are more than {above}, but nobody else is well")
        weights = with_rest(scene, primary, more, others, least)
        return Shift(scene.full(weights), f"{least:.0f} requests/s are more than {above}: {reasons.percents(weights)}")
    calm = most <= (scene.group.burst_above - POINTS / WHOLE) * capacity
    if now < WHOLE and (calm or min(less, WHOLE - 1) >= now + POINTS):
        weights = with_rest(scene, primary, WHOLE if calm else min(less, WHOLE - 1), others, most)
        return Shift(scene.full(weights), f"{most:.0f} requests/s are less than before: {reasons.percents(weights)}")
    return Keep(f"{reasons.percents(scene.routing.weights)}, with {most:.0f} requests/s and {above} as the limit")
