"""The only place that knows concrete classes: it joins a fleet file, the clouds and the core.

Handlers and tools ask it for what they need. Everything is opened when it is first used and kept for the life of the
process, so importing this package imports no SDK.
"""

from tradewind.runtime.clients import LAST_ATTEMPT, SITE_VARIABLE, Runtime
from tradewind.runtime.location import FLEET_VARIABLE, read_fleet
from tradewind.runtime.process import (
    ATTEMPTS_VARIABLE,
    TIMER_VARIABLE,
    current,
    deliver,
    forget,
    look,
    observe,
    route,
    sweep,
)
from tradewind.runtime.snapshot import preload

__all__ = [
    "ATTEMPTS_VARIABLE",
    "FLEET_VARIABLE",
    "LAST_ATTEMPT",
    "SITE_VARIABLE",
    "TIMER_VARIABLE",
    "Runtime",
    "current",
    "deliver",
    "forget",
    "look",
    "observe",
    "preload",
    "read_fleet",
    "route",
    "sweep",
]
