"""Sweeping a rule step by step."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest

from rigs.sweeps import DisorderlyStore, Narrow, Sweeps
from rigs.world import WatchedStore, World
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigurationError,
    CredentialsError,
    IntegrityError,
    PermanentError,
    StoreUnavailableError,
    TradewindError,
    UnportableError,
)
from tradewind.fleet import Fleet
from tradewind.ports import PROVENANCE_KEY, Metadata, ObjectState
from tradewind.replication import guard
from tradewind.replication.agreeing.tombstones import Tombstone, Tombstones
from tradewind.replication.provenance import fingerprint
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.seeing.tally import TargetTally
from tradewind.replication.sweeping import sweep
from tradewind.replication.sweeping.progress import Completed, name_of
from tradewind.replication.sweeping.sweep import State, Step

ONE_WAY: dict[str, object] = {"name": "one", "to": ["b", "c"], "deletes": "propagate"}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"]}
RULES = pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])


@dataclass(slots=True, kw_only=True)
class RefusingStore(WatchedStore):
    """A store that answers for one key with an error."""

    refused: str
    error: TradewindError

    def head(self, key: str) -> ObjectState | None:
        """Raise the error for the key."""
        if key == self.refused:
            raise self.error
        return WatchedStore.head(self, key)


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "PAGE", 2)


def sweeps_of(rule: dict[str, object], *keys: str) -> Sweeps:
    """Return sweeps of a world with these keys at `a`, about which nobody was told."""
    world = World(rule)
    for key in keys:
        world.write("a", key, key.encode())
    return Sweeps(world)


def completed(step: Step) -> Completed:
    """Return the result of a sweep that reached the end."""
    assert step.state is State.COMPLETED
    assert step.completed is not None
    return step.completed


def findings(step: Step) -> dict[str, dict[str, int]]:
    """Return how often each finding was made at each target."""
    return {site: dict(of.findings) for site, of in completed(step).tally.targets.items()}


@RULES
def test_what_nobody_announced_is_asked_for(rule: dict[str, object]) -> None:
    """Keys that are missing are asked for at the site that has them, and are there once that is worked off."""
    sweeps = sweeps_of(rule, "1", "2", "3")

    step = sweeps.step()

    assert findings(step) == {"b": {"missing": 3}, "c": {"missing": 3}}
    assert step.asked == 3
    assert sweeps.work_off() == ["1", "2", "3"]
    assert [sweeps.world.body(site, "3") for site in "abc"] == [b"3"] * 3


@RULES
def test_what_is_in_sync_is_left_alone(rule: dict[str, object]) -> None:
    """The next sweep counts what the first one mended, with its bytes and its lag, and asks for nothing."""
    sweeps = sweeps_of(rule, "1", "22")
    sweeps.step()
    sweeps.world.pass_time(30)
    sweeps.work_off()

    step = sweeps.step(at_once=True)

    assert findings(step) == {"b": {"match": 2}, "c": {"match": 2}}
    assert (step.asked, sweeps.asked()) == (0, {})
    target = completed(step).tally.targets["b"]
    assert (target.objects, target.size, target.lags.longest) == (2, 3, 30)


def test_what_waits_is_counted_with_its_age() -> None:
    """The backlog says how many keys and bytes wait, and for how long the oldest has."""
    sweeps = sweeps_of(ONE_WAY, "old", "young")
    sweeps.world.pass_time(100)
    sweeps.world.write("a", "young", b"younger")
    sweeps.world.pass_time(10)

    target = completed(sweeps.step()).tally.targets["b"]

    assert (target.backlog, target.backlog_size, target.oldest) == (2, 10, 110)


@RULES
def test_a_step_does_no_more_than_its_budget(rule: dict[str, object]) -> None:
    """Each step looks at so many keys, the next one goes on, and together they look at each key once."""
    sweeps = sweeps_of(rule, *"123456789")

    steps = [sweeps.step(4), sweeps.step(4), sweeps.step(4)]

    assert [each.state for each in steps] == [State.PAUSED, State.PAUSED, State.COMPLETED]
    assert [each.keys for each in steps] == [4, 8, 9]
    assert sweeps.asked() == {"a": list("123456789")}


def test_no_page_begins_after_the_time_is_up() -> None:
    """A step that has no time left stops where it is."""
    sweeps = sweeps_of(ONE_WAY, *"123456")
    sweeps.world.stores["b"].before = lambda name: sweeps.world.pass_time(60) if name == "head" else None
    budget = sweep.Budget(100, sweeps.world.now + timedelta(seconds=90))

    assert sweeps.sweeper().step(sweeps.rule, budget).keys == 2


def test_a_sweep_begins_when_it_is_due() -> None:
    """After a sweep the rule is left alone for `every_minutes`, counted from when it began."""
    sweeps = sweeps_of(ONE_WAY | {"sweep": {"every_minutes": 60}}, "1")
    sweeps.step()

    sweeps.world.pass_time(59 * 60)
    assert sweeps.step().state is State.IDLE
    sweeps.world.pass_time(60)
    assert sweeps.step().state is State.COMPLETED


def requests_of(sweeps: Sweeps) -> int:
    """Return how many requests were made for keys, at all sites."""
    return sum(store.calls.count("head") for store in sweeps.world.stores.values())


def test_a_backfill_trusts_the_listings() -> None:
    """What only the first site lists is asked for after one look instead of three, and copied without another."""
    sweeps = sweeps_of(ONE_WAY, *"123")

    step = sweeps.sweeper(trusting=True).step(sweeps.rule, sweeps.budget(100))

    assert (step.state, step.keys, step.asked, requests_of(sweeps)) == (State.ASKED, 3, 3, 3)
    for store in sweeps.world.stores.values():
        store.calls.clear()
    sweeps.work_off()
    assert {site: sorted(store.calls) for site, store in sweeps.world.stores.items()} == {
        "a": [*["get"] * 3, *["head"] * 3],
        "b": ["put"] * 3,
        "c": ["put"] * 3,
    }


def test_what_a_backfill_took_to_be_missing_is_no_result() -> None:
    """The last sweep's result stays what is told, and the next sweep is due as if there had been no backfill."""
    sweeps = sweeps_of(ONE_WAY, "1")
    swept = completed(sweeps.step())
    sweeps.world.write("a", "2", b"2")

    step = sweeps.sweeper(trusting=True).step(sweeps.rule, sweeps.budget(100), at_once=True)

    assert (step.state, step.keys, step.completed) == (State.ASKED, 2, swept)
    assert sweeps.sweeper().progress(sweeps.rule).completed == swept
    assert sweeps.step().state is State.IDLE
    sweeps.world.pass_time(sweeps.rule.sweep.every_minutes * 60)
    assert completed(sweeps.step()).started > swept.started


def test_half_a_backfill_is_no_result_whoever_ends_it() -> None:
    """A timer that goes on with it asks for the rest, tells no result, and begins a sweep of its own at once."""
    sweeps = sweeps_of(ONE_WAY, *"1234")
    sweeps.sweeper(trusting=True).step(sweeps.rule, sweeps.budget(2))

    step = sweeps.step()

    assert (step.state, step.keys, step.completed) == (State.ASKED, 4, None)
    assert completed(sweeps.step()).tally.keys == 4


@RULES
def test_a_backfill_tells_what_a_target_can_never_hold(rule: dict[str, object]) -> None:
    """Such a key is asked for only while another target lacks it, and is named each time; no request tells it."""
    sweeps, told = sweeps_of(rule, "1", "2"), dict[str, dict[str, str]]()
    for site, keys in {"b": ("1", "2"), "c": ("2",)}.items():
        sweeps.world.stores[site] = Narrow(sweeps.world.stores[site].inner, without=keys)
    sweeper = replace(sweeps.sweeper(trusting=True), tell=lambda key, why: told.update({key: dict(why)}))

    step = sweeper.step(sweeps.rule, sweeps.budget(100))

    reasons = {key: f"There is no room for {key}" for key in "12"}
    assert told == {"1": {"b": reasons["1"]}, "2": {"b": reasons["2"], "c": reasons["2"]}}
    assert (step.asked, sweeps.asked(), requests_of(sweeps)) == (1, {"a": ["1"]}, 2)


@RULES
def test_trust_that_was_wrong_does_no_harm(rule: dict[str, object]) -> None:
    """A store that lists in another order makes a backfill ask for keys that are there, and nothing is written."""
    sweeps = sweeps_of(rule, *"123456789")
    sweeps.step()
    sweeps.work_off()
    disorderly = DisorderlyStore()
    disorderly._objects = sweeps.world.memory["b"]._objects
    sweeps.world.stores["b"].inner = disorderly
    before = {site: store.head("1") for site, store in sweeps.world.memory.items()}

    assert sweeps.sweeper(trusting=True).step(sweeps.rule, sweeps.budget(100), at_once=True).asked > 0
    sweeps.work_off()
    assert {site: store.head("1") for site, store in sweeps.world.memory.items()} == before


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("calls", range(1, 40, 3))
def test_a_sweep_that_was_killed_goes_on(calls: int) -> None:
    """Wherever it was killed, another one goes on; no key is left out, and at most a page is asked for twice."""
    sweeps = sweeps_of(ONE_WAY, *"123456789")
    left = calls

    def kill(_call: str) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Killed

    for store in (*sweeps.world.stores.values(), *sweeps.controls.values()):
        store.before = kill
    with pytest.raises(Killed):
        sweeps.step()

    assert sweeps.step(holder="another", at_once=True).state is State.COMPLETED
    asked = sweeps.asked()["a"]
    assert set(asked) == set("123456789")
    assert len(asked) <= 9 + sweep.PAGE


def test_two_do_not_do_the_same_work() -> None:
    """While one works on a sweep, another's timer leaves it alone, until the first one has run out of time."""
    sweeps = sweeps_of(ONE_WAY, *"1234")
    sweeps.world.stores["a"].before = die
    with pytest.raises(Killed):
        sweeps.step()
    sweeps.world.stores["a"].before = lambda _: None

    assert sweeps.step(holder="another").state is State.BUSY
    sweeps.world.pass_time(sweeps.world.fleet.time_limit_seconds)
    assert sweeps.step(holder="another").state is State.COMPLETED


def die(_call: str) -> None:
    """Be called in a process that ends."""
    raise Killed


def test_a_site_that_was_down_delays_nobody() -> None:
    """A sweep that met an outage is given up where it was noted last, and the next ring goes on from there."""
    sweeps = sweeps_of(ONE_WAY, *"123456")

    def fail(call: str) -> None:
        if call == "head" and len(sweeps.queues["a"].receive()) > 0:
            raise StoreUnavailableError("down")

    sweeps.world.stores["b"].before = fail
    with pytest.raises(StoreUnavailableError):
        sweeps.step()
    sweeps.world.stores["b"].before = lambda _: None
    sweeps.asked()

    assert sweeps.step(holder="another").state is State.COMPLETED
    assert sweeps.asked()["a"] == list("3456")


def test_whoever_was_replaced_stops() -> None:
    """Somebody who asks for a sweep at once takes it over, and whoever had it notices at its next note."""
    sweeps = sweeps_of(ONE_WAY, *"123456")
    others: list[Step] = []

    def take_over(call: str) -> None:
        if call == "head" and not others:
            others.append(Step("one", State.BUSY))
            others.append(sweeps.step(holder="another", at_once=True))

    sweeps.world.stores["c"].before = take_over

    assert sweeps.step().state is State.BUSY
    assert others[1].state is State.COMPLETED
    assert set(sweeps.asked()["a"]) == set("123456")


def test_an_answer_that_was_lost_is_no_replacement() -> None:
    """A note that was written, and of which the store did not say so, is one's own."""
    sweeps = sweeps_of(ONE_WAY, *"123")
    control = sweeps.controls["a"].inner
    put, lost = control.put, []

    def twice(*arguments: object, **named: object) -> object:
        put(*arguments, **named)  # type: ignore[arg-type]  # as they came
        lost.append(1)
        return put(*arguments, **named)  # type: ignore[arg-type]  # a client that tries again

    control.put = twice  # type: ignore[method-assign,assignment]  # the test's own store

    assert sweeps.step().state is State.COMPLETED
    assert len(lost) > 1


def test_a_rule_of_another_shape_is_swept_anew() -> None:
    """Half a sweep says nothing about the keys that the rule did not cover then."""
    sweeps = sweeps_of(ONE_WAY | {"prefix": "m"}, "a", "m")
    sweeps.step(1)
    sweeps.asked()
    document = sweeps.world.fleet.model_dump(by_alias=True)
    document["rules"][0]["prefix"] = ""
    sweeps.world.fleet = Fleet.model_validate(document)

    assert sweeps.step().keys == 2
    assert sweeps.asked() == {"a": ["a", "m"]}


def test_stores_of_another_order_do_no_harm() -> None:
    """A replica that its store lists at another place is found all the same."""
    sweeps = sweeps_of(ONE_WAY, *"123456789")
    sweeps.step()
    sweeps.work_off()
    disorderly = DisorderlyStore()
    disorderly._objects = sweeps.world.memory["b"]._objects
    sweeps.world.stores["b"].inner = disorderly

    assert findings(sweeps.step(at_once=True)) == {"b": {"match": 9}, "c": {"match": 9}}


def test_what_only_a_person_can_mend_is_not_asked_for() -> None:
    """A conflict that the rule keeps, a damaged replica, and a key that a site cannot hold are told, and left."""
    sweeps = sweeps_of(ONE_WAY, "conflict", "damaged", "awkward")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.write("b", "conflict", b"mine")
    sweeps.world.damage_at_rest("b", "damaged", b"damagez")

    def refuse(key: str) -> None:
        if key == "awkward":
            raise UnportableError("b cannot hold it")

    memory = sweeps.world.memory["b"]
    memory.check_key = refuse  # type: ignore[method-assign]  # the test's own store

    assert findings(sweeps.step(at_once=True)) == {
        "b": {"conflict": 1, "corrupt": 1, "missing": 1},
        "c": {"match": 3},
    }
    assert sweeps.asked() == {}


def test_a_damaged_replica_is_mended_where_the_rule_overwrites() -> None:
    """A one-way rule that overwrites what others wrote at its targets also overwrites what was damaged there."""
    sweeps = sweeps_of(ONE_WAY | {"conflict": "overwrite"}, "1")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.damage_at_rest("b", "1", b"2")

    assert findings(sweeps.step(at_once=True))["b"] == {"corrupt": 1}
    sweeps.work_off()
    assert findings(sweeps.step(at_once=True))["b"] == {"match": 1}


def test_an_extra_replica_is_asked_for_and_goes() -> None:
    """A delete that nobody announced is found and propagated."""
    sweeps = sweeps_of(ONE_WAY, "1", "2")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.delete("a", "1")

    assert findings(sweeps.step(at_once=True))["b"] == {"extra": 1, "match": 1}
    sweeps.work_off()
    assert sweeps.world.body("b", "1") is None


def test_a_guard_that_is_shut_holds_back() -> None:
    """What the delete guard keeps is said to be held, and is not asked for again and again."""
    sweeps = sweeps_of(ONE_WAY, "1")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.delete("a", "1")
    sweeps.records("b").write(guard.state_name("one"), {"shut": sweeps.world.now.isoformat()}, expect=None)

    assert findings(sweeps.step(at_once=True)) == {"b": {Finding.HELD: 1}, "c": {Finding.EXTRA: 1}}


def test_what_a_guard_held_is_found_again_once_a_person_has_answered() -> None:
    """A delete that was held while its object came back is known from the tombstone alone, which is read then."""
    sweeps = sweeps_of({"name": "both", "sites": ["a", "b"], "deletes": "propagate"}, "1")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.pass_time(5)
    tombstone = Tombstone(sweeps.world.now, "b")
    Tombstones(sweeps.records("b")).bury("1", tombstone, lambda each: each.time)

    assert sweeps.step(at_once=True).asked == 0
    guard.allow(sweeps.records("a"), "both", sweeps.world.now + timedelta(hours=1))

    assert findings(sweeps.step(at_once=True)) == {"a": {Finding.EXTRA: 1}, "b": {Finding.EXTRA: 1}}
    assert sweeps.asked() == {"a": ["1"]}


INDEX = "m/model.safetensors.index.json"
SHARD = "m/model-00001-of-00001.safetensors"


def test_a_set_that_is_not_whole_at_its_source_is_incomplete() -> None:
    """The closing key of a set whose members are missing is told with their names, and is not asked for in vain."""
    sweeps = sweeps_of(ONE_WAY)
    sweeps.world.write("a", INDEX, b'{"weight_map": {"w": "model-00001-of-00001.safetensors"}}')

    assert findings(sweeps.step()) == {"b": {"incomplete": 1}, "c": {"incomplete": 1}}
    assert sweeps.asked() == {}


def test_a_set_that_is_not_whole_at_a_target_is_asked_for() -> None:
    """Where only the target lacks members, looking at the keys again brings them, and then the closing key."""
    sweeps = sweeps_of(ONE_WAY, SHARD)
    sweeps.world.write("a", INDEX, b'{"weight_map": {"w": "model-00001-of-00001.safetensors"}}')

    assert findings(sweeps.step())["b"] == {"incomplete": 1, "missing": 1}
    assert sorted(sweeps.asked()["a"]) == [SHARD, INDEX]


def test_a_closing_key_whose_members_are_there_is_missing() -> None:
    """A set that is whole at the target lacks only its closing key, which is asked for."""
    sweeps = sweeps_of(ONE_WAY, SHARD)
    sweeps.step()
    sweeps.work_off()
    sweeps.world.write("a", INDEX, b'{"weight_map": {"w": "model-00001-of-00001.safetensors"}}')

    assert findings(sweeps.step(at_once=True))["b"] == {"match": 1, "missing": 1}


def test_a_set_that_can_never_be_published_is_told_and_left() -> None:
    """A closing key that names members which the rule leaves out is missing, with the reason, for a person."""
    sweeps = sweeps_of(ONE_WAY | {"exclude": ["**/*.safetensors"]})
    sweeps.world.write("a", INDEX, b'{"weight_map": {"w": "model-00001-of-00001.safetensors"}}')

    assert findings(sweeps.step())["b"] == {"missing": 1}
    assert sweeps.asked() == {}


def test_the_result_is_kept_until_the_next_one() -> None:
    """A sweep that is under way does not hide the result of the last one that reached the end."""
    sweeps = sweeps_of(ONE_WAY, *"1234")
    first = completed(sweeps.step())

    step = sweeps.step(2, at_once=True)

    assert (step.state, step.completed) == (State.PAUSED, first)
    assert sweeps.sweeper().progress(sweeps.rule).completed == first
    assert isinstance(first.tally.targets["b"], TargetTally)
    assert [each.key for each in sweeps.records("a").list("sweeps/")] == [name_of("one")]


NEWER = Metadata(
    user={PROVENANCE_KEY: json.dumps({"v": 99, "origin": "a", "version": "x", "key": fingerprint("2")})},
)


@RULES
def test_one_key_that_cannot_be_understood_hides_no_other(rule: dict[str, object]) -> None:
    """Metadata that looks like a newer tradewind's makes a finding of its key, and the rest is mended."""
    sweeps = sweeps_of(rule, "1", "3")
    sweeps.world.write("a", "2", b"2", NEWER)

    assert {site: each["unreadable"] for site, each in findings(sweeps.step()).items()} == dict.fromkeys(
        "bc" if rule is ONE_WAY else "abc", 1
    )
    assert sweeps.work_off() == ["1", "3"]


@RULES
@pytest.mark.parametrize("error", [AccessDeniedError, ConfigurationError, PermanentError, IntegrityError])
def test_one_key_that_is_refused_hides_no_other(rule: dict[str, object], error: type[TradewindError]) -> None:
    """An object that may not be looked at (its encryption key, its state) is a finding of its own."""
    sweeps = sweeps_of(rule, "1", "2", "3")
    sweeps.world.stores["a"] = RefusingStore(sweeps.world.memory["a"], refused="2", error=error("no"))

    assert {site: each["unreadable"] for site, each in findings(sweeps.step()).items()} == dict.fromkeys(
        "bc" if rule is ONE_WAY else "abc", 1
    )
    assert sweeps.work_off() == ["1", "3"]


def test_a_target_that_refuses_one_key_is_the_only_one_not_known() -> None:
    """The other targets of a one-way rule are judged as ever, and get what they lack."""
    sweeps = sweeps_of(ONE_WAY, "1", "2")
    sweeps.world.stores["b"] = RefusingStore(sweeps.world.memory["b"], refused="2", error=AccessDeniedError("no"))

    assert findings(sweeps.step()) == {"b": {"missing": 1, "unreadable": 1}, "c": {"missing": 2}}


@pytest.mark.parametrize("error", [StoreUnavailableError, CredentialsError, BucketNotFoundError])
def test_what_ails_a_whole_site_stops_the_sweep(error: type[TradewindError]) -> None:
    """An error that the next key would meet as well is no finding, and the sweep goes on there later."""
    sweeps = sweeps_of(ONE_WAY, "1", "2")
    sweeps.world.stores["b"] = RefusingStore(sweeps.world.memory["b"], refused="2", error=error("no"))

    with pytest.raises(error):
        sweeps.step()


def test_a_delete_that_two_sweeps_saw_waits_since_the_first() -> None:
    """What is extra again was not mended in between, so it has waited at least since the sweep before began."""
    sweeps = sweeps_of(ONE_WAY, "1")
    sweeps.step()
    sweeps.work_off()
    sweeps.world.delete("a", "1")
    first = completed(sweeps.step(at_once=True)).tally.targets["b"]
    sweeps.world.pass_time(600)
    second = completed(sweeps.step(at_once=True)).tally.targets["b"]

    assert [(each.backlog, each.oldest) for each in (first, second)] == [(1, None), (1, 600.0)]
