"""What a rule allows on one way. Pure."""

from __future__ import annotations

from tradewind.fleet import Fleet, Rule
from tradewind.replication.budgets.account import Terms
from tradewind.replication.budgets.money import nanos, price_of


def terms_of(fleet: Fleet, rule: Rule, source: str, target: str) -> Terms | None:
    """Return what a rule allows from one site to another; None if it limits nothing there, as where bytes are free."""
    budget = rule.budget
    if budget is None:
        return None
    price = price_of(fleet, rule, source, target)
    limit = None if budget.usd_per_month is None or price == 0 else nanos(budget.usd_per_month)
    rate = None if budget.megabytes_per_second is None else budget.megabytes_per_second * 1e6
    return None if limit is None and rate is None else Terms(limit, rate, price)
