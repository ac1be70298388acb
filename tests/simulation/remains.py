"""What a world that has come to rest must not have left: messages, asked keys, and what uploads are made of."""

from __future__ import annotations

from simulation.world import World
from tradewind.ports import REASON, RESERVED_PREFIX


def remains(world: World) -> list[str]:
    """Return all that is left and must not be, in words."""
    return [*buried(world), *unmended(world), *left(world)]


def buried(world: World) -> list[str]:
    """Return what was dead-lettered, though only a rule that calls a conflict an error gives reason to."""
    found = [
        (name, held.attributes.get(REASON, ""))
        for name, site in world.sites.items()
        for held in site.letters.waiting.values()
    ]
    return [
        f"nothing_is_given_up: a message of {name} is dead-lettered: {reason}"
        for name, reason in found
        if world.plan.rule.conflict != "fail" or not reason.startswith("ConflictError")
    ]


def unmended(world: World) -> list[str]:
    """Return what the last sweep asked for, though nothing came of it."""
    done = world.sweeps.completed
    if done is None or not done.asked:
        return []
    return [f"sweeps_ask_for_what_they_can_mend: {done.asked} keys, {done.tally.as_document()}"]


def left(world: World) -> list[str]:
    """Return the jobs, part objects and uploads that are left.

    Who begins an upload to S3 and dies before it is noted leaves it to a lifecycle rule of the bucket; and so does who
    dies before it is aborted. Azure drops blocks by itself.
    """
    found: list[str] = []
    for name, site in world.sites.items():
        parts = [key for key in site.data.keys() if key.startswith(RESERVED_PREFIX)]  # noqa: SIM118 - no dict
        uploads = () if world.turns.mishaps else site.data.pending
        found += [f"{name} holds {each}" for each in (*world.jobs_to(name), *parts, *uploads)]
    return [f"nothing_is_left: {each}" for each in found]
