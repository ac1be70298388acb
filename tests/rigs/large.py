"""Worlds in which objects of a few bytes are large, and workers that may die at any call."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rigs.world import World
from tradewind.errors import TradewindError
from tradewind.ports import Message
from tradewind.replication import requests
from tradewind.replication.delivery import Delivery
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import PartSizes

SIZES = PartSizes(above=10, part=4)
"""Bytes."""
BODY = bytes(range(30))
"""Eight parts, of which the last is shorter."""
RETRY = 1000.0
"""Seconds after which whatever was handed back is visible again."""


class Killed(BaseException):
    """The worker's process is gone: nothing in it may catch this."""


def large_world(*rules: dict[str, object]) -> World:
    """Return a world whose objects go in parts from eleven bytes on."""
    return World(*rules, parts=SIZES)


def delivery(world: World, site: str) -> Delivery:
    """Return what works off the messages of one site."""
    queue = world.queues[site]
    return Delivery(
        lambda message: requests.decode(world.fleet, message),
        world.replicator,
        lambda: queue,
        lambda: world.letters,
        last_attempt=50,
    )


def take(world: World, site: str = "a") -> list[Message]:
    """Receive what waits at a site, once nobody hides it any more."""
    world.pass_time(RETRY)
    return list(world.queues[site].receive(limit=100))


def settle(world: World, message: Message, site: str = "a") -> Sequence[Outcome]:
    """Work off one message as a platform does: it stays in the queue if that raises."""
    outcomes = delivery(world, site).deliver(message)
    world.queues[site].acknowledge(message)
    return outcomes


def work_off(
    world: World, site: str = "a", *, arrange: Callable[[list[Message]], list[Message]] = list, rounds: int = 30
) -> list[Outcome]:
    """Work off a site's queue until it is empty, and return what came of it.

    Args:
        world: The world.
        site: Whose queue.
        arrange: Puts the messages of each round in an order.
        rounds: How often what failed is brought back, at most.
    """
    outcomes: list[Outcome] = []
    for _ in range(rounds):
        messages = arrange(take(world, site))
        if not messages:
            return outcomes
        for message in messages:
            try:
                outcomes += settle(world, message, site)
            except (TradewindError, Killed):
                continue
    raise AssertionError(f"messages are left after {rounds} rounds")
