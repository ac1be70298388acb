"""The delete guard stops when very much would go at once, and asks."""

from datetime import timedelta

import pytest

from rigs.world import World
from tradewind.ports import Change
from tradewind.replication.decide import Verdict
from tradewind.replication.guard import allow, reset


def world_of(keys: int, **guard: float) -> World:
    """Return a world in which `a` has keys and `b` their replicas."""
    rule: dict[str, object] = {"name": "r", "to": ["b"], "deletes": "propagate", "delete_guard": guard}
    world = World(rule)
    for number in range(keys):
        world.replicator.replicate(world.write("a", f"k{number:04}", b"x"))
    return world


def delete(world: World, numbers: range) -> list[Verdict]:
    """Delete at `a`, and return what became of it at `b`."""
    return [
        outcome.verdict
        for number in numbers
        for outcome in world.replicator.replicate(world.delete("a", f"k{number:04}"))
    ]


def test_a_share_of_the_keys_may_go_and_no_more() -> None:
    """Of 100 keys that vanish at the origin, 25 are removed at the target, and 75 are held."""
    world = world_of(100)

    verdicts = delete(world, range(100))

    assert verdicts == [Verdict.REMOVED] * 25 + [Verdict.HELD] * 75
    assert len(world.memory["b"].list().objects) == 75


def test_removals_under_way_count_once() -> None:
    """A key that is marked and not yet removed adds nothing to the keys that the share is taken of."""
    world = world_of(60)
    guard, rule = world.replicator.at.guard, world.fleet.rules[0]

    refused = [guard.refusal(rule, "b", f"k{number:04}") is not None for number in range(16)]

    assert refused == [False] * 15 + [True]


def test_a_few_keys_may_always_go() -> None:
    """A rule of very few keys is not stopped by its share."""
    assert delete(world_of(12), range(10)) == [Verdict.REMOVED] * 10


def test_the_guard_stays_shut_when_the_window_has_passed() -> None:
    """It asks; time is not an answer."""
    world = world_of(20, minimum=0)
    assert delete(world, range(6)) == [Verdict.REMOVED] * 5 + [Verdict.HELD]
    world.pass_time(7200)

    assert delete(world, range(6, 8)) == [Verdict.HELD] * 2


def test_the_marks_of_earlier_windows_do_not_count() -> None:
    """What goes slowly is not what goes at once."""
    world = world_of(20, minimum=0)
    for number in range(8):
        world.pass_time(1800)
        assert delete(world, range(number, number + 1)) == [Verdict.REMOVED]


def test_a_duplicate_counts_once() -> None:
    """A key that is asked for twice is one key."""
    world = world_of(20, minimum=0)
    for _ in range(8):
        assert delete(world, range(1))[0] in (Verdict.REMOVED, Verdict.ABSENT)

    assert delete(world, range(1, 5)) == [Verdict.REMOVED] * 4


@pytest.mark.parametrize("share", [1.0])
def test_a_share_of_all_turns_it_off(share: float) -> None:
    """Who wants no guard has none, and pays no request for it."""
    world = world_of(20, share=share)

    assert set(delete(world, range(20))) == {Verdict.REMOVED}
    assert not world.control["b"].list("tradewind/guard/").objects


def test_a_person_lets_everything_go() -> None:
    """Until the time that was named, all goes; what was held goes when it is looked at again."""
    world = world_of(20, minimum=0)
    delete(world, range(20))

    allow(world.records["b"], "r", world.now + timedelta(hours=1))

    looked = [world.replicator.replicate(world.announce("a", f"k{n:04}", Change.NOTHING)) for n in range(5, 20)]
    assert {outcome.verdict for outcomes in looked for outcome in outcomes} == {Verdict.REMOVED}
    assert not world.memory["b"].list().objects


def test_a_repaired_origin_opens_it_again() -> None:
    """After a reset nothing that went before counts."""
    world = world_of(20, minimum=0)
    delete(world, range(20))
    for number in range(20):
        world.replicator.replicate(world.write("a", f"k{number:04}", b"again"))

    reset(world.records["b"], "r")

    assert delete(world, range(5)) == [Verdict.REMOVED] * 5


def test_many_marks_are_judged_by_a_part_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what is counted exactly, the guard still stops near the share."""
    monkeypatch.setattr("tradewind.replication.guard.EXACT", 20)
    world = world_of(600)

    verdicts = delete(world, range(600))

    assert 75 <= verdicts.count(Verdict.REMOVED) <= 300
    assert verdicts[-1] is Verdict.HELD


def test_no_more_goes_side_by_side() -> None:
    """Keys that are marked and still there, since others are just removing them, are not counted twice."""
    world = world_of(60)
    guard = world.replicator.at.guard
    rule = world.fleet.rules[0]

    answers = [guard.refusal(rule, "b", f"k{number:04}") for number in range(60)]

    assert [answer is None for answer in answers] == [True] * 15 + [False] * 45


def test_what_the_guard_holds_is_not_forgotten_in_active_active() -> None:
    """The tombstone is kept at once, so that the removal is made up for when a person has answered."""
    world = World({"name": "r", "sites": ["a", "b"], "deletes": "propagate", "delete_guard": {"minimum": 0}})
    world.replicator.replicate(world.write("a", "k", b"x"))
    world.pass_time(5)

    held = world.replicator.replicate(world.delete("a", "k"))
    assert [outcome.verdict for outcome in held] == [Verdict.HELD]
    allow(world.records["b"], "r", world.now + timedelta(hours=1))
    world.replicator.replicate(world.announce("b", "k", Change.NOTHING))

    assert world.memory["b"].head("k") is None
