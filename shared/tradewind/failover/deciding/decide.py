"""What becomes of a group's traffic in one round. Pure: views, routing and policy in, a decision out.

Every move needs a majority of all observers for each thing that it goes by, and all of these are things that are seen:
that one endpoint is down, that another is well. What is not seen moves nothing, so that a view that is missing can keep
traffic where it is, and can never move it (static stability).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta

from tradewind.failover.deciding import reasons
from tradewind.failover.deciding.decisions import Decision, Keep
from tradewind.failover.deciding.easing import leave_degraded
from tradewind.failover.deciding.health import judge
from tradewind.failover.deciding.leaving import Room, leave_lost, placed
from tradewind.failover.deciding.returning import adjust
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.deciding.sharing import WHOLE, percent, shares
from tradewind.failover.moving.steps import RESTING
from tradewind.failover.routing import Routing
from tradewind.failover.views import Sights
from tradewind.fleet import Endpoint, Group


def decide(
    group: Group,
    endpoints: Mapping[str, Endpoint],
    clouds: Mapping[str, str],
    routing: Routing,
    sights: Sights,
    *,
    settled_for: timedelta,
    every: timedelta,
) -> Decision:
    """Say whether traffic stays as it is, or where it goes, and why.

    Args:
        group: The policy.
        endpoints: At least the group's, by name.
        clouds: The cloud of each of these.
        routing: What the group's register holds.
        sights: What the observers see.
        settled_for: For how long the present epoch has stood.
        every: The time between two looks of an observer.
    """
    if routing.frozen:
        return Keep(f"frozen: {routing.frozen}")
    if routing.state not in RESTING:
        return Keep(f"epoch {routing.epoch} is under way: {routing.state.value}")
    health = judge(group, endpoints, sights)
    if sum(name in sights.views for name in set(sights.observers)) < health.majority:
        return Keep(reasons.unheard(sights, health.majority))
    decision = _wanted(Scene(group, endpoints, clouds, routing, health), every)
    rest = group.cooldown_seconds - settled_for.total_seconds()
    if isinstance(decision, Keep) or rest <= 0:
        return decision
    return Keep(f"{decision.reason}; but traffic was moved lately, and stays for another {rest:.0f} s")


def _wanted(scene: Scene, every: timedelta) -> Decision:
    if (decision := leave_lost(scene)) is not None:
        return decision
    spread = adjust(scene, every) if scene.group.strategy == "bursting" else None
    if spread is not None and not isinstance(spread, Keep):
        return spread  # a primary that is slow because it has too much to do is not to be left, but relieved
    slow = leave_degraded(scene)
    if slow is not None and not isinstance(slow, Keep):
        return slow
    calm = spread or adjust(scene, every)
    return slow if slow is not None and isinstance(calm, Keep) else calm


def initial(group: Group, endpoints: Mapping[str, Endpoint]) -> dict[str, int]:
    """Return the weights with which a group begins; every endpoint is named."""
    if group.strategy == "active_active" or group.primary is None:
        weights = percent(shares(endpoints, group.endpoints, None))
    else:
        weights = {group.primary: WHOLE}
    return {name: weights.get(name, 0) for name in group.endpoints}


def next_best(
    group: Group,
    endpoints: Mapping[str, Endpoint],
    clouds: Mapping[str, str],
    routing: Routing,
    sights: Sights,
    excluding: Collection[str],
) -> dict[str, int] | None:
    """Return the weights to go on with when endpoints did not pass verification.

    Those who serve besides them take over; if nobody does, whoever else is well; if nobody is, those who served before,
    if they are well. Nobody left: None. Who serves, and of whom no majority knows, keeps what it has.

    Args:
        group: The policy.
        endpoints: At least the group's, by name.
        clouds: The cloud of each of these.
        routing: The epoch whose move did not pass.
        sights: What the observers see.
        excluding: What did not pass.
    """
    scene = Scene(group, endpoints, clouds, routing, judge(group, endpoints, sights))
    able = [name for name in scene.able(without=excluding) if not scene.health.is_down(name)]
    stay = tuple(name for name in able if scene.weight(name))
    before = {name for name, weight in routing.before.items() if weight}
    new = tuple(name for name in able if name not in stay and name not in before)
    unclear = (name for name in scene.serving if name not in stay and name not in excluding)
    held = tuple(name for name in unclear if not scene.health.is_down(name))
    back = tuple(name for name in able if name in before)
    for room in (Room(stay, (), held), Room((), new, held), Room((), back, held)):
        if room.stay or room.new:
            tried = tuple(name for name in routing.tried if name in excluding)
            return scene.full(placed(replace(scene, routing=replace(routing, tried=tried)), room))
    return None
