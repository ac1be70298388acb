"""The work on one key among the sites of an `active_active` rule."""

from dataclasses import replace
from typing import Any

import pytest

from rigs.world import World
from tradewind.errors import ObjectTooLargeError, PreconditionFailedError, StoreUnavailableError, TransientError
from tradewind.fleet import GcpSite
from tradewind.ports import Change, Metadata
from tradewind.replication.agreeing.aside import original_key
from tradewind.replication.agreeing.tombstones import Tombstones
from tradewind.replication.decide import Verdict

KEY = "models/x"
SITE: dict[str, Any] = {"region": "r", "jurisdiction": "EU", "control_bucket": "control"}


def world_of(**fields: object) -> World:
    """Return three sites that replicate each other, deletes too."""
    return World({"name": "both", "sites": ["a", "b", "c"], "deletes": "propagate", **fields})


def bodies(world: World, key: str = KEY) -> list[bytes | None]:
    """Return what each site holds."""
    return [world.body(site, key) for site in "abc"]


def test_a_new_key_costs_one_read_one_write_each_and_one_look() -> None:
    """1 GET, 1 PUT for each target and 1 HEAD at the stores; a look into each site's memory comes with deletes."""
    world = world_of()

    world.replicator.replicate(world.write("a", KEY, b"x"))

    assert world.stores["a"].calls == ["get", "head"]
    assert world.stores["b"].calls == world.stores["c"].calls == ["put"]


def test_an_event_of_our_own_replica_costs_one_read() -> None:
    """What tradewind wrote announces itself, too, and is recognised by its provenance."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    for store in world.stores.values():
        store.calls.clear()

    outcomes = world.replicator.replicate(world.announce("b", KEY, Change.WRITTEN))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.REPLICA}
    assert world.stores["b"].calls == ["get"]
    assert not world.stores["a"].calls + world.stores["c"].calls


def test_a_late_create_does_not_resurrect_what_was_deleted_since() -> None:
    """The tombstone outlives the object: an older write that shows up afterwards goes, at its own site too."""
    world = world_of()
    late = world.write("b", KEY, b"older")
    world.pass_time(5)
    world.write("a", KEY, b"newer")
    world.replicator.replicate(world.delete("a", KEY))

    world.replicator.replicate(late)

    assert bodies(world) == [None, None, None]


def test_a_delete_of_a_replica_is_a_user_s_delete() -> None:
    """In `active_active` every site may delete, wherever the object was written."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    world.pass_time(5)

    world.replicator.replicate(world.delete("c", KEY))

    assert bodies(world) == [None, None, None]


def test_our_own_delete_is_not_a_user_s() -> None:
    """Who acted is in the event: with our own name on it, it buries nothing, and the replica comes back."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    world.fleet.sites["b"] = world.fleet.sites["b"].model_copy(update={"principals": ("AROAUS",)})
    deleted = replace(world.delete("b", KEY), actor="AWS:AROAUS:replicate")

    world.replicator.replicate(deleted)

    assert bodies(world) == [b"x", b"x", b"x"]


def test_a_delete_by_nobody_knows_whom_buries_nothing() -> None:
    """An event that names no actor may be of our own delete: the replica comes back rather than that data is lost."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))

    world.replicator.replicate(replace(world.delete("b", KEY), actor=""))

    assert bodies(world) == [b"x", b"x", b"x"]


def test_tags_that_a_target_has_no_place_for_are_named() -> None:
    """What does not survive is in the verdict, and what does survives."""
    world = world_of()
    world.memory["b"].keeps_tags = False

    outcomes = world.replicator.replicate(world.write("a", KEY, b"x", Metadata(tags={"team": "vision"})))

    reasons = {outcome.route.target: outcome.reason for outcome in outcomes}
    assert reasons == {"b": "written; its tags stay behind, since the target's store has none: team", "c": "written"}


CHAIN: tuple[dict[str, object], ...] = (
    {"name": "in", "to": ["b"], "deletes": "propagate"},
    {"name": "both", "sites": ["b", "c"], "deletes": "propagate"},
)


@pytest.mark.parametrize("attempt", [1, 2])
def test_what_another_rule_brought_is_not_sent_on(attempt: int) -> None:
    """A replica that comes into a site of the rule from outside neither wins nor loses there, whoever looks."""
    world = World(*CHAIN)
    world.replicator.replicate(world.write("a", KEY, b"x"))

    outcomes = world.replicator.replicate(world.announce("b", KEY, Change.WRITTEN), attempt=attempt)
    world.replicator.replicate(world.announce("c", KEY, Change.NOTHING))

    assert {outcome.verdict for outcome in outcomes} == {Verdict.REPLICA}
    assert bodies(world) == [b"x", b"x", None]
    world.replicator.replicate(world.delete("a", KEY))
    assert bodies(world) == [None, None, None]


def test_where_events_name_only_the_version_our_removals_are_on_record() -> None:
    """Cloud Storage's events name the generation that went: what tradewind was about to remove is no user's delete."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    token = _token(world, "b")
    Tombstones(world.records["b"]).conclude_removal(KEY, token, 1, done=True)
    world.fleet.sites["b"] = GcpSite(cloud="gcp", project="p", bucket="bucket-b", **SITE)

    world.replicator.replicate(replace(world.delete("b", KEY), version=token))

    assert bodies(world) == [b"x", b"x", b"x"]


def test_whose_delete_it_was_is_not_guessed_while_one_of_ours_is_under_way() -> None:
    """The event waits until the removal that was announced is done, was given up, or must have died."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    token = _token(world, "b")
    tombstones = Tombstones(world.records["b"])
    number = tombstones.announce_removal(KEY, token, world.now)
    world.fleet.sites["b"] = GcpSite(cloud="gcp", project="p", bucket="bucket-b", **SITE)
    world.pass_time(5)
    event = replace(world.delete("b", KEY), version=token)

    with pytest.raises(TransientError, match="just being removed"):
        world.replicator.replicate(event)
    tombstones.conclude_removal(KEY, token, number, done=False)
    world.replicator.replicate(event)

    assert bodies(world) == [None, None, None]


def test_a_removal_whose_answer_was_lost_stays_ours() -> None:
    """It may have counted: the delete that the store announces is not taken for a user's, who has written since."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    token = _token(world, "b")
    world.fleet.sites["b"] = GcpSite(cloud="gcp", project="p", bucket="bucket-b", **SITE)
    world.pass_time(5)

    def lose(call: str) -> None:
        if call == "delete":
            raise StoreUnavailableError("no answer came")

    world.stores["b"].after = lose
    outcomes = world.replicator.replicate(world.delete("a", KEY))
    world.stores["b"].after = lambda _: None

    memory = Tombstones(world.records["b"]).read(KEY)
    assert {o.verdict for o in outcomes if o.route.target == "b"} == {Verdict.FAILED}
    assert [each.token for each in memory.announced] == [token]
    assert bodies(world) == [None, None, None]
    with pytest.raises(PreconditionFailedError, match="gone"):  # whoever comes second speaks for himself only
        world.replicator.at.delete("b", KEY, token)
    assert Tombstones(world.records["b"]).read(KEY).announced == memory.announced

    world.pass_time(5)
    world.replicator.replicate(world.write("a", KEY, b"back"))
    gone = replace(world.announce("b", KEY, Change.DELETED), version=token, actor="")
    world.pass_time(3600)
    world.replicator.replicate(replace(gone, time=world.now))

    assert bodies(world) == [b"back", b"back", b"back"]
    assert Tombstones(world.records["b"]).read(KEY).tombstone == memory.tombstone


def test_an_origin_is_looked_at_again_before_its_replica_goes() -> None:
    """Reading is not atomic: an object that came back in between keeps its replicas."""
    world = world_of()
    world.replicator.replicate(world.write("a", KEY, b"x"))
    state = world.memory["a"].head(KEY)
    assert state is not None
    world.memory["a"].delete(KEY, expect=state.token)
    looks = iter([None])

    def come_back(call: str) -> None:
        if call == "head" and next(looks, "over") is None:
            return
        if call == "head" and world.memory["a"].head(KEY) is None:
            world.write("a", KEY, b"back")

    world.stores["a"].before = come_back
    world.replicator.replicate(world.announce("b", KEY, Change.NOTHING))

    assert "delete" not in world.stores["b"].calls
    assert bodies(world) == [b"back", b"back", b"back"]


def test_a_site_that_does_not_answer_keeps_nobody_else_waiting() -> None:
    """The others agree, and the message comes back for the one that failed."""
    world = world_of()

    def fail(_: str) -> None:
        raise StoreUnavailableError("b is away")

    world.stores["b"].before = fail
    outcomes = world.replicator.replicate(world.write("a", KEY, b"x"))

    assert {(o.route.target, o.verdict) for o in outcomes} == {("b", Verdict.FAILED), ("c", Verdict.COPIED)}


def test_what_is_too_large_is_an_outcome_at_every_site(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that cannot be read is every target's failure, and is in the audit log."""
    monkeypatch.setattr("tradewind.replication.transfer.MAX_OBJECT", 3)
    world = world_of()

    outcomes = world.replicator.replicate(world.write("a", KEY, b"large"))

    assert {(o.route.target, type(o.error)) for o in outcomes} == {
        ("b", ObjectTooLargeError),
        ("c", ObjectTooLargeError),
    }
    assert len(world.audit.records) == 2


def test_both_are_kept() -> None:
    """With `keep_both` the loser is a user's object under a key that says where and when it was written."""
    world = world_of(conflict="keep_both")
    world.write("a", KEY, b"older")
    world.pass_time(5)

    world.replicator.replicate(world.write("b", KEY, b"newer"))
    kept = [each.key for each in world.memory["a"].list().objects if each.key != KEY]
    world.replicator.replicate(world.announce("a", kept[0], Change.WRITTEN))

    assert bodies(world) == [b"newer"] * 3
    assert kept[0].startswith(f"{KEY}.conflict-a-20260101T000000Z-")
    assert original_key(kept[0]) == KEY
    assert bodies(world, kept[0]) == [b"older"] * 3


def test_the_source_wins_over_a_newer_write() -> None:
    """With `source_wins` what the first site holds comes back where somebody overwrote it."""
    world = world_of(conflict="source_wins")
    world.replicator.replicate(world.write("a", KEY, b"source"))
    world.pass_time(5)

    world.replicator.replicate(world.write("b", KEY, b"newer"))

    assert bodies(world) == [b"source"] * 3


def test_a_key_that_another_site_cannot_hold_fails_there_alone() -> None:
    """Each target answers for itself."""
    world = world_of()
    key = "k" * 1024
    world.memory["b"].check_key = _refuse  # type: ignore[method-assign]  # as a stricter cloud would

    outcomes = world.replicator.replicate(world.write("a", key, b"x"))

    assert {(o.route.target, o.verdict) for o in outcomes} == {("b", Verdict.FAILED), ("c", Verdict.COPIED)}


def _refuse(key: str) -> None:
    raise StoreUnavailableError(f"cannot hold {key[:3]!r}")


def _token(world: World, site: str) -> str:
    state = world.memory[site].head(KEY)
    assert state is not None
    return state.token
