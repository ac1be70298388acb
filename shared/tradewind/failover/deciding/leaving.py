"""Traffic leaves what is down, and what is not in the group any more. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tradewind.failover.deciding import reasons
from tradewind.failover.deciding.bursting import spilled
from tradewind.failover.deciding.decisions import Decision, FailOver, Keep, Shift
from tradewind.failover.deciding.scene import Scene
from tradewind.failover.deciding.sharing import WHOLE, percent, shares


@dataclass(frozen=True, slots=True)
class Room:
    """Who can take what others leave.

    Attributes:
        stay: Serves, and is fit to have more.
        new: Is fit to serve, and does not.
        held: Serves, and whether it is fit is not clear; it keeps what it has.
    """

    stay: tuple[str, ...]
    new: tuple[str, ...]
    held: tuple[str, ...]


def leave_lost(scene: Scene) -> Decision | None:
    """Say where the traffic goes of endpoints that are down or not in the group any more; None if there are none.

    Of several that are down, only those of one cloud leave, unless nothing else serves: what looks like the end of two
    clouds at once is more likely an error of ours.
    """
    lost = [name for name in scene.serving if scene.health.is_down(name)]
    if not lost and not scene.gone:
        return None
    out = (*scene.gone, *_of_one_cloud(scene, lost))
    why = "; ".join(filter(None, (reasons.down(scene, lost), reasons.gone(scene.gone) if scene.gone else "")))
    able = scene.able(without=out)
    stay = tuple(name for name in able if scene.weight(name))
    held = tuple(name for name in scene.serving if name not in out and name not in stay)
    room = Room(stay, tuple(name for name in able if name not in stay), held)
    if blocked := _blocked(scene, room):
        return Keep(f"{why}; but {blocked}")
    weights = placed(scene, room)
    reason = f"{why}; {reasons.next_ones(scene, stay, weights)}{_too_small(scene, room, weights)}"
    return FailOver(scene.full(weights), reason) if lost else Shift(scene.full(weights), reason)


def placed(scene: Scene, room: Room) -> dict[str, int]:
    """Return the weights of those who take over, and of those who keep what they have."""
    kept = {name: scene.weight(name) for name in room.held}
    whole = WHOLE - sum(kept.values())
    if scene.group.strategy == "active_passive":
        return kept | {_best(scene, room): whole}
    known = scene.load(lambda health: health.load)
    burden = None if known is None else known * whole / WHOLE
    if scene.group.strategy == "bursting" and scene.group.primary in room.stay:
        return kept | spilled(scene, (*room.stay, *room.new), burden, whole)
    pool = room.stay
    enough = burden is None or scene.capacity(pool) >= burden
    if not pool or not enough or len(pool) < scene.group.minimum_serving:
        pool = (*pool, *room.new)
    return kept | percent(shares(scene.endpoints, pool, burden), whole)


def _of_one_cloud(scene: Scene, names: Sequence[str]) -> tuple[str, ...]:
    """Return those of the cloud that has most of the traffic; all, if nothing else serves."""
    if len(names) == len(scene.serving):
        return tuple(names)
    traffic: dict[str, int] = {}
    for name in names:
        traffic[scene.clouds[name]] = traffic.get(scene.clouds[name], 0) + scene.weight(name)
    most = max(traffic, key=lambda cloud: traffic[cloud], default="")
    return tuple(name for name in names if scene.clouds[name] == most)


def _blocked(scene: Scene, room: Room) -> str:
    """Say why nothing may leave; "" if it may."""
    left = (*room.stay, *room.new)
    if not left:
        return "no other endpoint is well, so everything stays as it is"
    if len(left) < scene.group.minimum_serving:
        return f"only {reasons.listed(left)} would be left that can serve, and {scene.group.minimum_serving} must be"
    return ""


def _best(scene: Scene, room: Room) -> str:
    """Return the one that takes everything: large enough if any is, else the largest."""
    burden, order = scene.burden, scene.preferred

    def rank(name: str) -> tuple[bool, bool, float, bool, bool, int]:
        capacity = scene.endpoints[name].capacity
        fits = capacity >= burden
        tried, sound = name in scene.routing.tried, scene.health.is_sound(name)
        return not fits, tried, 0 if fits else -capacity, name not in room.stay, not sound, order.index(name)

    return min((*room.stay, *room.new), key=rank)


def _carries(scene: Scene, weights: dict[str, int], burden: float) -> bool:
    """Say whether everybody who gets more than now can answer it."""
    return all(
        burden * weight / WHOLE <= scene.endpoints[name].capacity
        for name, weight in weights.items()
        if weight > scene.weight(name)
    )


def _too_small(scene: Scene, room: Room, weights: dict[str, int]) -> str:
    """Say that those who take over are too small, if they are: some answers are better than none."""
    passive = scene.group.strategy == "active_passive"
    burden = scene.burden if passive else scene.load(lambda health: health.load)
    taking = [name for name in (*room.stay, *room.new) if weights.get(name)]
    if burden is None or _carries(scene, weights, burden):
        return ""
    return (
        f"; nobody can carry all {burden:.0f} requests/s, and {reasons.listed(taking)} can {scene.capacity(taking):.0f}"
    )
