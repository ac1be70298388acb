"""Traffic goes back to where it belongs, and shares follow the fleet file. Pure.

Nothing here is urgent. So it happens only while everything that serves is seen to stand by a majority, and never to
what a person arranged otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from tradewind.failover.deciding import reasons
from tradewind.failover.deciding.bursting import burst, share, with_rest
from tradewind.failover.deciding.decisions import Decision, Keep, Restore, Shift
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.deciding.sharing import WHOLE, explained, percent, shares
from tradewind.failover.routing import Kind

WITHIN = 2
"""Points that weights may be off by rounding."""


def adjust(scene: Scene, every: timedelta) -> Decision:
    """Say whether traffic goes back, or is shared otherwise, now that nothing has to leave.

    Args:
        scene: What is decided about.
        every: The time between two looks.
    """
    unclear = [name for name in scene.serving if not scene.health.stands(name)]
    if unclear:
        return Keep(f"no majority sees whether {reasons.listed(unclear)} stands")
    if scene.routing.kind is Kind.MANUAL and _moved(scene, start(scene)):
        return Keep(f"{scene.routing.by} arranged {reasons.percents(scene.routing.weights)}, which changes by hand")
    primary = scene.group.primary
    if scene.group.strategy == "active_active" or primary is None:
        return _shared(scene, every)
    back = _back(scene, primary, every)
    if scene.group.strategy == "active_passive" or isinstance(back, Restore) or not scene.weight(primary):
        return back
    return burst(scene, primary)


def start(scene: Scene) -> dict[str, int]:
    """Return the weights with which the group begins, all being well."""
    if scene.group.strategy == "active_active" or scene.group.primary is None:
        return percent(shares(scene.endpoints, scene.group.endpoints, None))
    return {scene.group.primary: WHOLE}


def _moved(scene: Scene, weights: Mapping[str, int]) -> bool:
    return any(weights.get(name, 0) != scene.weight(name) for name in {*weights, *scene.routing.weights})


def _back(scene: Scene, primary: str, every: timedelta) -> Keep | Restore:
    """Say whether the primary gets more of its traffic back: a step at a time, each standing for a cooldown."""
    now = scene.weight(primary)
    if now == WHOLE:
        return Keep(f"{primary} serves, and {_standing(scene, (primary,))}")
    if waits := _waits(scene, primary, every, begun=scene.routing.kind is Kind.RESTORE and now > 0):
        return Keep(f"{reasons.percents(scene.routing.weights)}; {waits}")
    load = scene.load(lambda health: health.load_at_most)
    if load is None and scene.telling:
        return Keep(f"how much {primary} would have to answer is not known to a majority")
    bursting = scene.group.strategy == "bursting"
    step = min(_step(scene, now), share(scene, primary, load) if bursting else WHOLE)
    if step <= now:
        return Keep(f"{reasons.percents(scene.routing.weights)}: the rest is too much for {primary}")
    if load is not None and load * step / WHOLE > scene.endpoints[primary].capacity:
        return Keep(f"{step} % of {load:.0f} requests/s are more than {primary} can answer")
    others = [name for name in scene.serving if name != primary]
    if bursting:
        weights = with_rest(scene, primary, step, others, load)
    else:
        rest = percent({name: scene.weight(name) for name in others}, WHOLE - step)
        weights = {primary: step} | rest
    return _restored(scene, weights, (primary,))


def _restored(scene: Scene, weights: Mapping[str, int], names: Sequence[str]) -> Keep | Restore:
    leaving = [name for name in scene.serving if not weights.get(name)]
    left = scene.able(without=leaving)
    if leaving and len(left) < scene.group.minimum_serving:
        return Keep(f"only {reasons.listed(left)} would be left that can serve")
    steady = min(scene.health.of[name].steady for name in names)
    well = f"a majority sees {reasons.listed(names)} well for {steady} looks or more"
    return Restore(scene.full(weights), f"{well}: {reasons.percents(weights)}")


def _waits(scene: Scene, name: str, every: timedelta, *, begun: bool) -> str:
    """Say why an endpoint gets none of its traffic back yet; "" if it does."""
    if not scene.health.is_sound(name):
        return f"{name} is not yet well and fast as a majority sees it"
    if begun:
        return ""
    after = scene.group.failback.after_seconds
    if after is None:
        return f"{name} is well, and traffic goes back to it by hand"
    if (well := (scene.health.of[name].steady * every).total_seconds()) < after:
        return f"{name} is well for {well:.0f} s, and traffic goes back to it after {after:g} s"
    return ""


def _step(scene: Scene, percent_now: float) -> int:
    return next((step for step in scene.group.steps if step > percent_now), WHOLE)


def _shared(scene: Scene, every: timedelta) -> Decision:
    """Say how endpoints share that are all to serve: who was away comes back step by step, who is new comes at once."""
    serving = scene.serving
    weights = {name: scene.weight(name) for name in serving}
    as_told = explained(scene.endpoints, weights, within=WITHIN, at_any_load=bool(scene.telling))
    if scene.routing.kind is Kind.RESTORE and not as_told:
        wanted = _wanted(scene, serving)
        behind = [name for name in serving if scene.weight(name) < wanted[name]]
        if waits := "; ".join(filter(None, (_waits(scene, name, every, begun=True) for name in behind))):
            return Keep(f"{reasons.percents(scene.routing.weights)}; {waits}")
        return _nearer(scene, wanted, behind)
    new = [n for n in scene.able() if n not in scene.routing.weights and scene.endpoints[n].weight]
    if new or not as_told:
        weights = _wanted(scene, (*serving, *new))
        why = f"{reasons.listed(new)} joined the group" if new else "shares are not as the fleet file has them"
        return Shift(scene.full(weights), f"{why}: {reasons.percents(weights)}")
    away = [n for n in scene.group.endpoints if scene.routing.weights.get(n) == 0 and scene.endpoints[n].weight]
    waiting = {name: _waits(scene, name, every, begun=False) for name in away}
    if back := [name for name, waits in waiting.items() if not waits]:
        return _nearer(scene, _wanted(scene, (*serving, *back)), back)
    waits = "; ".join(waiting.values())
    return Keep(f"{reasons.percents(scene.routing.weights)}; {waits or _standing(scene, serving)}")


def _wanted(scene: Scene, names: Sequence[str]) -> dict[str, int]:
    weights = percent(shares(scene.endpoints, names, scene.load(lambda health: health.load)))
    return dict.fromkeys(names, 0) | weights


def _nearer(scene: Scene, wanted: Mapping[str, int], back: Sequence[str]) -> Keep | Restore:
    """Bring those that come back one step nearer to what they are to have; the others share the rest."""
    least = min((scene.weight(name) / wanted[name] * WHOLE for name in back if wanted[name]), default=0.0)
    step = next((each for each in scene.group.steps if _any_more(scene, wanted, back, each, least)), WHOLE)
    own = {name: max(scene.weight(name), wanted[name] * step // WHOLE) for name in back}
    rest = {name: weight for name, weight in wanted.items() if name not in own and weight}
    weights = own | percent(rest, WHOLE - sum(own.values())) if rest else dict(wanted)
    return _restored(scene, weights, back)


def _any_more(scene: Scene, wanted: Mapping[str, int], back: Sequence[str], step: int, least: float) -> bool:
    return step > least and any(wanted[name] * step // WHOLE > scene.weight(name) for name in back)


def _standing(scene: Scene, names: Sequence[str]) -> str:
    fewest = min((len(scene.health.of[name].standing) for name in names), default=0)
    return f"{fewest} of {scene.health.observers} observers see {'it' if len(names) == 1 else 'all of them'} stand"
