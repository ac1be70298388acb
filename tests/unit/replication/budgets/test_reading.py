"""How it stands with a budget, for people."""

from __future__ import annotations

from datetime import timedelta

from rigs.budgets import MIB, Desk, cost
from rigs.world import InlineExecutor
from tradewind.fleet import Rule
from tradewind.replication.budgets.reading import BudgetReader, BudgetStanding
from tradewind.replication.budgets.wording import limits_told

LARGE = 8 * MIB


def reader(desk: Desk) -> BudgetReader:
    """Return what reads."""
    return BudgetReader(desk.fleet, desk.records, InlineExecutor(), lambda: desk.now)


def standing(desk: Desk, rule: Rule | None = None) -> BudgetStanding:
    """Return how it stands with the first rule, or another."""
    found = reader(desk).read(rule or desk.rule)
    assert found is not None
    return found


def test_a_rule_without_limits_costs_no_request() -> None:
    """Nothing is asked, and nothing is told."""
    desk = Desk([{"name": "rule", "to": ["b"]}])

    assert reader(desk).read(desk.rule) is None
    assert reader(desk).reason(desk.rule, "a", "b", "key") == ""
    assert desk.calls() == []


def test_what_is_spent_and_what_waits() -> None:
    """Of all sites and targets together."""
    desk = Desk([{"name": "rule", "sites": ["a", "b", "c"], "budget": {"usd_per_month": 0.0002}}])
    desk.copy("one", LARGE)
    desk.copy("two", LARGE, targets=["b", "c"])
    with desk.budgets().spending(desk.rule, "c", ["a"], desk.object("three", LARGE)):
        pass
    found = standing(desk)

    assert found.account is not None
    assert found.account.spent == cost(LARGE, 20_000_000)
    assert (found.waits.objects, found.waits.size) == (3, 3 * LARGE)


def test_what_waits_for_too_long_needs_a_person() -> None:
    """It says how many, for what, and by which objective that is too long; until then nothing."""
    desk = Desk([{"name": "rule", "to": ["b"], "rpo_seconds": 60, "budget": {"usd_per_month": 0}}])
    desk.copy("key", LARGE)
    desk.pass_time(60)
    assert list(standing(desk).attention(desk.now)) == []
    desk.pass_time(1)

    assert list(standing(desk).attention(desk.now)) == [
        "1 copies wait for the budget of $0.00 for 2026-01, of which $0.00 is spent, and their RPO is 60 s"
    ]


def test_what_something_waits_for_is_told() -> None:
    """A budget of money, bandwidth, or a target."""
    desk = Desk(
        [
            {"name": "rule", "to": ["b"], "budget": {"megabytes_per_second": 5}},
            {"name": "other", "to": ["b"]},
        ],
        {"b": 1},
    )

    assert standing(desk).what() == "bandwidth (5 MB a second)"
    assert standing(desk, desk.fleet.rules[1]).what() == "a target that takes no more at a time"


def test_why_a_key_waits() -> None:
    """The reason of its latest version; a key that does not wait has none."""
    desk = Desk([{"name": "rule", "to": ["b", "c"], "budget": {"usd_per_month": 0}}])
    desk.copy("key", LARGE)
    desk.now += timedelta(minutes=1)
    desk.copy("key", 2 * LARGE)

    assert reader(desk).reason(desk.rule, "a", "b", "key").startswith("it costs $0.0003, and the rule has $0.00")
    assert reader(desk).reason(desk.rule, "a", "c", "key") == ""
    assert reader(desk).reason(desk.rule, "a", "b", "other") == ""


def test_limits_are_told_of_a_way() -> None:
    """What it may cost and what that is enough for, how fast it goes, and what its target takes."""
    budget = {"usd_per_month": 50, "megabytes_per_second": 100}
    desk = Desk([{"name": "rule", "to": ["b"], "budget": budget}, {"name": "other", "to": ["b"]}], {"b": 4})
    said = [
        "$50.00 a month for all its ways (enough for 2,500 GiB on this way alone)",
        "100 MB a second for all its ways",
        "b takes 4 copies at a time, of all rules",
    ]

    assert list(limits_told(desk.fleet, desk.rule, "a", "b")) == said
    assert list(limits_told(desk.fleet, desk.fleet.rules[1], "a", "b")) == said[2:]
    assert "(nothing is paid here)" in next(limits_told(desk.fleet, desk.rule, "a", "a"))


def test_a_contract_has_other_prices() -> None:
    """They count on every way that costs something, and on no other."""
    desk = Desk([{"name": "rule", "to": ["b"], "budget": {"usd_per_month": 50, "usd_per_gib": 0.01}}])

    assert "5,000 GiB" in next(limits_told(desk.fleet, desk.rule, "a", "b"))
    assert "nothing is paid here" in next(limits_told(desk.fleet, desk.rule, "a", "a"))
