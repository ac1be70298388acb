"""The suites of simulations, by name: a seed goes in, and what went wrong comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from simulation.plan import draw
from simulation.properties import PROPERTIES
from simulation.turns import Line
from simulation.world import EndlessError, World


@dataclass(frozen=True, slots=True)
class Result:
    """How one seed ended."""

    seed: int
    world: str
    """What kind of world it was, in a line."""
    failures: tuple[str, ...]
    schedule: tuple[Line, ...]
    """All that happened, in order."""


Suite = Callable[[int], Result]


def replication(seed: int) -> Result:
    """Run the world of one seed: single objects, any rule."""
    rng = Random(seed)  # noqa: S311 - chance, not secrets
    plan = draw(rng)
    world = World(plan, rng)
    failures: list[str] = []
    try:
        world.run()
    except EndlessError as error:
        failures.append(f"comes_to_rest: {error}")
    except Exception as error:  # noqa: BLE001 - whatever leaves the core is a finding, to be told with its schedule
        failures.append(f"raises_nothing_else: {type(error).__name__}: {error}")
    else:
        for check in PROPERTIES:
            failures += [f"{check.__name__}: {wrong}" for wrong in check(plan, world.history)]
        failures += world.buried()
    return Result(seed, plan.told(), tuple(failures), tuple(world.turns.log))


SUITES: Mapping[str, Suite] = {"replication": replication}
