"""A sweep: every key of a rule is looked at, at every site, whatever was announced.

One step does a bounded amount of it and remembers where it stopped. What can be mended is asked for in the queue of the
rule's first site, so it goes the way of every notification, and is decided by whoever works it off.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import islice

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.fleet import Batch, Fleet, Rule
from tradewind.ports import Gate, ObjectStore, Queue, Uploads
from tradewind.records import Document, Records
from tradewind.replication import requests
from tradewind.replication.access import no_uploads
from tradewind.replication.modes import batches
from tradewind.replication.sweeping.examining import Examination, Examiner
from tradewind.replication.sweeping.listing import Listed, merged
from tradewind.replication.sweeping.progress import Completed, Progress, name_of
from tradewind.replication.sweeping.withholding import withholding

log = logging.getLogger(__name__)
PAGE = 500
"""Keys between two notes of how far it has come; so many are looked at twice, at most, after a crash."""


class State(StrEnum):
    """How a step ended."""

    IDLE = "idle"
    """Nothing was to be done: the next sweep is not due yet."""
    BUSY = "busy"
    """Somebody else works on it."""
    PAUSED = "paused"
    """The budget is used up; the next step goes on."""
    COMPLETED = "completed"
    """It reached the end."""
    ASKED = "asked"
    """It reached the end, but some of it took the listings' word. All was asked for; how it stands is not known."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much one step may do."""

    keys: int
    until: datetime
    """No page begins after this."""


@dataclass(frozen=True, slots=True)
class Step:
    """What a step did."""

    rule: str
    state: State
    keys: int = 0
    """Keys that were looked at in this sweep so far."""
    asked: int = 0
    """Keys of those that were asked for again."""
    completed: Completed | None = None
    """The last sweep that reached the end and looked at every key; this one, if `state` is `COMPLETED`."""


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Sweeps rules.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        queue_of: Returns the queue of a site's notifications, by name.
        gate: Says where data may be.
        executor: Looks at several keys side by side.
        clock: Returns the time, UTC.
        holder: Who works here, unlike anybody else who does at the same time.
        why: Said in the requests, for the audit log.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    queue_of: Callable[[str], Queue]
    gate: Gate
    executor: Executor
    clock: Callable[[], datetime]
    holder: str
    why: str = "sweep"
    trusting: bool = False
    """Whether a key that only the first site's listing shows is taken to be missing elsewhere, which spares most of the
    requests of a first backfill. A store that lists in another order makes it ask for keys that are there."""
    tell: Callable[[str, Mapping[str, str]], None] = lambda _key, _why: None
    """Told of each key that some sites can never hold, and why, by site; the tally counts it among the others."""
    uploads_of: Callable[[str], Uploads] = no_uploads
    """Returns the uploads in parts of a site, by name."""

    def step(self, rule: Rule, budget: Budget, *, at_once: bool = False) -> Step:
        """Do some of the sweep of `rule`; safe to repeat, and beside others.

        Args:
            rule: One of the fleet's.
            budget: When to stop and leave the rest to the next step.
            at_once: Begin if none is under way, due or not, and take over from whoever works on it.

        Raises:
            TradewindError: A site could not be listed, or a key not be looked at. What was done is remembered.
        """
        work = _Work(self, rule, name_of(rule.name))
        due = at_once or work.progress.due(rule, self.clock())
        if (refusal := work.begin(due=due, at_once=at_once)) is not None:
            return work.told(refusal)
        return self._go_on(rule, work, budget, PAGE, lambda _: True)

    def batch(self, rule: Rule, of: Batch, until: datetime) -> Step:
        """Do some of the batch of `rule`, if one is due: a sweep of the keys that were written since the last one.

        Args:
            rule: One of the fleet's.
            of: Its mode.
            until: When to leave the rest to the next step.

        Raises:
            TradewindError: As of `step`.
        """
        work = _Work(self, rule, batches.name_of(rule.name))
        swept = self.progress(rule).completed
        begun = [each.started for each in (swept, work.progress.completed) if each is not None]
        under_way = work.progress.started is not None
        due = bool(begun) and (under_way or batches.is_due(of, max(begun), self.clock()))
        if (refusal := work.begin(due=due, at_once=False)) is not None:
            return work.told(refusal)
        sources = [site for site in rule.members if rule.targets_of(site)]
        since = max(begun) - batches.MARGIN
        budget = Budget(batches.KEYS, until)
        return self._go_on(rule, work, budget, batches.PAGE, lambda each: each.written_since(since, sources))

    def _go_on(self, rule: Rule, work: _Work, budget: Budget, size: int, wanted: Callable[[Listed], bool]) -> Step:
        try:
            return self._look(rule, work, budget, size, wanted)
        except TradewindError:
            work.give_up()
            raise

    def _look(self, rule: Rule, work: _Work, budget: Budget, size: int, wanted: Callable[[Listed], bool]) -> Step:
        """Look at the wanted keys of page after page until all is done, or the budget is used up."""
        keys = merged(rule, self.store_of, work.progress.positions)
        left = budget.keys
        held_back = withholding(rule, self.store_of, self.records_of, self.clock)
        examiner = Examiner(self.fleet, rule, self.store_of, self.gate, held_back.refine, held_back.memories)
        while left > 0 and self.clock() < budget.until:
            listed = list(islice(keys, min(size, left)))
            left -= len(listed)
            page = [each for each in listed if wanted(each)]
            looks = list(self.executor.map(lambda each: examiner.look(each.key, self._absent(rule, each)), page))
            fresh = [look for each, look in zip(page, looks, strict=True) if look.counts(each)]
            work.count(fresh)
            done = not listed
            if done:
                work.finish()
            if not work.save(give_up=done):
                return work.told(State.BUSY)
            if done:
                return work.told(State.ASKED if work.progress.trusting else State.COMPLETED)
        return work.told(State.PAUSED if work.save(give_up=True) else State.BUSY)

    def progress(self, rule: Rule) -> Progress:
        """Return how far the sweep of `rule` has come: 1 request."""
        held = self.records_of(rule.members[0]).read(name_of(rule.name))
        return Progress.of_document(held.value if held else None, rule)

    def ask(self, rule: Rule, looks: Iterable[Examination]) -> int:
        """Ask for the keys that looking at again mends, and return how many there are.

        The rule's first site is asked: it reads every site of the rule, and its queue is the sweep's own cloud's.
        """
        site = rule.members[0]
        wanted = [look for look in looks if any(judged.repairable for judged in look.judgements.values())]
        messages = [
            message
            for new in (True, False)
            for message in requests.encode(
                site, [look.key for look in wanted if look.new_at(site) is new], why=self.why, rule=rule.name, new=new
            )
        ]
        list(self.executor.map(self.queue_of(site).send, messages))
        return len(wanted)

    def _absent(self, rule: Rule, listed: Listed) -> Collection[str]:
        """Return the sites that need not be asked for a key."""
        if not self.trusting or rule.members[0] not in listed.sites:
            return ()
        return [site for site in rule.members if site not in listed.sites]


class _Work:
    """The record of one sweep, while a step works on it.

    Everything that is written has the record's last version as its condition, so of two that take each other's place
    only one goes on; what the other asked for is asked for twice, which does no harm.
    """

    def __init__(self, sweeper: Sweeper, rule: Rule, name: str) -> None:
        self._sweeper = sweeper
        self._rule = rule
        self._records = sweeper.records_of(rule.members[0])
        self._name = name
        self._lease = timedelta(seconds=sweeper.fleet.time_limit_seconds)
        held = self._records.read(self._name)
        self._token = held.token if held else None
        self._saved: Document = {}
        self.progress = Progress.of_document(held.value if held else None, rule)
        self._result: Completed | None = None

    def begin(self, *, due: bool, at_once: bool) -> State | None:
        """Take the sweep up, or say why not."""
        now = self._sweeper.clock()
        if not due:
            return State.IDLE
        if not at_once and not self.progress.free(self._sweeper.holder, now):
            return State.BUSY
        self.progress.begin(self._rule, now)
        self.progress.trusting |= self._sweeper.trusting
        return None if self.save() else State.BUSY

    def count(self, looks: Sequence[Examination]) -> None:
        """Count a page, and ask for what can be mended of it."""
        now = self._sweeper.clock()
        for look in looks:
            look.count(self.progress.tally, now)
            if look.unportable:
                self._sweeper.tell(look.key, look.unportable)
        self.progress.asked += self._sweeper.ask(self._rule, looks)

    def finish(self) -> None:
        """Note that all keys were counted."""
        self._result = self.progress.finish(self._sweeper.clock())

    def save(self, *, give_up: bool = False) -> bool:
        """Remember how far it has come; False if somebody else has taken the sweep over."""
        now = self._sweeper.clock()
        self.progress.holder = "" if give_up else self._sweeper.holder
        self.progress.until = None if give_up else now + self._lease
        document = self.progress.as_document()
        try:
            self._token = self._records.write(self._name, document, expect=self._token)
        except PreconditionFailedError:
            held = self._records.read(self._name)  # an answer that was lost looks like somebody else's change
            if held is None or held.value != document:
                log.info("the sweep of %s was taken over", self._rule.name)
                return False
            self._token = held.token
        self._saved = document
        return True

    def give_up(self) -> None:
        """Let others go on where it was noted last; what was done since is done again."""
        document = {name: value for name, value in self._saved.items() if name not in ("holder", "until")}
        with suppress(TradewindError):  # then the time limit ends it
            self._records.write(self._name, document, expect=self._token)

    def told(self, state: State) -> Step:
        """Return what to say of the step."""
        progress, done = self.progress, self._result
        if done is not None and state in (State.COMPLETED, State.ASKED):
            return Step(self._rule.name, state, done.tally.keys, done.asked, progress.completed)
        return Step(self._rule.name, state, progress.tally.keys, progress.asked, progress.completed)
