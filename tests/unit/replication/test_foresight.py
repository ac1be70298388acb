"""What is foreseen of a copy is what the copy then meets."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rigs.world import World
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import PreconditionFailedError, SetError, TradewindError
from tradewind.ports import Metadata, PartLimits
from tradewind.replication.foresight import require_may_come
from tradewind.replication.parts.plan import PartSizes

KEY = "data/x.csv"
ONE_WAY: dict[str, object] = {"name": "one", "to": ["b"]}
ACTIVE: dict[str, object] = {"name": "both", "sites": ["a", "b"], "deletes": "propagate"}
VERSIONED: dict[str, object] = {"kind": "model_artifacts"}
PERSONAL: dict[str, object] = {"classification": "personal", "to": ["c"]}


def foresee(world: World, target: str = "b") -> None:
    """Ask whether the key may come from `a`."""
    at = world.replicator.at
    require_may_come(at, world.fleet.rules[0], KEY, "a", target)


@pytest.mark.parametrize("rule", [ONE_WAY, ACTIVE], ids=["one way", "active active"])
def test_what_can_come_is_let_through_without_a_byte_or_a_trace(rule: dict[str, object]) -> None:
    """Nothing is read but states, and nothing is written."""
    world = World(rule)
    world.write("a", KEY, b"1")
    for store in world.stores.values():
        store.calls.clear()

    foresee(world)

    assert {call for store in world.stores.values() for call in store.calls} == {"head"}


def _too_large(world: World) -> None:
    world.write("a", KEY, b"12345678901")


def _too_long(world: World) -> None:
    world.write("a", KEY, b"1", Metadata(user={"note": "x" * 8150}))


def _another_version(world: World) -> None:
    world.replicator.replicate(world.write("a", KEY, b"1"))
    world.pass_time(60)
    world.write("a", KEY, b"2")


def _another_at_the_target(world: World) -> None:
    world.write("a", KEY, b"1")
    world.write("b", KEY, b"2")


@pytest.mark.parametrize(
    ("rule", "before", "target"),
    [
        (ONE_WAY, _too_large, "b"),
        (ACTIVE, _too_large, "b"),
        (ONE_WAY, _too_long, "b"),
        (ACTIVE, _too_long, "b"),
        (ONE_WAY, _another_at_the_target, "b"),
        ({**ONE_WAY, "conflict": "fail"}, _another_at_the_target, "b"),
        ({**ONE_WAY, **VERSIONED}, _another_version, "b"),
        ({**ACTIVE, **VERSIONED}, _another_version, "b"),
        ({**ONE_WAY, **PERSONAL}, lambda world: world.write("a", KEY, b"1"), "c"),
    ],
)
def test_the_error_is_the_one_of_the_copy(
    rule: dict[str, object], before: Callable[[World], object], target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Family and words are the same, so the message ends where the copy's would have."""
    monkeypatch.setattr(MemoryUploads, "limits", PartLimits(parts=2, smallest=1, largest=5, whole=10))
    world = World(rule, parts=PartSizes(above=10, part=4))
    before(world)

    with pytest.raises(TradewindError) as foreseen:
        foresee(world, target)
    with pytest.raises(TradewindError) as met:
        world.replicator.fetch(world.fleet.rules[0], KEY, "a", target)

    assert (type(foreseen.value), str(foreseen.value)) == (type(met.value), str(met.value))


def test_a_key_that_was_just_deleted_is_looked_at_again() -> None:
    """What is gone at the source is no part of a set that could be brought."""
    with pytest.raises(PreconditionFailedError, match="just deleted at a"):
        foresee(World(ONE_WAY))


def test_a_replica_at_the_source_goes_nowhere() -> None:
    """A one-way rule does not send replicas on, so a set with one among its members cannot be brought."""
    world = World(ONE_WAY, {"name": "back", "from": "c", "to": ["a"]})
    world.replicator.replicate(world.write("c", KEY, b"1"))

    with pytest.raises(SetError, match="goes nowhere: a replica of the object at c"):
        foresee(world)
