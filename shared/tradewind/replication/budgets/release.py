"""What the timer does about keys that wait: it lets go what there is room for, and says how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.fleet import Fleet, Rule
from tradewind.records import Records
from tradewind.replication.budgets.account import Account, begin_of, capacity_of, window_of
from tradewind.replication.budgets.entries import Waits, latest
from tradewind.replication.budgets.ledger import Ledger
from tradewind.replication.budgets.money import nanos, price_of
from tradewind.replication.budgets.order import AHEAD, TURNOVER, Room, choose
from tradewind.replication.budgets.slots import Slots
from tradewind.replication.budgets.waiting import SEEN, Waiting


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with a rule's budget."""

    rule: Rule
    waits: Waits
    account: Account | None
    """None where the rule has no budget, or another site's timer tells it."""
    let_go: int = 0
    """Keys that were asked for."""


@dataclass(frozen=True, slots=True)
class Release:
    """Lets go what waits at a site.

    Args:
        fleet: Sites and rules.
        site: The site.
        records_of: Returns the records of a site, by name.
        ask: Asks for keys of this site to be looked at, for the sake of a rule.
        executor: Runs calls side by side.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    site: str
    records_of: Callable[[str], Records]
    ask: Callable[[Rule, Iterable[str]], None]
    executor: Executor
    clock: Callable[[], datetime]

    def run(self, rule: Rule) -> Standing:
        """Let go what there is room for. Nothing waits: 1 LIST, and for the first site of a budget its account.

        Raises:
            TradewindError: A site could not be asked; what waits stays on record.
        """
        waiting = Waiting(self.records_of(self.site), self.executor, self.clock)
        entries = list(waiting.list(rule.name, SEEN))
        told = rule.budget is not None and rule.members[0] == self.site
        account = self._ledger().read(rule) if rule.budget and (entries or told) else None
        let_go = 0
        if entries:
            prices = {each: price_of(self.fleet, rule, self.site, each) for each in rule.targets_of(self.site)}
            gone = choose(entries, prices, self._room(rule, account))
            let_go = waiting.let_go(gone, lambda keys: self.ask(rule, keys))
            newest = latest(entries)
            for entry in entries:
                if newest[entry.what] is not entry:  # its key was written again, and waits as what it is now
                    waiting.forget(entry)
        return Standing(rule, Waits.of(entries), account if told else None, let_go)

    def _room(self, rule: Rule, account: Account | None) -> Room:
        money = size = None
        if rule.budget is not None and account is not None:
            if rule.budget.usd_per_month is not None:
                money = nanos(rule.budget.usd_per_month) - account.spent
            if rule.budget.megabytes_per_second is not None:
                size = free_bytes(account.booked, rule.budget.megabytes_per_second * 1e6, self.clock())
        return Room(money, size, self._keys(rule))

    def _keys(self, rule: Rule) -> Mapping[str, int]:
        slots = Slots(self.records_of, self.clock, lambda _: None, timedelta(seconds=self.fleet.time_limit_seconds))
        limits = {target: self.fleet.sites[target].concurrent_copies for target in rule.targets_of(self.site)}
        return {
            target: TURNOVER * max(0, limit - slots.taken(target))
            for target, limit in limits.items()
            if limit is not None
        }

    def _ledger(self) -> Ledger:
        return Ledger(self.records_of, self.executor, self.clock)


def free_bytes(booked: Mapping[int, int], rate: float, now: datetime) -> int:
    """Return the bytes that are not booked in the windows that begin before the timer rings again."""
    capacity, window = capacity_of(rate), window_of(now)
    free = 0
    while begin_of(window) < now + AHEAD:
        free += max(0, capacity - booked.get(window, 0))
        window += 1
    return free
