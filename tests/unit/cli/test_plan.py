"""How a person and a script see the plan."""

import json
from collections.abc import Iterator

import pytest

from rigs.memory_runtime import MemoryCommandLine, memory_command_line
from rigs.world import World

RULES: tuple[dict[str, object], ...] = (
    {"name": "one", "to": ["b"]},
    {"name": "eu", "from": "b", "to": ["c"], "classification": "personal"},
)


@pytest.fixture
def tradewind(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """A command line over a fleet with an allowed and a refused direction."""
    with memory_command_line(World(*RULES), monkeypatch) as tradewind:
        yield tradewind


def test_as_json(tradewind: MemoryCommandLine) -> None:
    """`--json` has the documented names, and the sources of the prices."""
    told = json.loads(tradewind("plan", "--json", "--object-size", "1000").out)

    assert told.keys() == {"prices_as_of", "basis", "object_size", "directions"}
    assert told["object_size"] == 1000
    one, eu = told["directions"]
    assert (one["rule"], one["source"], one["target"], one["allowed"]) == ("one", "a", "b", True)
    assert one["cost"].keys() == {"requests_per_1000", "egress_per_1000", "requests_per_tib", "egress_per_tib"}
    assert (eu["rule"], eu["allowed"]) == ("eu", False)


def test_for_a_person(tradewind: MemoryCommandLine) -> None:
    """Each direction is a block, a refused one with nothing but its reason, and the basis of the costs comes last."""
    ended = tradewind("plan")
    one, eu, basis = ended.out.split("\n\n")

    assert ended.code == 0
    assert one.startswith("one: a -> b\n  allowed    'public' data may be anywhere\n  path       read once")
    assert (
        "1,000 objects of 16.0 MiB: $0.0058 for requests and $0.00 for egress; a TiB of them: $0.3801 and $0.00" in one
    )
    assert eu == "eu: b -> c\n  REFUSED    'personal' data may not be in CH; allowed: EU"
    assert basis.startswith("List prices in US dollars")


def test_no_cloud_is_asked(tradewind: MemoryCommandLine) -> None:
    """A plan is made of the fleet file alone."""
    tradewind("plan")

    assert [store.calls for store in tradewind.world.stores.values()] == [[], [], []]


def test_a_fleet_without_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without rules there is nothing to plan."""
    with memory_command_line(World(), monkeypatch) as tradewind:
        assert tradewind("plan").out == "The fleet file has no rules\n"
