"""What a buffered rule does: marks, windows, and what becomes of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.sweeps import FOREVER, Sweeps
from rigs.world import World
from tradewind.errors import StoreUnavailableError
from tradewind.fleet import Buffered
from tradewind.ports import Change
from tradewind.replication.decide import Verdict
from tradewind.replication.modes import marks
from tradewind.replication.modes.buffer import Buffer
from tradewind.replication.sweeping.timer import turn

BUFFERED: dict[str, object] = {"name": "rule", "to": ["b"], "delivery": {"mode": "buffered"}}
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - has one


class Buffering(Sweeps):
    """A world whose records are those that the functions write."""

    def __post_init__(self) -> None:
        """Share the control buckets of the world."""
        super().__post_init__()
        for site, store in self.controls.items():
            store.inner = self.world.control[site]

    def ring(self) -> int:
        """Let the timer of `a` ring, and return how many buffered keys it asked for."""
        until = self.world.now + FOREVER
        return turn(self.world.fleet, "a", self.sweeper(), self.records("a"), until).flushed

    def names(self) -> list[str]:
        """Return the records of windows."""
        return [each.key for each in self.records("a").list(marks.PREFIX)]

    def buffer(self) -> Buffer:
        """Return the buffer of `a`."""
        return self.world.replicator.at.buffer("a")


@pytest.fixture
def rig() -> Buffering:
    """A world with a buffered rule, in which no sweep is due."""
    rig = Buffering(World(BUFFERED))
    rig.step()
    return rig


@given(TIMES, st.integers(1, 86_400))
def test_a_time_is_in_one_window(now: datetime, seconds: int) -> None:
    """A window ends after each time in it, at most so long after it, and is not over before everybody says so."""
    end = marks.window_end(now, seconds)
    name = marks.name_of("rule", end, "key")

    assert now < end <= now + timedelta(seconds=seconds)
    assert marks.window_end(end - timedelta(microseconds=1), seconds) == end
    assert not marks.is_over(name, end)
    assert marks.is_over(name, end + marks.GRACE)


@given(st.integers(0, 5000), st.integers(0, 50), st.integers(1, 1000))
def test_a_window_is_copied_early_at_every_multiple_of_the_count(found: int, earlier: int, count: int) -> None:
    """However many keys are marked, early copies are as many as the count goes into them, and no more."""
    assert marks.early_due(found, earlier, count) == (found // count > earlier)


def test_a_key_that_is_overwritten_often_is_copied_once_a_window(rig: Buffering) -> None:
    """Writes of one window leave one mark, and the last of them arrives when the window is over."""
    for number in range(5):
        done = rig.world.replicator.replicate(rig.world.write("a", "hot", f"{number}".encode()))
        assert [each.verdict for each in done] == [Verdict.DEFERRED]
        rig.world.pass_time(5)
    assert rig.ring() == 0
    assert rig.world.body("b", "hot") is None

    rig.world.pass_time(60)
    assert rig.ring() == 1
    assert rig.work_off() == ["hot"]
    assert rig.world.body("b", "hot") == b"4"
    assert rig.world.stores["b"].calls.count("put") == 1
    assert rig.names() == []


def test_deletes_and_requests_do_not_wait(rig: Buffering) -> None:
    """A delete acts at once, and so does what a sweep or a person asks for, else it would go round for ever."""
    rig.world.write("a", "key", b"1")
    done = rig.world.replicator.replicate(rig.world.announce("a", "key", Change.NOTHING))
    assert [each.verdict for each in done] == [Verdict.COPIED]
    gone = rig.world.replicator.replicate(rig.world.delete("a", "key"))
    assert Verdict.DEFERRED not in [each.verdict for each in gone]


def test_what_a_backfill_finds_does_not_wait(rig: Buffering) -> None:
    """A request that guesses that its keys are new is a request, too."""
    rig.world.write("a", "key", b"1")
    rig.step(at_once=True)

    assert rig.work_off() == ["key"]
    assert rig.world.body("b", "key") == b"1"
    assert rig.names() == []


def test_metadata_changes_wait_too(rig: Buffering) -> None:
    """Tags that are changed often are brought once a window."""
    done = rig.world.replicator.replicate(rig.world.announce("a", "key", Change.METADATA))

    assert [each.verdict for each in done] == [Verdict.DEFERRED]


def test_a_late_mark_of_an_old_window_is_not_lost(rig: Buffering) -> None:
    """A function that was slow marks a key in a window that was brought already; the next ring takes it."""
    before = rig.world.now
    rig.world.pass_time(600)
    rig.records("a").write(marks.name_of("rule", marks.window_end(before, 60), "slow"), {"key": "slow"}, expect=None)

    assert rig.ring() == 1
    assert rig.asked() == {"a": ["slow"]}


def test_a_mark_that_is_there_counts_only_within_its_window(rig: Buffering) -> None:
    """Who finds the mark of a window that ended meanwhile marks the next one: that mark may be on its way out."""
    first = rig.buffer().mark("rule", Buffered(), "key")
    store = rig.world.replicator.at.records_of("a").store
    put = store.put

    def slow(*args: object, **kwargs: object) -> object:
        try:
            return put(*args, **kwargs)  # type: ignore[arg-type]  # whatever it is given
        finally:
            rig.world.pass_time(60)

    store.put = slow  # type: ignore[method-assign,assignment]  # the store is this test's own
    second = rig.buffer().mark("rule", Buffered(), "key")

    assert second > first
    assert len(rig.names()) == 2


def test_a_crash_between_asking_and_forgetting_asks_twice(rig: Buffering) -> None:
    """Marks go only after the queue has the request, so what dies in between is asked for again."""
    rig.world.replicator.replicate(rig.world.write("a", "key", b"1"))
    rig.world.pass_time(80)

    def crash(call: str) -> None:
        if call == "delete":
            raise StoreUnavailableError("gone")

    rig.controls["a"].before = crash
    assert rig.ring() == 0
    rig.controls["a"].before = lambda _: None
    assert rig.ring() == 1
    assert rig.asked() == {"a": ["key", "key"]}


def test_a_mark_that_was_written_again_stays(rig: Buffering) -> None:
    """A mark that is deleted by one and written by another while a third still has it listed is not deleted."""
    rig.world.replicator.replicate(rig.world.write("a", "key", b"1"))
    rig.world.pass_time(80)
    name = rig.names()[0]

    def again(call: str) -> None:
        if call == "delete":
            rig.controls["a"].before = lambda _: None
            held = rig.records("a").read(name)
            assert held is not None
            rig.records("a").delete(name, expect=held.token)
            rig.records("a").write(name, {**held.value, "at": "later"}, expect=None)

    rig.controls["a"].before = again
    rig.ring()

    assert rig.names() == [name]


def test_many_keys_are_asked_for_without_waiting() -> None:
    """When about as many keys are marked as the rule says, they are asked for at once, and again when it is over."""
    world = World(BUFFERED)
    rig = Buffering(world)
    asked: list[list[str]] = []
    buffer = rig.buffer()
    early = Buffer("a", buffer.records, lambda _, keys: asked.append(list(keys)), buffer.executor, buffer.clock)
    of = Buffered(seconds=3600, count=3)
    for number in range(7):
        early.mark("rule", of, f"key-{number}")
        world.pass_time(1)

    assert len(asked) == 2
    assert len(asked[0]) == 3
    assert {*asked[0], *asked[1]} == {f"key-{number}" for number in range(6)}
    world.pass_time(3700)
    assert early.flush(world.now + FOREVER) == 7
    assert rig.names() == []
