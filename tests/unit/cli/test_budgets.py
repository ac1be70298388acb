"""How a person and a script see budgets, and what waits for them."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from rigs.budgets import BudgetWorld
from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from tradewind.errors import StoreUnavailableError
from tradewind.replication.budgets.money import month_of

RULE: dict[str, object] = {
    "name": "one",
    "to": ["b"],
    "rpo_seconds": 10_000_000_000,
    "budget": {"usd_per_month": 5, "megabytes_per_second": 100},
}


@pytest.fixture
def world() -> BudgetWorld:
    """A world in which one object has been paid for, and another waits."""
    world = BudgetWorld(RULE, {"name": "two", "to": ["c"], "prefix": "none/"}, limits={"c": 3})
    world.now = datetime.now(UTC)  # as the commands have it
    for key in ("there", "waits"):
        world.deliver(world.write("a", key, b"1234"))
        world.pass_time()
    return world


@pytest.fixture
def tradewind(world: BudgetWorld, monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over that world."""
    with memory_command_line(world, monkeypatch) as tradewind:
        yield tradewind


def test_status_as_json(world: BudgetWorld, tradewind: MemoryCommandLine) -> None:
    """`--json` has the documented names; what is not limited is null."""
    one, two = json.loads(tradewind("status", "--json").out)["rules"]

    assert one["budget"].pop("waiting").keys() == {"objects", "bytes", "oldest_seconds"}
    assert one["budget"] == {
        "month": month_of(world.now),
        "spent_usd": 5.0,
        "usd_per_month": 5.0,
        "megabytes_per_second": 100.0,
    }
    assert two["budget"] == {
        "month": None,
        "spent_usd": None,
        "usd_per_month": None,
        "megabytes_per_second": None,
        "waiting": {"objects": 0, "bytes": 0, "oldest_seconds": None},
    }


def test_status_for_a_person(world: BudgetWorld, tradewind: MemoryCommandLine) -> None:
    """A row for each rule that has a limit, with what is spent, of how much, and what waits."""
    said = tradewind("status").out
    rows = [line.split() for line in said[said.index("budget of") :].splitlines()[2:4]]

    assert rows[0][:7] == ["one", month_of(world.now), "$5.00", "$5.00", "100", "1", "(4"]
    assert rows[1] == ["two", "-", "-", "-", "-", "0", "-"]


def test_a_budget_that_cannot_be_read_is_said(world: BudgetWorld, tradewind: MemoryCommandLine) -> None:
    """The rest of the status is told."""

    def fail(call: str) -> None:
        if call == "list":
            raise StoreUnavailableError("the control bucket is down")

    world.controls["a"].before = fail
    one, _ = json.loads(tradewind("status", "--json").out)["rules"]

    assert one["budget"] is None
    assert one["error"] == "its budget could not be read: the control bucket is down"
    assert one["keys"] == 2


def test_explain_says_why_a_key_waits(world: BudgetWorld, tradewind: MemoryCommandLine) -> None:
    """The reason is the one on record; a key that does not wait is explained as ever."""
    (rule,) = json.loads(tradewind("explain", "a:waits", "--json").out)["rules"]
    (advice,) = rule["advice"]
    assert (advice["action"], advice["target"]) == ("wait", "b")
    assert advice["reason"] == f"it costs $4.00, and of the rule's $5.00 for {month_of(world.now)} $5.00 are spent"

    assert "a -> b: nothing: the target has this version" in tradewind("explain", "a:there").out


def test_explain_says_what_is_not_known(world: BudgetWorld, tradewind: MemoryCommandLine) -> None:
    """If the records cannot be listed, what would be copied is said so, with that."""

    def fail(call: str) -> None:
        if call == "list":
            raise StoreUnavailableError("the control bucket is down")

    world.controls["a"].before = fail
    (rule,) = json.loads(tradewind("explain", "a:waits", "--json").out)["rules"]

    assert rule["advice"][0]["action"] == "copy"
    assert rule["advice"][0]["reason"].endswith(
        "; whether it waits for a budget is not known: the control bucket is down"
    )


def test_plan_says_what_a_budget_is_enough_for(tradewind: MemoryCommandLine) -> None:
    """Each direction has its limits; JSON has them as a list."""
    said = tradewind("plan").out
    one, two = json.loads(tradewind("plan", "--json").out)["directions"]

    assert "  limit      $5.00 a month for all its ways (enough for 0 GiB on this way alone)\n" in said
    assert "  limit      100 MB a second for all its ways\n" in said
    assert two["limits"] == ["c takes 3 copies at a time, of all rules"]
    assert len(one["limits"]) == 2
