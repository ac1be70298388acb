"""What a batch rule does: nothing between its times, and then what was written since."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.sweeps import FOREVER, Sweeps
from rigs.world import World
from tradewind.fleet import Batch
from tradewind.ports import Change
from tradewind.replication.decide import Verdict
from tradewind.replication.modes import batches
from tradewind.replication.modes.deferring import next_batch
from tradewind.replication.sweeping.sweep import State
from tradewind.replication.sweeping.timer import Round, turn

HOURLY: dict[str, object] = {
    "name": "rule",
    "to": ["b"],
    "deletes": "propagate",
    "delivery": {"mode": "batch", "cron": "0 * * * *"},
}
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - has one


@pytest.fixture
def rig() -> Sweeps:
    """A world with an hourly rule, at ten past, just after its first sweep, with a timer that rings."""
    rig = Sweeps(World(HOURLY))
    rig.world.pass_time(600)
    ring(rig)
    return rig


def ring(rig: Sweeps) -> Round:
    """Let the timer of `a` ring."""
    return turn(rig.world.fleet, "a", rig.sweeper(), rig.records("a"), rig.world.now + FOREVER)


@given(TIMES, TIMES)
def test_a_batch_is_due_once_a_time_has_come(begun: datetime, now: datetime) -> None:
    """Between two times of the expression no second batch begins, however often the timer rings."""
    hourly = Batch(cron="0 * * * *")
    hours = begun.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)

    assert next_batch(hourly, begun) == hours
    assert batches.is_due(hourly, begun, now) == (now >= hours)


def test_a_write_waits_for_the_next_time(rig: Sweeps) -> None:
    """What is written is not acted upon, and arrives with the batch of the next hour."""
    done = rig.world.replicator.replicate(rig.world.write("a", "key", b"1"))
    assert [(each.verdict, each.reason) for each in done] == [
        (Verdict.DEFERRED, "left to the batch of 2026-01-01T01:00:00+00:00")
    ]
    rig.world.pass_time(49 * 60)
    assert [each.state for each in ring(rig).batches] == [State.IDLE]

    rig.world.pass_time(60)
    assert [each.state for each in ring(rig).batches] == [State.COMPLETED]
    assert rig.work_off() == ["key"]
    assert rig.world.body("b", "key") == b"1"
    assert [each.state for each in ring(rig).batches] == [State.IDLE]


def test_a_batch_looks_only_at_what_was_written_since_the_last(rig: Sweeps) -> None:
    """Keys that nobody has touched are listed and not looked at; a slow upload is found for an hour."""
    rig.world.write("a", "old", b"1")
    rig.world.pass_time(3600)
    ring(rig)
    rig.work_off()
    rig.world.pass_time(2 * 3600)
    ring(rig)
    rig.world.pass_time(1800)
    rig.world.write("a", "new", b"1")
    rig.world.pass_time(1800)
    for store in rig.world.stores.values():
        store.calls.clear()

    assert [each.keys for each in ring(rig).batches] == [1]
    assert rig.asked() == {"a": ["new"]}
    assert rig.world.stores["a"].calls.count("head") == 1


def test_deletes_do_not_wait(rig: Sweeps) -> None:
    """A delete is a fact, which no listing shows later, so it acts at once."""
    rig.world.replicator.replicate(rig.world.write("a", "key", b"1"))
    rig.world.pass_time(3600)
    ring(rig)
    rig.work_off()

    done = rig.world.replicator.replicate(rig.world.delete("a", "key"))

    assert [each.verdict for each in done] == [Verdict.REMOVED]


def test_changes_of_metadata_do_not_wait(rig: Sweeps) -> None:
    """Not every store dates an object anew when only its metadata changes, so no batch would find it."""
    rig.world.write("a", "key", b"1")

    done = rig.world.replicator.replicate(rig.world.announce("a", "key", Change.METADATA))

    assert [each.verdict for each in done] == [Verdict.COPIED]


def test_a_batch_goes_on_where_it_stopped(rig: Sweeps, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that does not fit into one ring goes on with the next one, and misses nothing."""
    monkeypatch.setattr(batches, "PAGE", 2)
    monkeypatch.setattr(batches, "KEYS", 4)
    keys = [f"key-{number}" for number in range(7)]
    for key in keys:
        rig.world.write("a", key, b"1")
    rig.world.pass_time(3600)

    states = [ring(rig).batches[0].state for _ in range(3)]

    assert states == [State.PAUSED, State.COMPLETED, State.IDLE]
    assert rig.asked() == {"a": keys}
