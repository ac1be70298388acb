"""What a site's timer does."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rigs.sweeps import FOREVER, Sweeps
from rigs.world import World
from tradewind.checksums import crc32c
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Metadata
from tradewind.replication.agreeing.tombstones import Tombstone, Tombstones
from tradewind.replication.sweeping.expiry import RETENTION, Expired, expire
from tradewind.replication.sweeping.measures import BEYOND_RPO, ROUNDS
from tradewind.replication.sweeping.sweep import State
from tradewind.replication.sweeping.timer import TIDIED, Round, turn

FIRST: dict[str, object] = {"name": "first", "to": ["b"], "prefix": "1/", "rpo_seconds": 60}
SECOND: dict[str, object] = {"name": "second", "to": ["c"], "prefix": "2/", "rpo_seconds": 60}
THIRD: dict[str, object] = {"name": "third", "from": "b", "to": ["a"], "prefix": "3/"}


def ring(sweeps: Sweeps, site: str = "a") -> Round:
    """Let the timer of a site ring."""
    until = sweeps.world.now + FOREVER
    return turn(sweeps.world.fleet, site, sweeps.sweeper(), sweeps.records(site), until)


def values(done: Round, name: str) -> dict[str, float]:
    """Return a metric's values by what they are of."""
    return {"/".join(each.dimensions.values()): each.value for each in done.measures if each.name == name}


def test_each_site_sweeps_the_rules_that_start_there() -> None:
    """Two sites never sweep the same rule, and no rule is left out."""
    sweeps = Sweeps(World(FIRST, SECOND, THIRD))

    assert [(each.rule, each.state) for each in ring(sweeps).steps] == [
        ("first", State.COMPLETED),
        ("second", State.COMPLETED),
    ]
    assert [each.rule for each in ring(sweeps, "b").steps] == ["third"]
    assert ring(sweeps, "c").steps == []


def test_one_rule_that_cannot_be_swept_stops_no_other() -> None:
    """A target that is down stops the sweep of its own rule, says so, and the rest goes on."""
    sweeps = Sweeps(World(FIRST, SECOND))

    def fail(_call: str) -> None:
        raise StoreUnavailableError("b is down")

    sweeps.world.stores["b"].before = fail

    done = ring(sweeps)

    assert [each.rule for each in done.steps] == ["second"]
    assert {str(each) for each in done.errors} == {"b is down"}


def test_a_completed_sweep_is_told_as_metrics() -> None:
    """What is in sync and what waits is told by rule and target, and whether it waits longer than the rule allows."""
    sweeps = Sweeps(World(FIRST, SECOND))
    sweeps.world.write("a", "1/late", b"12345")
    sweeps.world.write("a", "2/there", b"123")
    sweeps.world.replicator.replicate(sweeps.world.write("a", "2/there", b"123"))
    sweeps.world.pass_time(61)

    done = ring(sweeps)

    assert values(done, "Backlog") == {"first/b": 1, "second/c": 0}
    assert values(done, "BacklogBytes") == {"first/b": 5, "second/c": 0}
    assert values(done, "OldestBacklogSeconds") == {"first/b": 61, "second/c": 0}
    assert values(done, "InSync") == {"first/b": 0, "second/c": 1}
    assert values(done, "FoundMissing") == {"first/b": 1}
    assert values(done, BEYOND_RPO) == {"a": 1}


def test_between_sweeps_the_rounds_are_told_and_what_the_last_one_found_late() -> None:
    """Each round says that it was, and repeats of the numbers only the one that an alarm is made of."""
    sweeps = Sweeps(World(FIRST))
    sweeps.world.write("a", "1/late", b"12345")
    sweeps.world.pass_time(61)
    ring(sweeps)

    done = ring(sweeps)

    assert [each.state for each in done.steps] == [State.IDLE]
    assert {each.name: each.value for each in done.measures} == {ROUNDS: 1, BEYOND_RPO: 1}


def test_a_round_that_knows_nothing_calls_off_no_alarm() -> None:
    """Where a rule cannot be swept, and before the first sweep has ended, only the round itself is told."""
    sweeps = Sweeps(World(FIRST))

    def fail(_call: str) -> None:
        raise StoreUnavailableError("b is down")

    sweeps.world.stores["b"].before = fail

    assert [each.name for each in ring(sweeps).measures] == [ROUNDS]


def test_what_came_in_time_is_not_late() -> None:
    """Something that waits for less than the rule allows raises no alarm."""
    sweeps = Sweeps(World(FIRST))
    sweeps.world.write("a", "1/young", b"1")
    sweeps.world.pass_time(60)

    assert values(ring(sweeps), BEYOND_RPO) == {"a": 0}


def test_old_tombstones_go_and_young_ones_stay() -> None:
    """A tombstone goes when no message about what was deleted can still be under way; so do marks."""
    sweeps = Sweeps(World(FIRST))
    tombstones = Tombstones(sweeps.records("a"))
    tombstones.bury("old", Tombstone(sweeps.world.now, "a"), lambda each: each.time)
    sweeps.records("a").write("guard/first/1/abc", {}, expect=None)
    sweeps.records("a").write("guard/first/state", {}, expect=None)
    sweeps.records("a").write("refused/abc", {}, expect=None)
    sweeps.world.pass_time((RETENTION - timedelta(days=1)).total_seconds())
    tombstones.bury("young", Tombstone(sweeps.world.now, "a"), lambda each: each.time)
    sweeps.world.pass_time(24 * 3600)

    assert ring(sweeps).expired == 3
    assert tombstones.read("old").tombstone is None
    assert tombstones.read("young").tombstone is not None
    assert sweeps.records("a").read("guard/first/state") is not None


def test_what_a_lifecycle_rule_removed_is_remembered_for_good() -> None:
    """Without that memory the next sweep would take what is left at the others for what a user deleted."""
    sweeps = Sweeps(World(FIRST))
    tombstones = Tombstones(sweeps.records("a"))
    tombstones.expire("gone", sweeps.world.now)
    for _ in range(3):
        sweeps.world.pass_time((RETENTION + timedelta(days=1)).total_seconds())
        assert ring(sweeps).expired == 0

    assert tombstones.read("gone").let_go is not None


def test_records_are_tidied_once_a_day() -> None:
    """The timer rings every few minutes, and does not go through all the records each time."""
    sweeps = Sweeps(World(FIRST))
    tombstones, half_a_day = Tombstones(sweeps.records("a")), 12 * 3600
    for key in ("1", "2"):
        tombstones.bury(key, Tombstone(sweeps.world.now, "a"), lambda each: each.time)
        sweeps.world.pass_time(half_a_day)
    sweeps.world.pass_time(RETENTION.total_seconds() - 2 * half_a_day)

    rings = []
    for _ in range(3):
        rings.append(ring(sweeps).expired)
        sweeps.world.pass_time(half_a_day)

    assert rings == [1, 0, 1]


def test_what_was_written_again_is_not_expired() -> None:
    """A tombstone that somebody renews between the listing and the removal stays."""
    sweeps = Sweeps(World(FIRST))
    tombstones = Tombstones(sweeps.records("a"))
    tombstones.bury("key", Tombstone(sweeps.world.now, "a"), lambda each: each.time)
    sweeps.world.pass_time(RETENTION.total_seconds())

    def renew(call: str) -> None:
        if call == "delete":
            sweeps.controls["a"].before = lambda _: None
            tombstones.bury("key", Tombstone(sweeps.world.now, "a"), lambda each: each.time)

    sweeps.controls["a"].before = renew

    assert expire(sweeps.records("a"), sweeps.world.now) == Expired(0, None)
    assert tombstones.read("key").tombstone == Tombstone(sweeps.world.now, "a")


def old_tombstones(sweeps: Sweeps, number: int) -> Tombstones:
    """Put tombstones at `a` that have had their time."""
    tombstones = Tombstones(sweeps.records("a"))
    for key in range(number):
        tombstones.bury(str(key), Tombstone(sweeps.world.now, "a"), lambda each: each.time)
    sweeps.world.pass_time(RETENTION.total_seconds())
    return tombstones


def test_sweeps_that_never_end_do_not_keep_the_records_from_being_tidied() -> None:
    """Tidying comes before the sweeps, which use up whatever time there is."""
    sweeps = Sweeps(World(FIRST))
    for key in range(10):
        sweeps.world.write("a", f"1/{key}", b"1")
    old_tombstones(sweeps, 3)
    sweeps.world.stores["a"].before = lambda _: sweeps.world.pass_time(FOREVER.total_seconds())

    assert ring(sweeps).expired == 3


def test_tidying_goes_on_where_its_time_was_up() -> None:
    """However little time there is, each round removes something, and records that stay are gone through only once."""
    sweeps = Sweeps(World(FIRST))
    old_tombstones(sweeps, 3)
    records = sweeps.records("a")
    records.write("guard/first/1/abc", {}, expect=None)  # young, and behind all the others
    removed = lambda call: sweeps.world.pass_time(60) if call == "delete" else None  # noqa: E731 - one line says it
    sweeps.controls["a"].before = removed
    rings = [
        turn(sweeps.world.fleet, "a", sweeps.sweeper(), records, sweeps.world.now + timedelta(seconds=60)).expired
        for _ in range(4)
    ]

    assert rings == [1, 1, 1, 0]
    assert "part" not in (records.read(TIDIED) or pytest.fail("no note")).value


def test_a_record_that_is_none_of_ours_keeps_no_other_from_going() -> None:
    """What cannot be read among the tombstones stays and is said, and the rest goes."""
    sweeps = Sweeps(World(FIRST))
    foreign = b"not JSON"
    key = "tradewind/tombstones/00/foreign"
    sweeps.controls["a"].put(key, foreign, metadata=Metadata(), crc32c=crc32c(foreign), md5=None, expect=None)
    old_tombstones(sweeps, 2)

    done = ring(sweeps)

    assert (done.expired, done.errors) == (2, [])
    assert sweeps.controls["a"].head(key) is not None


def test_a_site_whose_records_cannot_be_tidied_is_swept_all_the_same() -> None:
    """That its records cannot be listed is said, and the rules that start there are swept."""
    sweeps = Sweeps(World(FIRST))

    def fail(call: str) -> None:
        if call == "list":
            raise StoreUnavailableError("a is down")

    sweeps.controls["a"].before = fail
    done = ring(sweeps)

    assert {str(each) for each in done.errors} == {"a is down"}
    assert [each.state for each in done.steps] == [State.COMPLETED]
