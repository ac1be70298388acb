"""How it stands with the budget of a rule, for people. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from tradewind.fleet import Fleet, Rule
from tradewind.records import Records, name_for
from tradewind.replication.budgets.account import Account
from tradewind.replication.budgets.entries import Entry, Waits
from tradewind.replication.budgets.ledger import Ledger
from tradewind.replication.budgets.limits import limited
from tradewind.replication.budgets.money import nanos, told
from tradewind.replication.budgets.waiting import Waiting


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """How it stands with the limits of a rule, at all of its sites together."""

    rule: Rule
    account: Account | None
    """None where only its targets are limited."""
    waits: Waits

    def attention(self, now: datetime) -> Iterator[str]:
        """Yield what a person has to do something about."""
        if self.waits.age(now) > self.rule.rpo_seconds:
            yield f"{self.waits.objects:,} copies wait for {self.what()}, and their RPO is {self.rule.rpo_seconds} s"

    def what(self) -> str:
        """Return in words what something waits for, as far as the numbers tell."""
        budget, account = self.rule.budget, self.account
        if budget is None or account is None:
            return "a target that takes no more at a time"
        if budget.usd_per_month is None:
            return f"bandwidth ({budget.megabytes_per_second:g} MB a second)"
        limit, spent = told(nanos(budget.usd_per_month)), told(account.spent)
        return f"the budget of {limit} for {account.month}, of which {spent} is spent"


@dataclass(frozen=True, slots=True)
class BudgetReader:
    """Reads how it stands.

    Args:
        fleet: Sites and rules.
        records_of: Returns the records of a site, by name.
        executor: Runs calls side by side.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    records_of: Callable[[str], Records]
    executor: Executor
    clock: Callable[[], datetime]

    def read(self, rule: Rule) -> BudgetStanding | None:
        """Return how it stands with a rule; None, at no request, if nothing limits it.

        Raises:
            TradewindError: A site could not be asked.
        """
        sources = [site for site in rule.members if self._limited(rule, site)]
        if not sources:
            return None
        account = Ledger(self.records_of, self.executor, self.clock).read(rule) if rule.budget else None
        found = [entry for site in sources for entry in self._waiting(site).list(rule.name, None)]
        return BudgetStanding(rule, account, Waits.of(found))

    def reason(self, rule: Rule, source: str, target: str, key: str) -> str:
        """Return why a key waits at `source` to go to `target`, or "" if it does not: a listing, and 1 GET."""
        if not limited(self.fleet, rule, target):
            return ""
        waiting = self._waiting(source)
        latest: Entry | None = None
        for entry in waiting.list(rule.name, None):
            if entry.what == (target, name_for(key)):
                latest = entry
        return waiting.reason(latest) if latest else ""

    def _limited(self, rule: Rule, site: str) -> bool:
        return any(limited(self.fleet, rule, target) for target in rule.targets_of(site))

    def _waiting(self, site: str) -> Waiting:
        return Waiting(self.records_of(site), self.executor, self.clock)
