"""Worlds in which users delete so much that the delete guard shuts, and a person then lets everything go."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random

from simulation.history import Deed, History
from simulation.plan import GENTLE, NAMES, TIME_LIMIT, Plan, fleet_of, rates_of, site_of
from simulation.turns import SECOND
from simulation.users import Users
from simulation.world import World
from tradewind.fleet import DeleteGuard

WINDOW = 10
"""Minutes."""
SLACK = 2 * TIME_LIMIT * SECOND
"""Microseconds that lie between asking and removing, at most, and by which clocks are wrong."""


def draw_guarded(rng: Random) -> Plan:
    """Draw a world of many keys, whose rule removes what is deleted, but not much at once."""
    sites = tuple(site_of(rng, name) for name in NAMES[: rng.choice((2, 2, 3))])
    clouds = tuple(site.cloud for site in sites)
    keys = tuple(f"k{number}" for number in range(rng.randrange(6, 11)))
    guard = DeleteGuard(share=rng.choice((0.25, 0.5)), minimum=rng.randrange(3), window_minutes=WINDOW)
    mode, conflict = rng.choice((("one_way", "keep"), ("one_way", "overwrite"), ("active_active", "newest_wins")))
    return Plan(
        sites,
        fleet_of(clouds, mode, "propagate", conflict, guard=guard),
        keys,
        acts=rng.randrange(6, 10) * len(keys),
        rates=replace(rates_of(rng), stall=rng.choice((0, 0.1, 0.3))),
        pace=rng.choice((GENTLE, SECOND // 2)),
        hands=rng.choice((1, 3, 6)),
        sweeps=rng.choice((0, 0.02)),
    )


def emptying(world: World) -> Callable[[], None]:
    """Return what makes the users of a world, who fill a site, wait, and then delete more than they write."""
    rng, keys = world.rng, world.plan.keys
    first = world.plan.sites[0].name
    users = Users(rng, world.plan, world.sites, lambda name, key: world.changed(name, key, ours=False))
    acts = 0

    def delete() -> None:
        name = first if rng.random() < 0.8 else rng.choice(world.plan.sites).name
        bucket = world.sites[name].data
        present = bucket.keys()
        if present:
            key = rng.choice(present)
            bucket.delete(key, expect=bucket.token_of(key) or "")
            world.changed(name, key, ours=False)

    def act() -> None:
        nonlocal acts
        acts += 1
        if acts <= len(keys):
            users.fill(first, keys[acts - 1])
        elif acts > 4 * len(keys):
            if rng.random() < 0.1:
                world.turns.clock.elapsed += rng.choice((1, 4, 11)) * 60 * SECOND
            if rng.random() < 0.75:
                delete()
            else:
                users.act()

    return act


def no_more_than_the_share_goes(plan: Plan, history: History) -> Iterator[str]:
    """Until a person says so, no more than the allowed share of the keys that a site had goes within a window."""
    guard = plan.rule.delete_guard
    window = guard.window_minutes * 60 * SECOND
    for site in plan.sites:
        deeds = [deed for deed in history.deeds[: history.allowed] if deed.site == site.name]
        removals = [deed for deed in deeds if deed.ours and deed.after is None]
        for last in removals:
            since = last.elapsed - window
            gone = {deed.key for deed in removals if since + SLACK < deed.elapsed and deed.number <= last.number}
            had = _had(deeds, since - SLACK, last)
            if len(gone) > max(guard.minimum, int(guard.share * len(had))):
                yield f"deed {last.number}: {len(gone)} of {len(had)} keys went at {site.name} within a window"


def _had(deeds: list[Deed], since: int, last: Deed) -> set[str]:
    """Return the keys that a site had at any moment from `since` to `last`."""
    present: set[str] = set()
    had: set[str] = set()
    for deed in deeds:
        if deed.number > last.number:
            break
        if deed.elapsed >= since:
            had |= present
        if deed.after is None:
            present.discard(deed.key)
        else:
            present.add(deed.key)
    return had
