"""How it stands with a fleet."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest

from rigs.world import JURISDICTIONS, InlineExecutor, World
from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Queue
from tradewind.replication.provenance import fingerprint
from tradewind.replication.seeing import status
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.seeing.status import Choice, Depth, FleetStatus, RuleStatus, StatusReader
from tradewind.replication.seeing.tally import Tally
from tradewind.replication.sweeping.progress import Progress, name_of, shape_of

RULE: dict[str, object] = {"name": "one", "to": ["b", "c"], "rpo_seconds": 60, "sweep": {"every_minutes": 10}}


@dataclass
class Desk:
    """A world, with records and queues, whose status is read."""

    world: World
    queues: dict[tuple[str, str], Queue] = field(
        default_factory=lambda: {
            (site, which): MemoryQueue() for site in JURISDICTIONS for which in ("notifications", "dead_letters")
        }
    )

    def read(self, choice: Choice = "best") -> FleetStatus:
        """Return the status of every rule."""
        reader = StatusReader(
            self.world.fleet,
            self.world.stores.__getitem__,
            self.world.records.__getitem__,
            lambda site, which: self.queues[site, which],
            self.world.gate,
            InlineExecutor(),
            lambda: self.world.now,
        )
        return reader.read(self.world.fleet.rules, choice)

    def rule(self, choice: Choice = "best") -> RuleStatus:
        """Return the status of the one rule."""
        (found,) = self.read(choice).rules
        return found

    def swept(self, *, keys: int = 1, missing: int = 0) -> None:
        """Let a sweep have ended now, that found keys at `b` in sync and some missing."""
        rule = self.world.fleet.rules[0]
        progress = Progress(shape_of(rule))
        progress.begin(rule, self.world.now)
        progress.tally.keys = keys
        for _ in range(missing):
            progress.tally.add("b", "missing", age=timedelta(seconds=5))
        progress.finish(self.world.now)
        self.world.records["a"].write(name_of(rule.name), progress.as_document(), expect=None)


@pytest.fixture
def desk() -> Desk:
    """A one-way rule from `a`, and one object that is in sync at both targets."""
    world = World(RULE)
    notification = world.write("a", "x", b"weights")
    world.pass_time(3)
    world.replicator.replicate(notification)
    return Desk(world)


def test_all_in_order(desk: Desk) -> None:
    """What is in sync is counted by target, with its bytes and its lag, and nothing needs a person."""
    found = desk.read()
    (rule,) = found.rules

    assert {name: (each.objects, each.size, each.lags.longest) for name, each in rule.targets.items()} == {
        "b": (1, 7, 3.0),
        "c": (1, 7, 3.0),
    }
    assert (rule.tally.keys, rule.live, found.attention) == (1, True, ())


def test_reading_changes_nothing(desk: Desk) -> None:
    """No store is written, and no object is read."""
    for store in desk.world.stores.values():
        store.calls.clear()
    desk.read()

    assert {call for store in desk.world.stores.values() for call in store.calls} == {"head", "list"}


def test_what_waits_within_the_objective(desk: Desk) -> None:
    """A backlog that is younger than the rule's RPO is shown, and needs nobody."""
    desk.world.write("a", "new", b"12345")
    desk.world.pass_time(60)
    found = desk.read()
    tally = found.rules[0].targets["b"]

    assert (tally.backlog, tally.backlog_size, tally.oldest) == (1, 5, 60.0)
    assert found.attention == ()


def test_what_waits_for_too_long(desk: Desk) -> None:
    """A backlog that is older than the rule's RPO needs a person, at each target by itself."""
    desk.world.write("a", "new", b"12345")
    desk.world.pass_time(61)

    assert desk.read().attention == tuple(
        f"rule one at {target}: something waits for 0:01:01, and its RPO is 60 s" for target in "bc"
    )


def test_a_conflict_needs_a_person(desk: Desk) -> None:
    """A user's own object at a target is a conflict there."""
    desk.world.write("b", "x", b"mine")

    assert desk.read().attention == ("rule one at b: 1 keys in conflict",)


@pytest.mark.parametrize("finding", status.PERSONAL)
def test_findings_that_need_a_person(desk: Desk, finding: str) -> None:
    """Each finding that nobody but a person can mend is said with its number."""
    tally = Tally("one")
    tally.add("c", finding)
    tally.add("c", finding)
    rule = RuleStatus(desk.world.fleet.rules[0], tally, desk.world.now, live=True, completed=None)

    (said,) = FleetStatus(desk.world.now, (rule,), {}).attention
    assert said == f"rule one at c: 2 {status.PERSONAL[finding]}"


@pytest.mark.parametrize("finding", sorted({*Finding} - status.PERSONAL.keys()))
def test_findings_that_need_nobody(desk: Desk, finding: str) -> None:
    """What is in order, and what the next sweep mends, calls for no one."""
    tally = Tally("one")
    tally.add("c", finding)
    rule = RuleStatus(desk.world.fleet.rules[0], tally, desk.world.now, live=True, completed=None)

    assert FleetStatus(desk.world.now, (rule,), {}).attention == ()


def test_queues_and_dead_letters(desk: Desk) -> None:
    """The depth of the sources' queues is told, and a dead letter needs a person."""
    desk.queues["a", "notifications"].send("one")
    desk.queues["a", "dead_letters"].send("two")
    desk.queues["b", "dead_letters"].send("nothing starts here")
    found = desk.read()

    assert found.queues == {"a": Depth(1, 1)}
    assert found.attention == ("a: 1 dead letters; see `tradewind dlq list --site a`",)


def test_a_queue_that_does_not_answer(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """That a queue could not be asked is said, and everything else is told."""

    def refuse(_: object) -> int:
        raise StoreUnavailableError("it is dark")

    monkeypatch.setattr(MemoryQueue, "depth", refuse)
    found = desk.read()

    assert found.attention == ("a: the queues could not be asked: it is dark",)
    assert found.queues["a"].waiting is None
    assert found.rules[0].tally.keys == 1


def dark(desk: Desk, site: str) -> None:
    """Let a site's store not answer any more."""

    def refuse(_: str) -> None:
        raise StoreUnavailableError("it is dark")

    desk.world.stores[site].before = refuse


def test_a_site_that_is_dark(desk: Desk) -> None:
    """When the sites cannot be compared, that is said, and nothing is claimed."""
    dark(desk, "b")
    found = desk.read()

    assert found.attention == ("rule one: the sites could not be compared: it is dark",)
    assert (found.rules[0].as_of, found.rules[0].tally) == (None, Tally("one"))


def test_a_site_that_is_dark_after_a_sweep(desk: Desk) -> None:
    """When the sites cannot be compared now, the last sweep's result is told beside the reason."""
    desk.swept(keys=7)
    dark(desk, "b")
    rule = desk.rule()

    assert (rule.live, rule.tally.keys, rule.error) == (False, 7, "it is dark")


CHOICES: dict[tuple[Choice, int], bool] = {
    ("best", status.FEW): True,
    ("best", status.FEW + 1): False,
    ("now", status.FEW + 1): True,
    ("last_sweep", 1): False,
}


@pytest.mark.parametrize(("choice", "keys"), CHOICES)
def test_when_the_sites_are_compared(desk: Desk, choice: Choice, keys: int) -> None:
    """A few keys are compared at once; of many the last sweep's result is told, unless it is asked otherwise."""
    desk.swept(keys=keys, missing=3)
    rule = desk.rule(choice)

    live = CHOICES[choice, keys]
    assert rule.live is live
    assert rule.targets["b"].backlog == (0 if live else 3)
    assert rule.completed is not None


def test_a_delete_that_no_sweep_brought(desk: Desk) -> None:
    """What was extra when the last sweep looked, and still is, waits for at least that long."""
    desk.world = World(RULE | {"deletes": "propagate"})
    desk.world.replicator.replicate(desk.world.write("a", "x", b"weights"))
    desk.world.delete("a", "x")
    rule = desk.world.fleet.rules[0]
    progress = Progress(shape_of(rule))
    progress.begin(rule, desk.world.now)
    progress.tally.add("b", "extra", key=fingerprint("x"))
    progress.finish(desk.world.now)
    desk.world.records["a"].write(name_of(rule.name), progress.as_document(), expect=None)
    desk.world.pass_time(61)

    found = desk.read()

    assert {site: (each.backlog, each.oldest) for site, each in found.rules[0].targets.items()} == {
        "b": (1, 61.0),
        "c": (1, None),
    }
    assert found.attention == ("rule one at b: something waits for 0:01:01, and its RPO is 60 s",)


def test_what_no_sweep_can_mend(desk: Desk) -> None:
    """A replica whose metadata somebody changed needs a person, and is not late however long it stays so."""
    state = desk.world.memory["b"].head("x")
    assert state is not None
    desk.world.write("b", "x", b"weights", replace(state.metadata, user={**state.metadata.user, "stage": "x"}))
    desk.world.pass_time(10**6)

    assert desk.read().attention == ("rule one at b: 1 keys that no sweep can mend; see `tradewind verify`",)


@pytest.mark.parametrize(("seconds", "late"), [(1200, False), (1201, True)])
def test_a_first_sweep_that_never_ends(desk: Desk, seconds: int, late: bool) -> None:  # noqa: FBT001 - a column
    """A sweep that began two intervals ago needs a person, though none has reached the end before."""
    rule = desk.world.fleet.rules[0]
    progress = Progress(shape_of(rule))
    progress.begin(rule, desk.world.now)
    desk.world.records["a"].write(name_of(rule.name), progress.as_document(), expect=None)
    desk.world.pass_time(seconds)

    said = any("no sweep has reached the end since" in sentence for sentence in desk.read().attention)
    assert said is late


def test_before_the_first_sweep(desk: Desk) -> None:
    """Without a sweep its result is not known, and that is no alarm: timers may be off on purpose."""
    found = desk.read("last_sweep")

    assert found.rules[0].as_of is None
    assert found.attention == ()


@pytest.mark.parametrize(("seconds", "late"), [(1200, False), (1201, True)])
def test_sweeps_that_stopped(desk: Desk, seconds: int, late: bool) -> None:  # noqa: FBT001 - a column of the table
    """A rule whose last whole sweep began two intervals ago is not looked after, and needs a person."""
    desk.swept()
    desk.world.pass_time(seconds)

    said = any("no sweep has reached the end since" in sentence for sentence in desk.read().attention)
    assert said is late


def test_every_target_is_shown(desk: Desk) -> None:
    """A target of which nothing is known is shown with zeros, and a source is no target of a one-way rule."""
    rule = RuleStatus(desk.world.fleet.rules[0], Tally("one"), None, live=False, completed=None)
    both = World({"name": "both", "sites": ["a", "b"]}).fleet.rules[0]

    assert list(rule.targets) == ["b", "c"]
    assert list(RuleStatus(both, Tally("both"), None, live=False, completed=None).targets) == ["a", "b"]


def test_keys_beyond_a_page(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many pages there are, each key counts once."""
    monkeypatch.setattr(status, "PAGE", 2)
    write: Callable[[str, str, bytes], object] = desk.world.write
    for number in range(5):
        write("a", f"n{number}", b"1")

    assert desk.rule().tally.keys == 6


def test_the_clock_is_told() -> None:
    """A status says when it was read."""
    assert Desk(World(RULE)).read().time == datetime(2026, 1, 1, tzinfo=UTC)
