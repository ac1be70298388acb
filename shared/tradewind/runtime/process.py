"""What a function's process keeps between events."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from time import monotonic
from typing import Any

from tradewind.errors import ConfigurationError, CredentialsError, FleetError, TransientError
from tradewind.logs import Line
from tradewind.measures import Measure
from tradewind.ports import Message, Notification
from tradewind.replication.outcomes import Outcome
from tradewind.runtime.clients import LAST_ATTEMPT, SITE_VARIABLE, Runtime
from tradewind.runtime.location import FLEET_VARIABLE, read_fleet

ATTEMPTS_VARIABLE = "TRADEWIND_LAST_ATTEMPT"
"""After this many deliveries the platform gives a message up; the queue's own setting, repeated for the handler."""
TIMER_VARIABLE = "TRADEWIND_TIMER_SECONDS"
"""So often the timer of an observer rings; the schedule's own setting, repeated for the handler."""
RING = 60.0
"""Seconds; unless the setting says otherwise."""
OBSERVER = "tradewind.observer"
"""Logger of what an observer decides."""
METRICS = "tradewind.metrics"
"""Logger of the metrics: each is a line with its fields under `metric`."""
FRESH = 60.0
"""Seconds for which a process trusts the fleet file, and the credentials, that it has read."""

_kept: dict[str, tuple[float, Runtime]] = {}
"""By the fleet file's location: when it was read, and what it said."""
_refreshing = Lock()


def current() -> Runtime:
    """Return the process's runtime, whose fleet file is read again once a minute.

    A fleet file that cannot be reached any more changes nothing: the process goes on with the one it has.

    Raises:
        FleetError: No fleet file is named, or it is wrong.
    """
    location = os.environ.get(FLEET_VARIABLE)
    if not location:
        raise FleetError(f"{FLEET_VARIABLE} is not set", hint="It says where the fleet file is")
    with _refreshing:  # one of the threads that work on a batch reads the file, and the others wait for it
        return _read(location)


def _read(location: str) -> Runtime:
    kept = _kept.get(location)
    if kept and monotonic() - kept[0] < FRESH:
        return kept[1]
    try:
        runtime = read_fleet(location)
    except TransientError:
        if kept is None:
            raise
        logging.getLogger(__name__).warning("the fleet file cannot be reached; going on with the one that was read")
        runtime = kept[1]
    if kept and runtime.fleet == kept[1].fleet:
        runtime = kept[1]  # with its open clients
    _kept[location] = (monotonic(), runtime)
    return runtime


def renew(runtime: Runtime) -> None:
    """Let what works next open its clients anew, with the credentials as they are then: they may have been replaced.

    What was read lately is left alone. Unlike after `forget`, a fleet file that is out of reach is no hindrance.
    """
    if monotonic() - runtime.born <= FRESH:
        return
    with _refreshing:
        for location, (read, kept) in _kept.items():
            if kept is runtime:
                _kept[location] = (read, Runtime(runtime.fleet, runtime.folder, monotonic()))


def forget() -> None:
    """Forget every fleet file that was read, as a new process has."""
    _kept.clear()


def _last_attempt() -> int:
    text = os.environ.get(ATTEMPTS_VARIABLE, str(LAST_ATTEMPT))
    if not text.isdecimal():
        raise ConfigurationError(f"{ATTEMPTS_VARIABLE} is {text!r}", hint="It is a number of deliveries")
    return int(text)


def _ring() -> float:
    text = os.environ.get(TIMER_VARIABLE, str(RING))
    try:
        return float(text)
    except ValueError:
        raise ConfigurationError(f"{TIMER_VARIABLE} is {text!r}", hint="It is a number of seconds") from None


def _site() -> str:
    site = os.environ.get(SITE_VARIABLE)
    if not site:
        raise ConfigurationError(f"{SITE_VARIABLE} is not set", hint="It names the site that this function serves")
    return site


def sweep(*, seconds: float, tell: Callable[[Measure], None] = lambda _: None) -> None:
    """Do what the timer of the site that this function serves does.

    Args:
        seconds: How long, about.
        tell: Given each metric, which is logged in any case.

    Raises:
        TradewindError: A rule could not be swept; the others were, and the next time goes on with it.
    """
    done = current().sweep(_site(), seconds=seconds)
    _tell(done.measures, tell)
    if done.errors:
        raise done.errors[0]


def _tell(measures: Iterable[Measure], tell: Callable[[Measure], None]) -> None:
    """Log each metric, and hand it on."""
    for measure in measures:
        of = ", ".join(f"{name} {value}" for name, value in measure.dimensions.items())
        said = f"{measure.name} of {of}: {measure.value:g}"
        logging.getLogger(METRICS).info(Line(message=said, metric=measure.as_fields()))
        tell(measure)


def observe(*, seconds: float, tell: Callable[[Measure], None] = lambda _: None) -> None:
    """Be the observer of the site that this function serves: look at the endpoints until the next ring of the timer.

    Args:
        seconds: The function may run no longer than about this, however far the next ring is.
        tell: Given each metric, which is logged in any case.

    Raises:
        Exception: A group could not be looked after; the others were, and the next round tries again.
    """
    from tradewind.failover.measures import measures_of  # noqa: PLC0415 - only an observer needs it
    from tradewind.failover.rounds import keep_on  # noqa: PLC0415 - likewise

    runtime, site, errors = current(), _site(), list[Exception]()
    every = runtime.failover.control.every_seconds
    for done in keep_on(runtime.failover.observer(site).round, every=every, seconds=min(seconds, _ring())):
        for line in done.told():
            logging.getLogger(OBSERVER).info(line)
        _tell(measures_of(done), tell)
        errors += done.errors
    if runtime.failover.refused or any(isinstance(error, CredentialsError) for error in errors):
        renew(runtime)
    if errors:
        raise errors[0]


def route(parameters: Mapping[str, str] | None) -> tuple[int, dict[str, Any]]:
    """Answer a caller who asks which endpoint of a group serves best: a status and a JSON body.

    Args:
        parameters: Of the query (see `failover.answering`); None if there are none.
    """
    runtime = current()
    answer = runtime.failover.route(parameters or {}, _site())
    if runtime.failover.refused:
        renew(runtime)
    return answer


def look(notification: Notification) -> Sequence[Outcome]:
    """Look at one key now, for whoever asks about it by a call and wants to know what came of it.

    Raises:
        UnknownBucketError: The bucket is not in the fleet.
    """
    return current().replicator().replicate(notification, attempt=2)


def deliver(message: Message) -> Sequence[Outcome]:
    """Work off a message for the site that this function serves.

    Raises:
        TradewindError: It cannot be done now; the message must be delivered again.
    """
    site = _site()
    last_attempt = _last_attempt()
    runtime = current()
    try:
        return runtime.deliver(site, message, last_attempt=last_attempt)
    except CredentialsError:
        renew(runtime)
        raise
