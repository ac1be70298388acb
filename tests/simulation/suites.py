"""The suites of simulations, by name: a seed goes in, and what went wrong comes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from unittest.mock import patch

from rigs.world import InlineExecutor
from simulation import moves, promises, registering, scenes, watching, wishes
from simulation.buffering import BufferedWorld, draw_buffered
from simulation.findings import faults
from simulation.guarding import (
    draw_guarded,
    emptying,
    no_more_than_the_share_goes,
)
from simulation.plan import draw
from simulation.processes import Processes, Schedule
from simulation.properties import (
    PROPERTIES,
    Property,
    keeping_deletes_nothing,
    notifications_suffice,
)
from simulation.remains import remains
from simulation.sets import draw_sets, no_set_is_torn, performer
from simulation.standing_in import standing_in
from simulation.turns import Line
from simulation.world import EndlessError, World


@dataclass(frozen=True, slots=True)
class Result:
    """How one seed ended."""

    seed: int
    world: str
    """What kind of world it was, in a line."""
    failures: tuple[str, ...]
    schedule: Sequence[Line]
    """All that happened, in order."""


# An index is withdrawn while its shards are replaced, and comes back after them.
SET_PROPERTIES = (no_set_is_torn, *(each for each in PROPERTIES if each is not keeping_deletes_nothing))
# What the guard held back waits for a person, and then for a sweep.
GUARD_PROPERTIES = (
    no_more_than_the_share_goes,
    *(each for each in PROPERTIES if each is not notifications_suffice),
)
Suite = Callable[[int], Result]


def replication(seed: int) -> Result:
    """Run the world of one seed: single objects, any rule."""
    rng = Random(seed)  # noqa: S311 - chance, not secrets
    return _run(seed, World(draw(rng), rng), PROPERTIES)


def buffered(seed: int) -> Result:
    """Run the world of one seed: single objects, any rule, and changes that wait for the end of a window."""
    rng = Random(seed)  # noqa: S311 - as above
    return _run(seed, BufferedWorld(draw_buffered(rng), rng), PROPERTIES)


def guarded(seed: int) -> Result:
    """Run the world of one seed: users who delete very much, and a rule whose delete guard can shut."""
    rng = Random(seed)  # noqa: S311 - as above
    return _run(seed, World(draw_guarded(rng), rng, users=emptying), GUARD_PROPERTIES)


def sets(seed: int) -> Result:
    """Run the world of one seed: a sharded model that is written at one site."""
    rng = Random(seed)  # noqa: S311 - as above
    plan, steps = draw_sets(rng)
    return _run(seed, World(plan, rng, users=performer(steps)), SET_PROPERTIES)


def register(seed: int) -> Result:
    """Run the world of one seed: clients of a register, over control stores that fail."""
    rng = Random(seed)  # noqa: S311 - as above
    plan = wishes.draw(rng)
    world = registering.World(plan, rng)
    return _agreed(seed, plan.told(), world.processes, world.run, lambda: faults(world.findings, plan))


def failover(seed: int) -> Result:
    """Run the world of one seed: observers of a group, and everything around them that fails."""
    rng = Random(seed)  # noqa: S311 - as above
    scene = scenes.draw(rng)
    world = watching.World(scene, rng)

    def found() -> Iterable[str]:
        yield from world.wrong
        seen = world.sightings()
        yield from moves.faults(world.moves, world.director.shown, seen)
        yield from promises.broken(world.moves, world.director.shown, seen)

    return _agreed(seed, scene.policy.told(), world.processes, world.run, found)


def _agreed(
    seed: int, told: str, processes: Processes, run: Callable[[], None], faults: Callable[[], Iterable[str]]
) -> Result:
    failures: list[str] = []
    try:
        with standing_in(processes):
            run()
    except EndlessError as error:
        failures.append(f"comes_to_rest: {error}")
    except Exception as error:  # noqa: BLE001 - as below
        failures.append(f"raises_nothing_else: {type(error).__name__}: {error}")
    failures += faults()
    return Result(seed, told, tuple(failures), Schedule(tuple(processes.log)))


def _run(seed: int, world: World, properties: Sequence[Property]) -> Result:
    failures: list[str] = []
    try:
        chance = Random(seed).randbytes  # noqa: S311 - whoever asks for chance gets the seed's
        with (
            patch("os.urandom", chance),
            patch("random._urandom", chance),  # what `secrets` asks
            patch("tradewind.clouds.gcp.uploads.ThreadPoolExecutor", lambda _: InlineExecutor()),
            patch("tradewind.replication.parts.plan.TASKS", world.plan.tasks),
        ):
            world.run()
    except EndlessError as error:
        failures.append(f"comes_to_rest: {error}")
    except Exception as error:  # noqa: BLE001 - whatever leaves the core is a finding, to be told with its schedule
        failures.append(f"raises_nothing_else: {type(error).__name__}: {error}")
    else:
        failures += remains(world)
    for check in properties:
        failures += [f"{check.__name__}: {wrong}" for wrong in check(world.plan, world.history)]
    return Result(seed, world.plan.told(), tuple(failures), tuple(world.turns.log))


SUITES: Mapping[str, Suite] = {
    "replication": replication,
    "buffered": buffered,
    "guarded": guarded,
    "sets": sets,
    "register": register,
    "failover": failover,
}
