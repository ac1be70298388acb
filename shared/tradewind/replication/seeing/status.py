"""How it stands with a fleet: what is in sync, what waits, and what a person has to do something about."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

from tradewind.errors import TradewindError
from tradewind.fleet import Fleet, OneWayRule, Rule
from tradewind.ports import Gate, ObjectStore, Queue
from tradewind.records import Records
from tradewind.replication.budgets.reading import BudgetReader, BudgetStanding
from tradewind.replication.seeing.tally import Tally, TargetTally
from tradewind.replication.sweeping.examining import Examiner
from tradewind.replication.sweeping.listing import merged
from tradewind.replication.sweeping.progress import Completed, Progress, name_of
from tradewind.replication.sweeping.withholding import withholding

Choice = Literal["best", "now", "last_sweep"]
"""`best`: compare now, unless the last sweep counted more than `FEW` keys."""
FEW = 10_000
"""Keys that are compared at once: each is asked for at every site, which takes a few minutes and less than a cent."""
PAGE = 256
MISSED = 2
"""A sweep is late when so many of its intervals have gone by since the last one began."""
PERSONAL: Mapping[str, str] = {
    "conflict": "keys in conflict",
    "corrupt": "replicas with other bytes than were copied",
    "incomplete": "artifact sets that are not whole",
    "forbidden": "replicas where the compliance gate lets none be",
    "unreadable": "keys that cannot be looked at",
    "held": "removals that the delete guard holds back",
}
"""Findings that a person has to do something about, and how they are called."""


@dataclass(frozen=True, slots=True)
class Depth:
    """The queues of a site."""

    waiting: int | None = None
    """Messages that are still to be worked off, roughly; None if the queue could not be asked."""
    dead_letters: int | None = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class RuleStatus:
    """How it stands with a rule."""

    rule: Rule
    tally: Tally
    """Empty if nothing is known."""
    as_of: datetime | None
    """When the comparison that was counted ended; None if there is none."""
    live: bool
    """Whether the sites were compared just now; otherwise it is what the last sweep found."""
    completed: Completed | None
    """The last sweep that reached the end."""
    error: str = ""
    """Why the sites could not be compared."""
    begun: datetime | None = None
    """When the sweep that is under way began."""
    budget: BudgetStanding | None = None
    """None if nothing limits it, or that is not known."""

    @property
    def targets(self) -> dict[str, TargetTally]:
        """The counts of every target of the rule, in its order."""
        names = self.rule.to if isinstance(self.rule, OneWayRule) else self.rule.sites
        return {name: self.tally.targets.get(name, TargetTally()) for name in names}


@dataclass(frozen=True, slots=True)
class FleetStatus:
    """How it stands with a fleet, or with some rules of it."""

    time: datetime
    rules: tuple[RuleStatus, ...]
    queues: Mapping[str, Depth]
    """By site."""

    @property
    def attention(self) -> tuple[str, ...]:
        """What a person has to do something about, in sentences; nothing if all is in order."""
        said = [sentence for status in self.rules for sentence in _of_rule(status, self.time)]
        return (*said, *(sentence for site, depth in self.queues.items() for sentence in _of_queues(site, depth)))


def _of_rule(status: RuleStatus, now: datetime) -> Iterator[str]:
    rule = status.rule
    if status.error:
        yield f"rule {rule.name}: the sites could not be compared: {status.error}"
    for target, tally in status.targets.items():
        for finding, called in PERSONAL.items():
            if count := tally.findings[finding]:
                yield f"rule {rule.name} at {target}: {count:,} {called}"
        if tally.stuck:
            yield f"rule {rule.name} at {target}: {tally.stuck:,} keys that no sweep can mend; see `tradewind verify`"
        if tally.oldest is not None and tally.oldest > rule.rpo_seconds:
            age = timedelta(seconds=round(tally.oldest))
            yield f"rule {rule.name} at {target}: something waits for {age}, and its RPO is {rule.rpo_seconds} s"
    if status.budget is not None:
        yield from (f"rule {rule.name}: {sentence}" for sentence in status.budget.attention(now))
    interval = timedelta(minutes=rule.sweep.every_minutes)
    last = status.completed.started if status.completed else status.begun
    if last is not None and now - last > MISSED * interval:
        since = last.isoformat(timespec="seconds")
        yield f"rule {rule.name}: no sweep has reached the end since the one of {since}; look at the timer's errors"


def _of_queues(site: str, depth: Depth) -> Iterator[str]:
    if depth.dead_letters:
        yield f"{site}: {depth.dead_letters:,} dead letters; see `tradewind dlq list --site {site}`"
    if depth.error:
        yield f"{site}: the queues could not be asked: {depth.error}"


@dataclass(frozen=True, slots=True)
class StatusReader:
    """Reads how it stands with a fleet; changes nothing.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        queue_of: Returns a queue of a site: `notifications` or `dead_letters`.
        gate: Says where data may be.
        executor: Looks at several keys side by side.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    queue_of: Callable[[str, str], Queue]
    gate: Gate
    executor: Executor
    clock: Callable[[], datetime]

    def read(self, rules: Sequence[Rule], choice: Choice = "best") -> FleetStatus:
        """Return how it stands with some rules, and the depth of the queues of the sites that they start from.

        A site that does not answer costs what it would have said, and nothing else.

        Args:
            rules: Of the fleet.
            choice: Whether the sites are compared now, or what the last sweep found is told.
        """
        statuses = tuple(self._with_budget(self._rule(rule, choice)) for rule in rules)
        sources = {site for rule in rules for site in rule.members if rule.targets_of(site)}
        asked = [name for name, site in self.fleet.sites.items() if name in sources and site.queues is not None]
        depths = dict(zip(asked, self.executor.map(self._depth, asked), strict=True))
        return FleetStatus(self.clock(), statuses, depths)

    def _rule(self, rule: Rule, choice: Choice) -> RuleStatus:
        completed: Completed | None = None
        begun: datetime | None = None
        error = ""
        try:
            held = self.records_of(rule.members[0]).read(name_of(rule.name))
            progress = Progress.of_document(held.value if held else None, rule)
            completed, begun = progress.completed, progress.started
            many = completed is not None and completed.tally.keys > FEW
            if choice == "now" or (choice == "best" and not many):
                tally = self._compare(rule)
                if completed is not None:
                    tally.linger(completed.tally, self.clock() - completed.started)
                return RuleStatus(rule, tally, self.clock(), live=True, completed=completed, begun=begun)
        except TradewindError as failed:
            error = failed.message
        if completed is None:
            return RuleStatus(rule, Tally(rule.name), None, live=False, completed=None, error=error, begun=begun)
        at = completed.finished
        return RuleStatus(rule, completed.tally, at, live=False, completed=completed, error=error, begun=begun)

    def _with_budget(self, status: RuleStatus) -> RuleStatus:
        reader = BudgetReader(self.fleet, self.records_of, self.executor, self.clock)
        try:
            return replace(status, budget=reader.read(status.rule))
        except TradewindError as error:
            return replace(status, error=status.error or f"its budget could not be read: {error.message}")

    def _compare(self, rule: Rule) -> Tally:
        """Look at every key of a rule at every site."""
        tally, now = Tally(rule.name), self.clock()
        held_back = withholding(rule, self.store_of, self.records_of, self.clock)
        examiner = Examiner(self.fleet, rule, self.store_of, self.gate, held_back.refine, held_back.memories)
        keys = merged(rule, self.store_of)
        while page := list(islice(keys, PAGE)):
            looks = self.executor.map(examiner.look, [listed.key for listed in page])
            for listed, look in zip(page, looks, strict=True):
                if look.counts(listed):
                    look.count(tally, now)
        return tally

    def _depth(self, site: str) -> Depth:
        try:
            waiting, dead = (self.queue_of(site, which).depth() for which in ("notifications", "dead_letters"))
        except TradewindError as error:
            return Depth(error=error.message)
        return Depth(waiting, dead)
