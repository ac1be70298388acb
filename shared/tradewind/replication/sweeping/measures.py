"""What a completed sweep, and what waits for room, says as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from tradewind.fleet import Rule
from tradewind.measures import Measure
from tradewind.replication.budgets.money import NANO
from tradewind.replication.seeing.tally import Tally, TargetTally

if TYPE_CHECKING:
    from tradewind.replication.budgets.release import Standing

BEYOND_RPO = "BacklogBeyondRpo"
"""Of a site: rules that start there and have something that waits for longer than their `rpo_seconds`."""
WAITS_BEYOND_RPO = "WaitsBeyondRpo"
"""Of a site: rules under which something there has waited for room in a budget for longer than their `rpo_seconds`."""
ROUNDS = "SweepRounds"
"""Of a site: calls of its timer. Where none is told, nothing is swept there, however well all else looks."""


def measures_of(rule: Rule, tally: Tally) -> Iterator[Measure]:
    """Yield what a tally of `rule` says of each target."""
    for target, of in tally.targets.items():
        dimensions = {"Rule": rule.name, "Target": target}
        yield Measure("InSync", "Count", of.objects, dimensions)
        yield Measure("InSyncBytes", "Bytes", of.size, dimensions)
        yield Measure("Backlog", "Count", of.backlog, dimensions)
        yield Measure("BacklogBytes", "Bytes", of.backlog_size, dimensions)
        yield Measure("Stuck", "Count", of.stuck, dimensions)
        yield Measure("OldestBacklogSeconds", "Seconds", of.oldest or 0.0, dimensions)
        for finding, count in of.findings.items():
            yield Measure(f"Found{finding.title()}", "Count", count, dimensions)


def measures_of_waiting(standing: Standing, site: str, now: datetime) -> Iterator[Measure]:
    """Yield what waits under a rule at a site, and how much of the rule's budget is spent."""
    waits, budget, account = standing.waits, standing.rule.budget, standing.account
    dimensions = {"Rule": standing.rule.name, "Site": site}
    yield Measure("Waiting", "Count", waits.objects, dimensions)
    yield Measure("WaitingBytes", "Bytes", waits.size, dimensions)
    yield Measure("OldestWaitingSeconds", "Seconds", waits.age(now), dimensions)
    if budget is not None and budget.usd_per_month and account is not None:
        share = 100 * account.spent / (budget.usd_per_month * NANO)
        yield Measure("BudgetSpent", "Percent", share, {"Rule": standing.rule.name})


def waits_beyond_rpo(standing: Standing, now: datetime) -> bool:
    """Say whether something has waited for room for longer than the rule allows."""
    return standing.waits.age(now) > standing.rule.rpo_seconds


def beyond_rpo(rule: Rule, tally: Tally) -> bool:
    """Say whether something has waited for longer than the rule allows."""
    return any(_waits(of) > rule.rpo_seconds for of in tally.targets.values())


def _waits(of: TargetTally) -> float:
    return of.oldest or 0.0
