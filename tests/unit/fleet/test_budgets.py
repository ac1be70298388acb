"""How a rule's `budget` and a site's limit are read."""

from __future__ import annotations

import json

import pytest

from rigs.world import fleet_of
from tradewind.errors import FleetError
from tradewind.fleet import Budget, parse_fleet
from tradewind.replication.sweeping.progress import shape_of


@pytest.mark.parametrize(
    ("budget", "expected"),
    [
        ({}, "rules[0].budget: it limits nothing: give `usd_per_month`, `megabytes_per_second`, or both"),
        ({"usd_per_gib": 0.05}, "it limits nothing"),
        ({"usd_per_month": -1}, "rules[0].budget.usd_per_month: Input should be greater than or equal to 0"),
        ({"megabytes_per_second": 0}, "rules[0].budget.megabytes_per_second: Input should be greater than"),
        ({"usd_per_year": 5}, "rules[0].budget.usd_per_year: there is no such field here"),
    ],
)
def test_what_is_wrong_with_a_budget_is_told(budget: dict[str, float], expected: str) -> None:
    """Where it stands, what is wrong, and what is allowed."""
    document = fleet_of({"name": "a", "to": ["b"]}).model_dump(mode="json", by_alias=True)
    document["rules"][0]["budget"] = budget

    with pytest.raises(FleetError) as caught:
        parse_fleet(json.dumps(document, indent=1), origin="fleet.yaml")
    assert expected in str(caught.value)


def test_a_target_that_takes_no_copy_is_no_target() -> None:
    """A limit of none at a time is refused."""
    document = fleet_of({"name": "a", "to": ["b"]}).model_dump(mode="json", by_alias=True)
    document["sites"]["b"]["concurrent_copies"] = 0

    with pytest.raises(FleetError, match=r"sites\.b\.concurrent_copies: Input should be greater than or equal to 1"):
        parse_fleet(json.dumps(document, indent=1), origin="fleet.yaml")


def test_limits_are_read() -> None:
    """A budget of nothing is one: it stops whatever costs something."""
    fleet = fleet_of({"name": "a", "to": ["b"], "budget": {"usd_per_month": 0}})

    assert fleet.rules[0].budget == Budget(usd_per_month=0)
    assert fleet.sites["b"].concurrent_copies is None


def test_a_budget_that_is_changed_does_not_begin_a_sweep_anew() -> None:
    """What a sweep compares is the same, whatever its rule may cost."""
    plain = fleet_of({"name": "a", "to": ["b"]})
    rich = fleet_of({"name": "a", "to": ["b"], "budget": {"usd_per_month": 5}})

    assert shape_of(plain.rules[0]) == shape_of(rich.rules[0])
