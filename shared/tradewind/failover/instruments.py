"""What an observer works with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from tradewind.failover.looking.probing import Prober
from tradewind.failover.looking.viewing import Exchange
from tradewind.failover.routing import Routing
from tradewind.failover.views import Sights
from tradewind.ports import Notifier, TrafficDirector
from tradewind.registers.register import Register


@dataclass(frozen=True, slots=True)
class Instruments:
    """What an observer works with; each is asked for when it is needed first.

    Args:
        register_of: The register of a group.
        director_of: What directs a group's traffic.
        notifiers_of: Who is told about a group, by what to call them.
        publish: Lets those who ask where to send requests know a group's routing, and how its endpoints are.
        executor: Makes requests.
        workers: Look after the groups, each in a thread of its own. They wait for what `executor` does, so that it is
            another one, unless it does at once what it is given.
    """

    exchange: Exchange
    prober: Prober
    register_of: Callable[[str], Register]
    director_of: Callable[[str], TrafficDirector]
    notifiers_of: Callable[[str], Mapping[str, Notifier]]
    publish: Callable[[str, Routing, Sights], None]
    executor: Executor
    workers: Executor
    clock: Callable[[], datetime]
