"""What would be done about one key now: the same as is done, and nothing is done."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.large import BODY, SIZES, work_off
from rigs.world import InlineExecutor, World
from tradewind.checksums import crc64nvme
from tradewind.errors import StoreUnavailableError
from tradewind.fleet import AzureSite
from tradewind.ports import PROVENANCE_KEY, Change, Checksums, Metadata
from tradewind.replication.agreeing.tombstones import Tombstone, Tombstones
from tradewind.replication.decide import Verdict
from tradewind.replication.guard import state_name
from tradewind.replication.parts.refused import Refused
from tradewind.replication.provenance import fingerprint
from tradewind.replication.seeing.advice import Action, Advice
from tradewind.replication.seeing.explain import Explainer, Explanation

ONE_WAY: dict[str, object] = {"name": "one", "to": ["b", "c"], "deletes": "propagate"}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"], "deletes": "propagate"}
EUROPEAN: dict[str, object] = {"name": "eu", "to": ["b", "c"], "classification": "personal"}


def explain(world: World, key: str = "x", site: str = "a") -> Explanation:
    """Explain a key of the world."""
    explainer = Explainer(
        world.fleet,
        world.stores.__getitem__,
        world.records.__getitem__,
        world.gate,
        InlineExecutor(),
        lambda: world.now,
    )
    return explainer.explain(site, key)


def advice(world: World, key: str = "x", site: str = "a") -> Mapping[str, Advice]:
    """Return the advice of the world's one rule, by target."""
    (rule,) = explain(world, key, site).rules
    return {each.target: each for each in rule.advice}


def actions(world: World, key: str = "x", site: str = "a") -> dict[str, Action]:
    """Return what would be done at each target."""
    return {target: each.action for target, each in advice(world, key, site).items()}


def replicated(rule: dict[str, object]) -> World:
    """Return a world with one object that is everywhere."""
    world = World(rule)
    world.replicator.replicate(world.write("a", "x", b"weights"))
    return world


def test_a_new_object() -> None:
    """What the targets lack would be copied, with the gate's answer beside it."""
    world = World(ONE_WAY)
    world.write("a", "x", b"weights")

    assert advice(world)["b"] == Advice("a", "b", "copy", "the target lacks it", "'public' data may be anywhere")
    assert actions(world) == {"b": "copy", "c": "copy"}


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_nothing_is_changed(rule: dict[str, object]) -> None:
    """Explaining looks, and neither reads bytes nor writes."""
    world = World(rule)
    world.write("a", "x", b"weights")
    controls = {site: list(store.list().objects) for site, store in world.control.items()}
    explain(world)

    assert {call for store in world.stores.values() for call in store.calls} == {"head"}
    assert {site: list(store.list().objects) for site, store in world.control.items()} == controls


@pytest.mark.parametrize("asked", "abc")
def test_any_site_may_be_named(asked: str) -> None:
    """A one-way rule is explained from its source, whichever copy is named."""
    world = World(ONE_WAY)
    world.write("a", "x", b"weights")

    assert actions(world, site=asked) == {"b": "copy", "c": "copy"}


def test_why_a_replica_is_written_over() -> None:
    """Another version and other metadata are told apart, and what is in sync is left."""
    world = replicated(ONE_WAY)
    assert {each.reason for each in advice(world).values()} == {"the target has this version"}

    world.pass_time()
    world.write("a", "x", b"newer")
    assert "and a is at" in advice(world)["b"].reason


@pytest.mark.parametrize(
    ("policy", "action", "said"),
    [
        ("keep", "nothing", "conflict: the target holds an object that was written at b, and the rule keeps it"),
        ("overwrite", "copy", "the target holds what somebody else wrote, and the rule overwrites that"),
        ("fail", "fail", "'x' at b is an object that was written at b, and the rule is one-way from a"),
    ],
)
def test_a_conflict(policy: str, action: Action, said: str) -> None:
    """A user's object at a target is treated as the rule says."""
    world = World(ONE_WAY | {"conflict": policy})
    world.write("a", "x", b"weights")
    world.write("b", "x", b"mine")

    assert (advice(world)["b"].action, advice(world)["b"].reason) == (action, said)


def test_the_gate_refuses() -> None:
    """Where the gate lets nothing go, its reason is the reason."""
    world = World(EUROPEAN)
    world.write("a", "x", b"weights")

    assert advice(world)["c"] == Advice("a", "c", "refuse", *["'personal' data may not be in CH; allowed: EU"] * 2)
    assert actions(world) == {"b": "copy", "c": "refuse"}


def test_a_delete() -> None:
    """Replicas of what was deleted at the source would be removed; where the rule keeps them, not."""
    world = replicated(ONE_WAY)
    world.delete("a", "x")
    assert actions(world) == {"b": "remove", "c": "remove"}

    kept = replicated({"name": "one", "to": ["b"]})
    kept.delete("a", "x")
    assert advice(kept)["b"].reason == "kept: deleted at the source, and the rule keeps what is deleted"


def test_what_a_lifecycle_rule_removed() -> None:
    """A removal that is on record as a lifecycle rule's is no delete."""
    world = replicated(ONE_WAY)
    world.delete("a", "x")
    Tombstones(world.records["a"]).expire("x", world.now)

    assert advice(world)["b"].reason.startswith("a lifecycle rule of the source removed it")


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_the_delete_guard(rule: dict[str, object]) -> None:
    """Where the delete guard is shut, a removal would be held back; while a person allows it, not."""
    world = replicated(rule)
    world.delete("a", "x")
    name = state_name(world.fleet.rules[0].name)
    token = world.records["b"].write(name, {"shut": world.now.isoformat()}, expect=None)
    assert advice(world)["b"].action == "hold"
    assert "is shut there since" in advice(world)["b"].reason
    assert advice(world)["c"].action == "remove"

    until = (world.now + timedelta(hours=1)).isoformat()
    world.records["b"].write(name, {"shut": world.now.isoformat(), "allowed": until}, expect=token)
    assert advice(world)["b"].action == "remove"


def test_an_earlier_rule_decides() -> None:
    """A rule that covers the key and comes second on this way says whose word counts."""
    world = World({"name": "first", "to": ["b"]}, ONE_WAY)
    world.write("a", "x", b"weights")
    first, second = explain(world).rules

    assert [each.action for each in first.advice] == ["copy"]
    assert [(each.target, each.action) for each in second.advice] == [("b", "nothing"), ("c", "copy")]
    assert second.advice[0].reason == "rule 'first' comes first on this way"


def test_no_rule() -> None:
    """A key that no rule covers has no advice."""
    found = explain(World(ONE_WAY | {"prefix": "m/"}))

    assert (found.rules, list(found.sights)) == ((), ["a"])


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_a_dark_target(rule: dict[str, object]) -> None:
    """A target that does not answer fails by itself."""
    world = World(rule)
    world.write("a", "x", b"weights")

    def refuse(_: str) -> None:
        raise StoreUnavailableError("it is dark")

    world.stores["b"].before = refuse

    assert advice(world)["b"].reason == "b: it is dark"
    assert actions(world) == {"b": "fail", "c": "copy"} | ({"a": "nothing"} if rule is BOTH else {})


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
def test_a_large_object(rule: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that it goes in parts, and that a manifest of that size goes nowhere."""
    monkeypatch.setattr("tradewind.replication.seeing.advice.MIB", 1)
    world = World(rule)
    world.write("a", "x", bytes(65))
    world.write("a", "m/_SUCCESS", bytes(65))

    assert (advice(world)["b"].action, advice(world)["b"].reason[-18:]) == ("copy", "; it goes in parts")
    closing = advice(world, "m/_SUCCESS")["b"]
    assert (closing.action, closing.reason) == ("fail", "it closes an artifact set and has 65 bytes; up to 64 are read")


def unavailable(*_: object) -> str:
    """Fail as a cloud that is down."""
    raise StoreUnavailableError("503")


def test_a_large_object_that_is_not_what_its_store_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said since when it is not brought again, of the target at which that was found, as long as it is so."""
    monkeypatch.setattr("tradewind.replication.seeing.explain.MAX_OBJECT", SIZES.above)
    world = World(ONE_WAY | {"to": ["b"]}, parts=SIZES)
    world.replicator.replicate(world.write("a", "x", BODY), attempt=2)
    world.damage_on_the_way("a", "x", BODY[::-1])
    work_off(world)
    found = advice(world)["b"]
    assert found.action == "fail"
    assert "do not have the crc32c that its store keeps" in found.reason

    monkeypatch.setattr(Refused, "reason", unavailable)
    found = advice(world)["b"]
    assert found.action == "copy"
    assert found.reason.endswith("; whether it was refused before is not known: 503")


@pytest.mark.parametrize("rule", [ONE_WAY, BOTH], ids=["one_way", "active_active"])
@pytest.mark.parametrize("pull", [True, False])
def test_a_large_object_that_azure_may_read_by_itself(
    rule: dict[str, object], monkeypatch: pytest.MonkeyPatch, *, pull: bool
) -> None:
    """It is said where the fleet file allows it and S3 keeps the proof; S3 is not asked for the id of the version."""
    monkeypatch.setattr("tradewind.replication.seeing.advice.MIB", 1)
    world, body = World(rule), bytes(65)
    fields = {"cloud": "azure", "account": "acct", "container": "models", "region": "r", "jurisdiction": "EU"}
    azure = AzureSite.model_validate({**fields, "control_bucket": "control", "pull": pull})
    world.fleet = world.fleet.model_copy(update={"sites": {**world.fleet.sites, "b": azure}})
    checksums = Checksums(crc64nvme=crc64nvme(body))
    world.memory["a"].place("x", body, metadata=Metadata(), checksums=checksums, expect=None)
    world.write("a", "other", body)

    said = "; it goes in parts, which Azure reads by itself if this version has an id"
    assert advice(world)["b"].reason.endswith(said) == pull
    assert advice(world)["c"].reason.endswith("; it goes in parts")
    assert advice(world, "other")["b"].reason.endswith("; it goes in parts")


def test_the_newest_wins_everywhere() -> None:
    """Among several sites the newest write would be brought to all others, and it is said whose it is and when."""
    world = replicated(BOTH)
    world.pass_time(60)
    world.write("b", "x", b"newer")
    found = advice(world)

    assert {target: (each.source, each.action) for target, each in found.items()} == {
        "a": ("b", "copy"),
        "b": ("a", "nothing"),
        "c": ("b", "copy"),
    }
    assert found["a"].reason == "what b wrote at 2026-01-01T00:01:00+00:00 counts, and it holds something else"


def test_the_loser_is_kept_aside() -> None:
    """With `keep_both` it is said that the loser is kept."""
    world = World(BOTH | {"conflict": "keep_both"})
    world.write("a", "x", b"older")
    world.pass_time(60)
    world.write("b", "x", b"newer")

    assert advice(world)["a"].reason.endswith("it holds something else, which is kept under a key of its own")


def test_a_users_delete_is_passed_on() -> None:
    """A delete that one site remembers would be carried out at the others, and remembered there."""
    world = replicated(BOTH)
    world.pass_time(60)
    world.delete("b", "x")
    Tombstones(world.records["b"]).bury("x", Tombstone(world.now, "b"), lambda tombstone: tombstone.time)
    (rule,) = explain(world).rules

    assert {(each.target, each.action) for each in rule.advice} == {
        ("a", "remove"),
        ("c", "remove"),
        ("a", "remember"),
        ("c", "remember"),
        ("b", "nothing"),
    }


def test_the_gate_among_several_sites() -> None:
    """The gate is asked about each way by itself."""
    world = World(BOTH | {"classification": "personal"})
    world.write("a", "x", b"weights")

    assert actions(world) == {"a": "nothing", "b": "copy", "c": "refuse"}


INDEX = json.dumps({"weight_map": {"one": "m-00001-of-00002.safetensors", "two": "m-00002-of-00002.safetensors"}})
CLOSING = "m.safetensors.index.json"


def test_a_set_that_is_not_whole() -> None:
    """A closing key whose members are missing is held back, and the missing ones are named."""
    world = World(ONE_WAY)
    world.write("a", CLOSING, INDEX.encode())
    world.write("a", "m-00001-of-00002.safetensors", b"1")

    (said,) = explain(world, CLOSING).rules[0].sets
    assert said.startswith("it closes an artifact set (safetensors) and is held back: 1 of the 2 members")
    assert "m-00002-of-00002.safetensors" in said


def test_a_set_that_is_whole() -> None:
    """A closing key whose members are all there goes after them; a member says which key closes its set."""
    world = World(ONE_WAY)
    world.write("a", CLOSING, INDEX.encode())
    for number in "12":
        world.write("a", f"m-0000{number}-of-00002.safetensors", b"1")

    assert explain(world, CLOSING).rules[0].sets == (
        "it closes an artifact set (safetensors) of 2 members, all of which a has; they go first",
    )
    assert explain(world, "m-00001-of-00002.safetensors").rules[0].sets == (
        f"it belongs to the set that {CLOSING!r} closes, and that appears after it",
    )


def test_what_only_looks_like_a_set() -> None:
    """A file that has a closing key's name and lists nothing is like any other."""
    world = World(ONE_WAY)
    world.write("a", CLOSING, b"no JSON")

    assert "it is copied like any other" in explain(world, CLOSING).rules[0].sets[0]


VERDICTS: dict[Verdict, Action] = {
    Verdict.COPIED: "copy",
    Verdict.REMOVED: "remove",
    Verdict.IN_SYNC: "nothing",
    Verdict.ABSENT: "nothing",
    Verdict.CONFLICT: "nothing",
    Verdict.KEPT: "nothing",
    Verdict.REPLICA: "nothing",
    Verdict.REFUSED: "refuse",
    Verdict.FAILED: "fail",
    Verdict.HELD: "hold",
}
deeds = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["write", "delete", "tell"]), st.binary(max_size=2)), max_size=5
)


@settings(max_examples=200)
@given(
    deeds,
    st.sampled_from(["keep", "overwrite", "fail"]),
    st.sampled_from(["keep", "propagate"]),
    st.sampled_from(["public", "personal"]),
)
def test_what_is_said_is_what_is_done(
    deeds: list[tuple[str, str, bytes]], conflict: str, deletes: str, data: str
) -> None:
    """Whatever was done before, the next look at the key does what was explained."""
    world = World(ONE_WAY | {"conflict": conflict, "deletes": deletes, "classification": data})
    for site, deed, body in deeds:
        world.pass_time()
        if deed == "write":
            world.write(site, "x", body, Metadata(user={"n": body.hex()}))
        elif deed == "delete":
            world.delete(site, "x")
        else:
            world.replicator.replicate(world.announce("a", "x", Change.NOTHING))
    said = actions(world)
    change = Change.NOTHING if world.memory["a"].head("x") else Change.DELETED
    outcomes = world.replicator.replicate(world.announce("a", "x", change))

    assert {each.route.target: VERDICTS[each.verdict] for each in outcomes} == said


@settings(max_examples=300)
@given(
    deeds,
    st.sampled_from(["newest_wins", "source_wins", "keep_both"]),
    st.sampled_from(["keep", "propagate"]),
    st.sampled_from("abc"),
)
def test_what_is_said_of_several_sites_is_what_is_done(
    deeds: list[tuple[str, str, bytes]], conflict: str, deletes: str, told: str
) -> None:
    """Whatever was done before, the next look changes something exactly if that was explained, and begins with that."""
    world = World(BOTH | {"conflict": conflict, "deletes": deletes})
    for site, deed, body in deeds:
        world.pass_time()
        if deed == "write":
            world.write(site, "x", body)
        elif deed == "delete":
            world.replicator.replicate(replace(world.delete(site, "x"), time=world.now))
        else:
            world.replicator.replicate(world.announce(site, "x", Change.NOTHING))
    said = advice(world, site=told)
    before = contents(world)
    world.replicator.replicate(world.announce(told, "x", Change.NOTHING))
    after = contents(world)

    doing = {target for target, each in said.items() if each.action in ("copy", "remove", "remember")}
    assert (before != after) is bool(doing)
    assert {site for site in "abc" if before[site] != after[site]} >= doing


def contents(world: World) -> dict[str, object]:
    """Return what each site holds and remembers."""
    return {site: (world.memory[site].head("x"), Tombstones(world.records[site]).read("x").tombstone) for site in "abc"}


def test_a_site_that_cannot_be_understood_hides_no_other() -> None:
    """An object whose metadata is of a newer tradewind fails at its own target, and the other is explained."""
    world = World(ONE_WAY)
    world.write("a", "x", b"weights")
    newer = json.dumps({"v": 99, "origin": "a", "version": "x", "key": fingerprint("x")})
    world.write("b", "x", b"weights", Metadata(user={PROVENANCE_KEY: newer}))

    assert actions(world) == {"b": "fail", "c": "copy"}
