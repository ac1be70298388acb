"""Traffic leaves what answers slowly, or fails often, and is not down. Pure.

Such an endpoint serves, if badly. So it is left only for others that a majority sees answer fast, only if they are
known to have room for what it has, and one endpoint at a time: whoever else has traffic keeps it.
"""

from __future__ import annotations

from collections.abc import Sequence

from tradewind.failover.deciding import reasons
from tradewind.failover.deciding.decisions import FailOver, Keep
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.deciding.sharing import WHOLE, filled, percent


def leave_degraded(scene: Scene) -> FailOver | Keep | None:
    """Say where the traffic goes of an endpoint that is degraded; None if there is none.

    Of several, that with most traffic is left for which there is room elsewhere.
    """
    slow = [name for name in scene.serving if scene.health.is_degraded(name)]
    if not slow:
        return None
    burden = scene.load(lambda health: health.load_at_most) if scene.telling else scene.declared
    if burden is None:
        return Keep(f"{reasons.degraded(scene, slow)}; but how much there is to carry is not known to a majority")
    for name in sorted(slow, key=scene.weight, reverse=True):
        takers = [each for each in scene.preferred if each != name and scene.health.is_sound(each)]
        if len(takers) < scene.group.minimum_serving:
            continue
        if more := _taken(scene, name, takers, burden):
            weights = {each: scene.weight(each) + more.get(each, 0) for each in scene.preferred if each != name}
            staying = [each for each in takers if scene.weight(each)]
            why = f"{reasons.degraded(scene, (name,))}; {reasons.next_ones(scene, staying, weights)}"
            return FailOver(scene.full(weights), why)
    return Keep(f"{reasons.degraded(scene, slow)}; but nobody who is well and fast has room for that")


def _taken(scene: Scene, name: str, takers: Sequence[str], burden: float) -> dict[str, int]:
    """Return who takes how many percent of the traffic; nobody if there is too little room."""
    weight = scene.weight(name)
    load = burden * weight / WHOLE
    room = {each: scene.endpoints[each].capacity - burden * scene.weight(each) / WHOLE for each in takers}
    room = {each: free for each, free in room.items() if free > 0}
    if scene.group.strategy == "active_passive":
        fit = [each for each, free in room.items() if free >= load]
        order = scene.preferred
        fit.sort(key=lambda each: (each in scene.routing.tried, not scene.weight(each), order.index(each)))
        return {fit[0]: weight} if fit else {}
    weights = {each: float(scene.endpoints[each].weight) for each in room if scene.endpoints[each].weight}
    if not weights or sum(room[each] for each in weights) < load:
        return {}
    return percent(filled(weights, room, load), weight)
