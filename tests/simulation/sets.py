"""Worlds of artifact sets: a sharded model that is uploaded, written over and deleted at one site.

Every shard says of which version it is, and so does the index. Whoever loads the model at a target must never get
shards of two versions, nor miss one, at any moment.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

from simulation.history import Deed, Held, History
from simulation.plan import GENTLE, Plan, fleet_of, rates_of, site_of
from simulation.turns import SECOND
from simulation.world import World
from tradewind.ports import Metadata
from tradewind.replication.parts.plan import PartSizes

FOLDER = "models/m/"
INDEX = FOLDER + "model.safetensors.index.json"
SETTLE = 40
"""Seconds after which a set that nobody writes to counts as finished, however it looks."""
LARGE = 400
"""Bytes above which a shard goes in parts; the index is smaller."""
SHOWN = 12
"""Bytes of a shard that say which it is."""
TOLERANCE = 5
"""Seconds by which sites' clocks may be wrong, and rounded."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that the user does."""

    key: str
    body: bytes | None
    """None: delete it."""
    pause: int = 0
    """Microseconds that pass before it."""


def shard(number: int, of: int) -> str:
    """Return the key of a shard."""
    return f"{FOLDER}model-{number:05}-of-{of:05}.safetensors"


def draw_sets(rng: Random) -> tuple[Plan, list[Step]]:
    """Draw a world of sets, and what its user does, who leaves a set that is whole or none at all."""
    sites = tuple(site_of(rng, name) for name in "abc"[: rng.choice((2, 2, 3))])
    clouds = tuple(site.cloud for site in sites)
    steps = list(_steps(rng, padding=LARGE if rng.random() < 0.4 else 0))
    mode, conflict = rng.choice((("one_way", "keep"), ("active_active", "newest_wins")))
    fleet = fleet_of(clouds, mode, rng.choice(("propagate", "keep")), conflict, settle=SETTLE)
    pace = rng.choice((GENTLE, GENTLE, SECOND // 2))
    hands = rng.choice((1, 3, 6))
    sizes = PartSizes(above=LARGE, part=LARGE // 2)
    return Plan(sites, fleet, (INDEX,), len(steps), rates_of(rng), pace, hands, parts=sizes), steps


def _steps(rng: Random, *, padding: int) -> Iterator[Step]:
    count = rng.randrange(2, 5)
    for version in range(1, rng.randrange(2, 5)):
        yield from _hesitantly(rng, _upload(rng, version, count, padding))
        if rng.random() < 0.2:
            yield from _hesitantly(rng, _delete(rng, count))
            continue
        if rng.random() < 0.2:
            of = count
            count = rng.randrange(2, 5)
            if count != of:
                yield from _hesitantly(rng, _delete(rng, of))


def _upload(rng: Random, version: int, count: int, padding: int) -> list[Step]:
    weights = {f"w{number}": shard(number, count).removeprefix(FOLDER) for number in range(1, count + 1)}
    index = Step(INDEX, json.dumps({"metadata": {"version": version}, "weight_map": weights}).encode())
    bodies = {number: b"v%d shard %d" % (version, number) for number in range(1, count + 1)}
    shards = [Step(shard(number, count), body + body[:4] * (padding // 4)) for number, body in bodies.items()]
    rng.shuffle(shards)
    match rng.randrange(4):
        case 0:
            return [index, *shards]
        case 1:
            mixed = [index, *shards]
            rng.shuffle(mixed)
            return mixed
        case _:
            return [*shards, index]


def _delete(rng: Random, count: int) -> list[Step]:
    keys = [INDEX, *(shard(number, count) for number in range(1, count + 1))]
    if rng.random() < 0.5:
        rng.shuffle(keys)
    return [Step(key, None) for key in keys]


def _hesitantly(rng: Random, steps: list[Step]) -> Iterator[Step]:
    """Pause before each step: long enough to be done with a version, and shorter within it."""
    for number, step in enumerate(steps):
        pause = rng.choice((0, 0, 1, 3, 20)) if number else SETTLE + 2 * TOLERANCE
        yield Step(step.key, step.body, pause * SECOND)


def performer(steps: list[Step]) -> Callable[[World], Callable[[], None]]:
    """Return what makes the user of a world, who takes the steps one after the other."""

    def perform(world: World) -> Callable[[], None]:
        left = iter(steps)
        name = world.plan.sites[0].name
        bucket = world.sites[name].data

        def act() -> None:
            step = next(left)
            world.turns.clock.elapsed += step.pause
            if step.body is not None:
                bucket.overwrite(step.key, step.body, Metadata())
            elif (token := bucket.token_of(step.key)) is not None:
                bucket.delete(step.key, expect=token)
            world.changed(name, step.key, ours=False)

        return act

    return perform


def no_set_is_torn(plan: Plan, history: History) -> Iterator[str]:
    """At no moment does a target show an index without all its shards, of its version.

    But for one case: the source shows the same, and nobody has written to it for so long that it counts as finished.
    """
    source = plan.sites[0].name
    present: dict[str, dict[str, Held]] = {site.name: {} for site in plan.sites}
    written = 0
    for deed in history.deeds:
        held = present[deed.site]
        if deed.after is None:
            held.pop(deed.key, None)
        else:
            held[deed.key] = deed.after
        if deed.site == source:
            written = deed.elapsed if not deed.ours else written
            continue
        wrong = torn(held)
        finished = deed.elapsed - written >= (SETTLE - TOLERANCE) * SECOND
        if wrong and not (finished and torn(present[source])):
            yield f"deed {deed.number} at {_moment(deed)}: {deed.site} shows {wrong}"


def torn(held: dict[str, Held]) -> str:
    """Say what is wrong with the set that a reader finds; "" if it is whole, or not there."""
    index = held.get(INDEX)
    if index is None:
        return ""
    described = json.loads(index.body)
    for name in described["weight_map"].values():
        member = held.get(FOLDER + name)
        version = described["metadata"]["version"]
        if member is None:
            return f"the index of v{version} without {name}"
        if not member.body.startswith(b"v%d " % version):
            return f"the index of v{version} with {member.body[:SHOWN].decode()}"
    return ""


def _moment(deed: Deed) -> str:
    return f"{deed.elapsed / SECOND:.3f} s"
