"""What a site's timer does: it brings what was buffered or waits, sweeps what starts there, and tidies the records."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tradewind.errors import ConfigurationError, PreconditionFailedError, TradewindError
from tradewind.fleet import Batch, Buffered, Fleet, Rule
from tradewind.measures import Measure
from tradewind.records import Document, Record, Records
from tradewind.replication import requests
from tradewind.replication.budgets.limits import limited_at
from tradewind.replication.modes.buffer import Buffer
from tradewind.replication.parts.orphans import Orphans
from tradewind.replication.sweeping.expiry import Place, expire
from tradewind.replication.sweeping.measures import (
    BEYOND_RPO,
    ROUNDS,
    WAITS_BEYOND_RPO,
    beyond_rpo,
    measures_of,
    measures_of_waiting,
    waits_beyond_rpo,
)
from tradewind.replication.sweeping.sweep import Budget, State, Step, Sweeper

if TYPE_CHECKING:
    from tradewind.replication.budgets.release import Release

log = logging.getLogger(__name__)
KEYS = 20_000
"""Keys of one rule that one round looks at, at most."""
TIDIED = "tidied"
"""Name of the record that says when the site's records were last tidied to the end, and how far they are by now."""
UPLOADS = "uploads-tidied"
"""Name of the record that says when the uploads of the site's rules were last looked at."""
UPLOADS_EVERY = timedelta(minutes=15)
TIDY_EVERY = timedelta(days=1)
TIDY_SHARE = 4
"""Tidying has the first such part of a round, so that sweeps which never end do not keep it from being done."""


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
    let_go: int = 0
    """Keys that were asked for, since there is room for what they waited for."""
    expired: int = 0
    """Records that had had their time."""
    ended: int = 0
    """Uploads in parts that nobody wanted any more."""


def turn(fleet: Fleet, site: str, sweeper: Sweeper, records: Records, until: datetime) -> Round:
    """Bring what the site buffered, let go what waits there, and sweep the rules whose first site it is.

    One failure is not another's.

    Args:
        fleet: Sites and rules.
        site: Whose timer it is.
        sweeper: Does the work.
        records: The site's.
        until: When to stop, UTC.
    """
    done, known, late = Round(), False, 0
    done.measures.append(Measure(ROUNDS, "Count", 1, {"Site": site}))
    try:
        done.expired = _tidy(records, sweeper.clock, until)
    except TradewindError as error:
        log.warning("the records of %s could not all be tidied, and are later: %s", site, error)
        done.errors.append(error)
    try:
        done.flushed = _buffer(site, sweeper, records).flush(until) if _buffers(fleet, site) else 0
    except TradewindError as error:
        log.warning("what %s buffered could not all be brought, and is later: %s", site, error)
        done.errors.append(error)
    _let_go(fleet, site, sweeper, until, done)
    ours = [rule for rule in fleet.rules if rule.members[0] == site]
    try:
        done.ended = _orphans(site, sweeper, records)
    except TradewindError as error:
        log.warning("not all uploads that were left could be looked at, and are later: %s", error)
        done.errors.append(error)
    for rule in ours:
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
            known = True
            late += beyond_rpo(rule, step.completed.tally)
        if step.state is State.COMPLETED and step.completed is not None:
            done.measures += measures_of(rule, step.completed.tally)
    if late or (known and not done.errors):  # a rule of which nothing is known now calls off no alarm
        done.measures.append(Measure(BEYOND_RPO, "Count", late, {"Site": site}))
    return done


def _buffers(fleet: Fleet, site: str) -> bool:
    return any(isinstance(rule.delivers, Buffered) and rule.targets_of(site) for rule in fleet.rules)


def _buffer(site: str, sweeper: Sweeper, records: Records) -> Buffer:
    def ask(asked: str, keys: Iterable[str]) -> None:
        list(sweeper.executor.map(sweeper.queue_of(asked).send, requests.encode(asked, keys, why="buffer")))

    return Buffer(site, records, ask, sweeper.executor, sweeper.clock)


def _let_go(fleet: Fleet, site: str, sweeper: Sweeper, until: datetime, done: Round) -> None:
    """Let go what there is room for, rule by rule in the file's order; one failure is not another's."""
    late, rules, failures = 0, limited_at(fleet, site), len(done.errors)
    release = _release(fleet, site, sweeper) if rules else None
    for rule in rules:
        if release is None or sweeper.clock() >= until:
            return
        try:
            standing = release.run(rule)
        except TradewindError as error:
            log.warning("what waits under %s could not be let go, and is later: %s", rule.name, error)
            done.errors.append(error)
            continue
        done.let_go += standing.let_go
        done.measures += measures_of_waiting(standing, site, sweeper.clock())
        late += waits_beyond_rpo(standing, sweeper.clock())
    if late or (rules and len(done.errors) == failures):  # a rule of which nothing is known now calls off no alarm
        done.measures.append(Measure(WAITS_BEYOND_RPO, "Count", late, {"Site": site}))


def _release(fleet: Fleet, site: str, sweeper: Sweeper) -> Release:
    from tradewind.replication.budgets.release import Release  # noqa: PLC0415 - most timers never need it

    def ask(rule: Rule, keys: Iterable[str]) -> None:
        for message in requests.encode(site, keys, why="budget", rule=rule.name):  # one by one, so in this order
            sweeper.queue_of(site).send(message)

    return Release(fleet, site, sweeper.records_of, ask, sweeper.executor, sweeper.clock)


def _orphans(site: str, sweeper: Sweeper, records: Records) -> int:
    """End the uploads that were left, now and then; return how many."""
    now, held = sweeper.clock(), records.read(UPLOADS)
    if held and now - datetime.fromisoformat(held.value["at"]) < UPLOADS_EVERY:
        return 0

    def ask(asked: str, keys: Sequence[str], rule: str) -> None:
        for body in requests.encode(asked, keys, why="upload", rule=rule):
            sweeper.queue_of(asked).send(body)

    ends = Orphans(
        sweeper.fleet, site, sweeper.store_of, sweeper.records_of, sweeper.uploads_of, ask, sweeper.clock
    ).tidy()
    with suppress(PreconditionFailedError):  # somebody else has done the same
        records.write(UPLOADS, {"at": now.isoformat()}, expect=held.token if held else None)
    return ends


def _tidy(records: Records, clock: Callable[[], datetime], until: datetime) -> int:
    """Go on with expiring the site's records, which is begun once a day."""
    now = clock()
    held = records.read(TIDIED)
    note = held.value if held else {}
    if "part" not in note and "at" in note and now - datetime.fromisoformat(note["at"]) < TIDY_EVERY:
        return 0
    start = Place(note.get("part", 0), note.get("cursor"))
    end = now + (until - now) / TIDY_SHARE
    try:
        done = expire(records, now, start=start, until=lambda: clock() >= end)
    except ConfigurationError:
        if start.cursor is not None:  # the store may know that page no more
            _note_tidied(records, held, {**note, "part": start.part, "cursor": None})
        raise
    began = note.get("began", now.isoformat())
    rest = done.rest
    _note_tidied(
        records,
        held,
        {"at": began} if rest is None else {**note, "began": began, "part": rest.part, "cursor": rest.cursor},
    )
    return done.gone


def _note_tidied(records: Records, held: Record | None, note: Document) -> None:
    with suppress(PreconditionFailedError):  # somebody else tidies, too, and one of the notes is as good as the other
        records.write(TIDIED, note, expect=held.token if held else None)
