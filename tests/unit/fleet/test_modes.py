"""How a rule's `delivery` is read."""

from __future__ import annotations

import json

import pytest

from rigs.world import fleet_of
from tradewind.errors import FleetError
from tradewind.fleet import parse_fleet


def test_what_is_wrong_is_told_with_its_line() -> None:
    """An expression that is none, an unknown mode and a field of another mode are named where they stand."""
    rules: list[dict[str, object]] = [{"name": name, "to": ["b"]} for name in "abc"]
    document = fleet_of(*rules).model_dump(mode="json", by_alias=True)
    for rule, delivery in zip(
        document["rules"],
        (
            {"mode": "batch", "cron": "61 * * * *"},
            {"mode": "hourly"},
            {"mode": "buffered", "compress": "zstd"},
        ),
        strict=True,
    ):
        rule["delivery"] = delivery

    with pytest.raises(FleetError) as caught:
        parse_fleet(json.dumps(document, indent=1), origin="fleet.yaml")

    lines = [line for line in str(caught.value).splitlines() if " rules" in line]
    assert [line.split(": ")[1] for line in lines] == [
        "rules[0].delivery.cron",
        "rules[1].delivery",
        "rules[2].delivery.compress",
    ]
    assert all(line.startswith("fleet.yaml:") for line in lines)


@pytest.mark.parametrize("cron", ["* * * * * *", "@hourly", "0 0 30 2 *", ""])
def test_an_expression_has_five_fields_and_comes_true(cron: str) -> None:
    """Seconds, names of times and days that never come are refused."""
    with pytest.raises(ValueError, match="cron"):
        fleet_of({"name": "rule", "to": ["b"], "delivery": {"mode": "batch", "cron": cron}})


def test_only_one_way_rules_compress() -> None:
    """Where every site may be written, a replica must be the same bytes."""
    with pytest.raises(ValueError, match="one_way"):
        fleet_of(
            {
                "name": "rule",
                "mode": "active_active",
                "sites": ["a", "b"],
                "delivery": {"mode": "batch", "compress": "gzip"},
            }
        )
