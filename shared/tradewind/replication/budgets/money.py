"""What the way from one site to another costs, and when a month is. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from tradewind.facts.prices import GIB, egress
from tradewind.fleet import Fleet, Rule

NANO: Final = 1_000_000_000
"""Money is counted in whole nanodollars, so that sums are exact."""


def price_of(fleet: Fleet, rule: Rule, source: str, target: str) -> int:
    """Return the nanodollars for a GiB from `source` to `target`: by the rule's contract, or else by the list price."""
    here, there = fleet.sites[source], fleet.sites[target]
    listed = egress(here.cloud, here.region, there.cloud, there.region)
    agreed = rule.budget.usd_per_gib if rule.budget and listed else None
    return round((listed if agreed is None else agreed) * NANO)


def cost_of(price: int, size: int) -> int:
    """Return the nanodollars for `size` bytes at `price` for a GiB."""
    return -(-size * price // GIB)


def nanos(dollars: float) -> int:
    """Return dollars as nanodollars."""
    return round(dollars * NANO)


def told(amount: int) -> str:
    """Return nanodollars as people read them."""
    dollars = amount / NANO
    return f"${dollars:,.2f}" if dollars >= 1 or dollars == 0 else f"${dollars:.4f}"


def month_of(time: datetime) -> str:
    """Return the month of a time, UTC; months are ordered as their names are."""
    return f"{time.astimezone(UTC):%Y-%m}"


def month_after(month: str) -> datetime:
    """Return when the next month begins."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=UTC)
