"""What limits a way, in words for people. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from tradewind.facts.prices import GIB
from tradewind.fleet import Fleet, Rule
from tradewind.replication.budgets.money import nanos, price_of, told


def limits_told(fleet: Fleet, rule: Rule, source: str, target: str) -> Iterator[str]:
    """Yield what keeps copies from one site to another waiting, a phrase each; nothing if nothing does."""
    budget = rule.budget
    if budget is not None and budget.usd_per_month is not None:
        price = price_of(fleet, rule, source, target)
        limit = nanos(budget.usd_per_month)
        enough = (
            f"enough for {limit * GIB // price / GIB:,.0f} GiB on this way alone" if price else "nothing is paid here"
        )
        yield f"{told(limit)} a month for all its ways ({enough})"
    if budget is not None and budget.megabytes_per_second is not None:
        yield f"{budget.megabytes_per_second:g} MB a second for all its ways"
    if (limit_of := fleet.sites[target].concurrent_copies) is not None:
        yield f"{target} takes {limit_of:,} copies at a time, of all rules"
