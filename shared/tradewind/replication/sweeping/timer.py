"""What a site's timer does: it brings what was buffered, sweeps the rules that start there, and tidies the records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.fleet import Batch, Buffered, Fleet
from tradewind.records import Records
from tradewind.replication import requests
from tradewind.replication.modes.buffer import Buffer
from tradewind.replication.sweeping.expiry import expire
from tradewind.replication.sweeping.measures import BEYOND_RPO, Measure, beyond_rpo, measures_of
from tradewind.replication.sweeping.sweep import Budget, State, Step, Sweeper

log = logging.getLogger(__name__)
KEYS = 20_000
"""Keys of one rule that one round looks at, at most."""
TIDIED = "tidied"
"""Name of the record that says when the site's records were last tidied."""
TIDY_EVERY = timedelta(days=1)


@dataclass(slots=True)
class Round:
    """What one call of the timer did."""

    steps: list[Step] = field(default_factory=list)
    errors: list[TradewindError] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    batches: list[Step] = field(default_factory=list)
    """Of the rules that deliver in batches."""
    flushed: int = 0
    """Buffered keys that were asked for, since their window is over."""
    expired: int = 0
    """Records that had had their time."""


def turn(fleet: Fleet, site: str, sweeper: Sweeper, records: Records, until: datetime) -> Round:
    """Bring what the site buffered, and sweep the rules whose first site it is; one failure is not another's.

    Args:
        fleet: Sites and rules.
        site: Whose timer it is.
        sweeper: Does the work.
        records: The site's.
        until: When to stop, UTC.
    """
    done, completed, late = Round(), False, 0
    try:
        done.flushed = _buffer(site, sweeper, records).flush(until) if _buffers(fleet, site) else 0
    except TradewindError as error:
        log.warning("what %s buffered could not all be brought, and is later: %s", site, error)
        done.errors.append(error)
    for rule in fleet.rules:
        if rule.members[0] != site:
            continue
        try:
            if isinstance(rule.delivers, Batch):
                done.batches.append(sweeper.batch(rule, rule.delivers, until))
            step = sweeper.step(rule, Budget(KEYS, until))
        except TradewindError as error:
            log.warning("the sweep of %s stopped, and goes on later: %s", rule.name, error)
            done.errors.append(error)
            continue
        done.steps.append(step)
        if step.completed is not None:
            late += beyond_rpo(rule, step.completed.tally)
        if step.state is State.COMPLETED and step.completed is not None:
            completed = True
            done.measures += measures_of(rule, step.completed.tally)
    if completed:
        done.measures.append(Measure(BEYOND_RPO, "Count", late, {"Site": site}))
    done.expired = _tidy(records, sweeper.clock, until)
    return done


def _buffers(fleet: Fleet, site: str) -> bool:
    return any(isinstance(rule.delivers, Buffered) and rule.targets_of(site) for rule in fleet.rules)


def _buffer(site: str, sweeper: Sweeper, records: Records) -> Buffer:
    def ask(asked: str, keys: Iterable[str]) -> None:
        list(sweeper.executor.map(sweeper.queue_of(asked).send, requests.encode(asked, keys, why="buffer")))

    return Buffer(site, records, ask, sweeper.executor, sweeper.clock)


def _tidy(records: Records, clock: Callable[[], datetime], until: datetime) -> int:
    """Expire the site's records once a day."""
    now = clock()
    held = records.read(TIDIED)
    if held is not None and now - datetime.fromisoformat(held.value["at"]) < TIDY_EVERY:
        return 0
    with suppress(PreconditionFailedError):
        records.write(TIDIED, {"at": now.isoformat()}, expect=held.token if held else None)
        return expire(records, now, until=lambda: clock() >= until)
    return 0
