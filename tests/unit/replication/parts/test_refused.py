"""Large objects that are not what their own store keeps: brought once, and left alone from then on."""

from __future__ import annotations

import pytest

from rigs.large import BODY, large_world, settle, take, work_off
from rigs.world import World
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import IntegrityError, PermanentError, StoreUnavailableError
from tradewind.ports import REASON
from tradewind.replication import requests
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.refused import HOLDS, Refused

KEY = "models/weights.bin"
OTHER = bytes(reversed(BODY))


@pytest.fixture
def world() -> World:
    """Return a world in which a damaged large object was brought, and dead-lettered."""
    world = large_world({"name": "rule", "to": ["b"]})
    world.replicator.replicate(world.write("a", KEY, BODY), attempt=2)
    world.damage_on_the_way("a", KEY, OTHER)
    work_off(world)
    return world


def sweep(world: World) -> Outcome:
    """Look at the key as a sweep has it looked at."""
    for body in requests.encode("a", [KEY], why="sweep", rule="rule"):
        world.queues["a"].send(body)
    [message] = take(world)
    [outcome] = settle(world, message)
    return outcome


def redrive(world: World) -> None:
    """Send the dead letter to work again."""
    [letter] = world.letters.receive()
    world.letters.acknowledge(letter)
    world.queues["a"].send(letter.body)


def reads(world: World) -> int:
    """Return how often the source was read."""
    return world.stores["a"].calls.count("get")


def test_a_sweep_does_not_bring_it_again(world: World) -> None:
    """It opens it for its size, says why, and leaves no second dead letter."""
    before = reads(world)
    outcome = sweep(world)

    assert (outcome.verdict, outcome.error) == (Verdict.FAILED, None)
    assert "do not have the crc32c that its store keeps" in outcome.reason
    assert (reads(world), take(world)) == (before + 1, [])
    [letter] = world.letters.receive()
    assert "that its store keeps" in letter.attributes[REASON]
    with pytest.raises(PermanentError, match="that its store keeps"):
        outcome.require_done(KEY)


def test_whoever_redrives_its_dead_letter_has_it_tried_again(world: World) -> None:
    """It arrives if its store was mended; if not, there is one dead letter as before."""
    redrive(world)
    work_off(world)
    assert world.body("b", KEY) is None
    assert sweep(world).verdict is Verdict.FAILED

    world.damage_on_the_way("a", KEY, BODY)
    redrive(world)
    work_off(world)
    assert world.body("b", KEY) == BODY
    assert world.letters.receive() == []


def test_a_new_version_is_brought(world: World) -> None:
    """A mark is at one version of an object."""
    world.pass_time()
    world.replicator.replicate(world.write("a", KEY, OTHER), attempt=2)
    work_off(world)

    assert world.body("b", KEY) == OTHER


def test_it_is_tried_again_after_a_week(world: World) -> None:
    """Its store may have been mended, and nobody may have seen its dead letter."""
    world.damage_on_the_way("a", KEY, BODY)
    assert sweep(world).verdict is Verdict.FAILED

    world.pass_time(HOLDS.total_seconds())
    assert sweep(world).verdict is Verdict.STARTED
    work_off(world)
    assert world.body("b", KEY) == BODY


def test_a_mark_that_cannot_be_written_hides_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object is dead-lettered all the same, and brought once more by the next look."""

    def unavailable(*_: object) -> None:
        raise StoreUnavailableError("503")

    monkeypatch.setattr(Refused, "mark", unavailable)
    world = large_world({"name": "rule", "to": ["b"]})
    world.replicator.replicate(world.write("a", KEY, BODY), attempt=2)
    world.damage_on_the_way("a", KEY, OTHER)
    work_off(world)

    [_] = world.letters.receive()
    assert sweep(world).verdict is Verdict.STARTED


def test_bytes_that_were_spoilt_at_the_target_leave_no_mark(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object itself is sound, so the next look brings it again."""
    world = large_world({"name": "rule", "to": ["b"]})
    complete = MemoryUploads.complete

    def spoilt(*_args: object, **_named: object) -> str:
        monkeypatch.setattr(MemoryUploads, "complete", complete)
        raise IntegrityError("Other bytes arrived than were sent")

    monkeypatch.setattr(MemoryUploads, "complete", spoilt)
    world.replicator.replicate(world.write("a", KEY, BODY), attempt=2)
    work_off(world)
    [_] = world.letters.receive()

    assert sweep(world).verdict is Verdict.STARTED
    work_off(world)
    assert world.body("b", KEY) == BODY
