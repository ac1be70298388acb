"""Budgets in the work on keys: what waits, what goes, and what is never lost or paid twice."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from rigs.budgets import BudgetWorld
from rigs.large import BODY, SIZES, Killed, settle, take
from rigs.world import InlineExecutor, WatchedStore
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Change
from tradewind.replication import requests
from tradewind.replication.budgets import account, admission
from tradewind.replication.budgets.ledger import Ledger
from tradewind.replication.decide import Verdict
from tradewind.replication.parts import tasks
from tradewind.replication.parts.jobs import Jobs
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.parts.start import PATIENCE
from tradewind.replication.sweeping.measures import WAITS_BEYOND_RPO

INDEX = "m/model.safetensors.index.json"
SHARDS = [f"m/model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]


def rule(dollars: float, **more: object) -> dict[str, object]:
    """Return a rule that may spend some dollars a month: as many bytes."""
    return {"name": "rule", "to": ["b"], "budget": {"usd_per_month": dollars}} | more


@pytest.fixture
def exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every object be paid for by itself, however small."""
    for module in (account, admission):
        monkeypatch.setattr(module, "CHANGE", 0)


def test_what_is_over_budget_waits_and_goes_when_the_month_turns() -> None:
    """It is deferred with its reason, not failed; the timer asks for it once there is room, and it arrives."""
    world = BudgetWorld(rule(10))
    assert world.deliver(world.write("a", "first", b"12345678"))["b"].verdict is Verdict.COPIED
    world.pass_time()
    waits = world.deliver(world.write("a", "second", b"1234"))["b"]

    assert (waits.verdict, waits.error) == (Verdict.DEFERRED, None)
    assert waits.reason == "it costs $4.00, and of the rule's $10.00 for 2026-01 $10.00 are spent"
    assert world.audit.records[-1].verdict == "deferred"
    assert world.waiting() == ["second"]
    assert world.ring().let_go == 0
    assert world.body("b", "second") is None

    world.month_turns()

    assert world.body("b", "second") == b"1234"
    assert world.waiting() == []
    assert len(world.letters.receive()) == 0


def test_what_is_over_budget_is_not_read() -> None:
    """Its source is opened for its size, no byte of it is taken, and the target is not written."""
    world = BudgetWorld(rule(1))
    notification = world.write("a", "key", b"12345678")
    world.damage_on_the_way("a", "key", b"whoever reads this finds that it is damaged")

    assert world.deliver(notification)["b"].verdict is Verdict.DEFERRED
    assert "put" not in world.stores["b"].calls


def test_a_rule_without_a_budget_asks_nothing() -> None:
    """A new object costs its GET, PUT and HEAD, and no request in any control bucket."""
    world = BudgetWorld({"name": "rule", "to": ["b"]})
    world.deliver(world.write("a", "key", b"1234"))

    assert world.stores["a"].calls + world.stores["b"].calls == ["get", "head", "put"]
    assert [call for store in world.controls.values() for call in store.calls] == []


def test_one_target_waits_for_no_other() -> None:
    """Bytes that there is room for once go to one target, and the other one gets them later."""
    world = BudgetWorld(rule(6, to=["b", "c"]))
    ended = world.deliver(world.write("a", "key", b"1234"))

    assert {site: each.verdict for site, each in ended.items()} == {"b": Verdict.COPIED, "c": Verdict.DEFERRED}
    world.month_turns()
    assert world.body("c", "key") == b"1234"


def test_deletes_do_not_wait() -> None:
    """What is removed costs nothing."""
    world = BudgetWorld(rule(4, deletes="propagate"))
    world.deliver(world.write("a", "key", b"1234"))
    world.pass_time()

    assert world.deliver(world.delete("a", "key"))["b"].verdict is Verdict.REMOVED


@pytest.mark.usefixtures("exact")
def test_a_copy_that_fails_is_given_back() -> None:
    """A target that is down for hours costs nothing, however often it is tried."""
    world = BudgetWorld(rule(4))
    notification = world.write("a", "key", b"1234")

    def fail(call: str) -> None:
        if call == "put":
            raise StoreUnavailableError("b is down")

    world.stores["b"].before = fail
    for _ in range(3):
        assert world.deliver(notification)["b"].verdict is Verdict.FAILED
        assert world.spent() == 0
    world.stores["b"].before = lambda _: None

    assert world.deliver(notification)["b"].verdict is Verdict.COPIED
    assert world.spent() == 4


@pytest.mark.usefixtures("exact")
def test_a_copy_that_was_not_needed_is_given_back() -> None:
    """Two deliveries at once bring one replica; who is too late has paid nothing."""
    world = BudgetWorld(rule(100))
    notification = world.write("a", "key", b"1234")
    world.deliver(notification)
    world.restart()

    assert world.deliver(notification)["b"].verdict is Verdict.IN_SYNC
    assert world.spent() == 4


@pytest.mark.usefixtures("exact")
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_worker_that_dies_at_any_call_has_paid_once(after: bool) -> None:  # noqa: FBT001 - a parameter
    """Killed before or after any request, its successor brings the key, and it has cost what one copy costs."""
    for number in range(30):
        world = BudgetWorld(rule(4), limits={"b": 2})
        notification = world.write("a", "key", b"1234")
        died = _killed_at(world, number, lambda: world.deliver(notification), after=after)  # noqa: B023 - at once
        world.restart()
        world.replicator.replicate(notification, attempt=2)
        assert world.body("b", "key") == b"1234"
        assert world.spent() == 4
        assert world.waiting() == []
        if not died:
            assert number > 20
            return
    raise AssertionError("it never ended")


def _killed_at(world: BudgetWorld, number: int, work: Callable[[], object], *, after: bool) -> bool:
    """Work, and be killed at a call; say whether it came to that."""
    seen = 0

    def kill(_call: str) -> None:
        nonlocal seen
        seen += 1
        if seen == number + 1:
            raise Killed

    watched: list[WatchedStore] = [*world.stores.values(), *world.controls.values()]
    for store in watched:
        store.before, store.after = (store.before, kill) if after else (kill, store.after)
    try:
        work()
    except Killed:
        return True
    else:
        return False
    finally:
        for store in watched:
            store.before = store.after = lambda _: None


def test_sites_of_an_active_active_rule_share_a_budget() -> None:
    """What one site sends counts for all, and what waits there is let go by its own timer."""
    world = BudgetWorld({"name": "rule", "sites": ["a", "b"], "budget": {"usd_per_month": 6}})
    assert world.deliver(world.write("a", "one", b"1234"))["b"].verdict is Verdict.COPIED
    world.restart()
    waits = world.deliver(world.write("b", "two", b"1234"))["a"]
    assert waits.verdict is Verdict.DEFERRED
    assert world.waiting("b") == ["two"]

    world.now += timedelta(days=31)
    world.ring("b")
    world.work("b")

    assert world.body("a", "two") == b"1234"


def test_an_active_active_write_over_another_waits_too() -> None:
    """The newer object does not come before there is room, and then it does."""
    world = BudgetWorld({"name": "rule", "sites": ["a", "b"], "budget": {"usd_per_month": 4}})
    world.deliver(world.write("a", "key", b"1234"))
    world.pass_time()
    notification = world.write("b", "key", b"5678")
    world.restart()
    assert world.replicator.replicate(notification, attempt=2)[0].verdict is Verdict.DEFERRED
    assert world.body("a", "key") == b"1234"

    world.now += timedelta(days=31)
    world.ring("b")
    world.work("b")

    assert world.body("a", "key") == b"5678"


def test_a_target_that_takes_one_at_a_time_gets_all_of_them() -> None:
    """Who finds it busy waits on record, and the timer lets it go when the slot is free."""
    world = BudgetWorld({"name": "rule", "to": ["b"]}, limits={"b": 1})
    first, second = world.write("a", "first", b"1"), world.write("a", "second", b"2")
    ended: list[Verdict] = []

    def meanwhile(call: str) -> None:
        if call == "put":
            world.stores["b"].before = lambda _: None
            ended.append(world.deliver(second)["b"].verdict)

    world.stores["b"].before = meanwhile
    assert world.deliver(first)["b"].verdict is Verdict.COPIED
    assert ended == [Verdict.DEFERRED]

    assert world.ring().let_go == 1
    world.work()
    assert world.body("b", "second") == b"2"


def test_a_set_whose_members_wait_waits_as_a_whole() -> None:
    """Its closing key is never there before them, is not dead-lettered, and all of it comes when there is room."""
    index = json.dumps({"weight_map": {str(n): key.removeprefix("m/") for n, key in enumerate(SHARDS)}}).encode()
    world = BudgetWorld(rule(3 * 8 + len(index) - 4))
    for key in SHARDS:
        world.queues["a"].send(next(iter(requests.encode("a", [key], why="upload"))))
        world.write("a", key, b"12345678")
        world.pass_time()
    world.write("a", INDEX, index)
    for body in requests.encode("a", [INDEX], why="upload"):
        world.queues["a"].send(body)
    outcomes = world.work()

    assert {each.verdict for each in outcomes} == {Verdict.COPIED, Verdict.DEFERRED}
    assert world.body("b", INDEX) is None
    assert world.letters.depth() == 0

    world.month_turns()
    world.ring()
    world.work()

    assert world.body("b", INDEX) == index
    assert [world.body("b", key) for key in SHARDS] == [b"12345678"] * 3


@pytest.mark.usefixtures("exact")
def test_an_old_set_stays_while_there_is_no_room_for_the_new_one() -> None:
    """A month that ends in the middle of a version never leaves the target with neither."""
    versions = [_version(world_of := BudgetWorld(rule(1000)), "v1")]
    world = world_of
    assert world.body("b", INDEX) == versions[0]
    left = 1000 - world.spent()
    world.deliver(world.write("a", "other", bytes(int(left) - 10)))
    world.pass_time(1000)
    new = _version(world, "v2")

    assert world.body("b", INDEX) == versions[0]
    assert {world.body("b", key) for key in SHARDS} == {b"v1"}
    assert world.letters.depth() == 0

    for _ in range(3):
        world.month_turns()
    assert world.body("b", INDEX) == new
    assert {world.body("b", key) for key in SHARDS} == {b"v2"}


def _version(world: BudgetWorld, mark: str) -> bytes:
    """Upload a version of a set, and work off what is announced of it."""
    names = {str(n): key.removeprefix("m/") for n, key in enumerate(SHARDS)}
    index = json.dumps({"metadata": {"mark": mark}, "weight_map": names}).encode()
    for key, body in [*((key, mark.encode()) for key in SHARDS), (INDEX, index)]:
        world.write("a", key, body)
        world.pass_time()
        for message in requests.encode("a", [key], why="upload"):
            world.queues["a"].send(message)
    world.pass_time(1000)
    world.work()
    return index


def test_a_large_object_waits_as_a_whole_and_is_paid_for_once() -> None:
    """No part of it goes before there is room for all; then they all go, for what the object costs."""
    world = BudgetWorld(rule(len(BODY) + 5), parts=SIZES)
    world.deliver(world.write("a", "small", bytes(9)))
    world.pass_time()
    assert world.deliver(world.write("a", "large", BODY))["b"].verdict is Verdict.DEFERRED
    assert world.work() == []

    world.month_turns()

    assert world.body("b", "large") == BODY
    assert world.spent() == len(BODY)


def test_a_large_object_is_paid_for_once_whoever_dies() -> None:
    """However often its tasks are delivered again, and by however many processes."""
    world = BudgetWorld(rule(len(BODY)), parts=SIZES)
    world.deliver(world.write("a", "large", BODY))
    for _ in range(2):
        for message in take(world):
            world.restart()
            settle(world, message)
        world.deliver(world.announce("a", "large", Change.NOTHING))

    assert world.body("b", "large") == BODY
    assert world.spent() == len(BODY)


def test_a_large_object_that_is_brought_again_is_paid_for_again() -> None:
    """Its replica was removed by somebody at the target: all bytes cross once more, and a budget may end that."""
    world = BudgetWorld(rule(2 * len(BODY)), parts=SIZES)
    world.deliver(world.write("a", "large", BODY))
    for copies in (1, 2):
        world.work()
        assert world.body("b", "large") == BODY
        assert world.spent() == copies * len(BODY)
        world.delete("b", "large")
        world.pass_time()
        again = world.deliver(world.announce("a", "large", Change.NOTHING))["b"]

    assert again.verdict is Verdict.DEFERRED
    assert world.work() == []


def test_a_large_object_that_begins_anew_is_paid_for_again() -> None:
    """Its upload was lost with the parts that were there: they are all brought once more."""
    world = BudgetWorld(rule(2 * len(BODY)), parts=SIZES)
    world.deliver(world.write("a", "large", BODY))
    _lose_upload(world)
    world.pass_time(7200)
    assert world.deliver(world.announce("a", "large", Change.NOTHING))["b"].verdict is Verdict.STARTED
    world.work()

    assert world.body("b", "large") == BODY
    assert world.spent() == 2 * len(BODY)


def _lose_upload(world: BudgetWorld) -> None:
    """Let the store lose the upload of the key `large`."""
    held = Jobs(world.records["b"]).read("large")
    assert held is not None
    MemoryUploads(world.memory["b"]).abort("large", held.job.upload)


@pytest.mark.parametrize("others", [True, False])
def test_a_job_that_cannot_be_begun_gives_back_what_nobody_uses(
    monkeypatch: pytest.MonkeyPatch,
    others: bool,  # noqa: FBT001 - a parameter
) -> None:
    """The target is down as its upload is to begin; another function, which found it paid, may have begun it before."""
    world = BudgetWorld(rule(len(BODY)), parts=SIZES)
    told = world.write("a", "large", BODY)
    begin = MemoryUploads.begin

    def unavailable(*_args: object, **_named: object) -> str:
        monkeypatch.setattr(MemoryUploads, "begin", begin)
        if others:
            world.process().replicate(told, attempt=2)
        raise StoreUnavailableError("503")

    monkeypatch.setattr(MemoryUploads, "begin", unavailable)
    world.deliver(told)

    assert world.spent() == (len(BODY) if others else 0)


def test_parts_go_as_their_target_takes_them() -> None:
    """A share of them at a time, until all are there."""
    world = BudgetWorld({"name": "rule", "to": ["b"]}, limits={"b": 1}, parts=SIZES)
    body = bytes(4 * 50)
    assert world.deliver(world.write("a", "large", body))["b"].verdict is Verdict.STARTED
    assert len(take(world)) == 20
    for _ in range(5):
        world.work()
        world.pass_time(60)
        world.ring()
    world.work()

    assert world.body("b", "large") == body


def parts_in_flight(world: BudgetWorld) -> list[int]:
    """Return the parts that tasks in the queue ask for, and let these be visible again."""
    messages = take(world)
    for message in messages:
        world.queues["a"].release(message)
    return sorted(number for message in messages for number in tasks.decode(message).numbers)


def test_no_part_is_asked_for_again_while_it_is_on_its_way() -> None:
    """However often others look at the key, each part is in the queue once, where the target takes some at a time."""
    world = BudgetWorld({"name": "rule", "to": ["b"]}, limits={"b": 1}, parts=SIZES)
    notification = world.write("a", "large", bytes(4 * 50))
    for _ in range(7):
        world.deliver(notification)

    assert parts_in_flight(world) == list(range(1, 51))


def test_parts_that_were_lost_on_their_way_are_asked_for_again() -> None:
    """Whoever looks at the key after an hour of patience begins with the first part that has not arrived."""
    world = BudgetWorld({"name": "rule", "to": ["b"]}, limits={"b": 1}, parts=SIZES)
    notification = world.write("a", "large", bytes(4 * 25))
    world.deliver(notification)
    for message in take(world)[1:]:
        world.queues["a"].acknowledge(message)
    world.work()
    world.deliver(notification)
    assert parts_in_flight(world) == [21, 22, 23, 24, 25]
    world.work()
    world.pass_time(PATIENCE.total_seconds())
    world.deliver(notification)

    assert parts_in_flight(world) == list(range(2, 21))


def test_bandwidth_is_booked_once_for_each_part() -> None:
    """However often others look at the key while nothing moves, no more is booked than the object has bytes."""
    size = 20_000_000
    sizes = PartSizes(above=10, part=500_000)
    world = BudgetWorld({"name": "rule", "to": ["b"], "budget": {"megabytes_per_second": 0.1}}, parts=sizes)
    notification = world.write("a", "large", bytes(size))
    for _ in range(30):
        world.deliver(notification)
        world.pass_time(10)

    assert parts_in_flight(world) == list(range(1, 41))
    ledger = Ledger(world.records.__getitem__, InlineExecutor(), lambda: world.now)
    assert sum(ledger.read(world.fleet.rules[0]).booked.values()) == size


def test_what_waits_too_long_is_told() -> None:
    """Each call of the timer says what waits and what is spent, and whether that is longer than it may."""
    world = BudgetWorld(rule(5, rpo_seconds=60))
    world.deliver(world.write("a", "key", b"12345678"))
    told = {each.name: each.value for each in world.ring().measures}
    assert (told["Waiting"], told["WaitingBytes"], told["BudgetSpent"], told[WAITS_BEYOND_RPO]) == (1, 8, 0, 0)

    world.pass_time(61)
    told = {each.name: each.value for each in world.ring().measures}
    assert told[WAITS_BEYOND_RPO] == 1
    assert told["OldestWaitingSeconds"] == 61


def test_a_timer_that_cannot_let_go_calls_off_no_alarm() -> None:
    """What waits stays, the failure is told, and the rest of the round goes on."""
    world = BudgetWorld(rule(5), limits={"b": 1})

    def fail(call: str) -> None:
        if call == "get":
            raise StoreUnavailableError("a is down")

    world.controls["a"].before = fail
    done = world.ring()

    assert "a is down" in {str(each) for each in done.errors}
    assert WAITS_BEYOND_RPO not in {each.name for each in done.measures}
