"""What a versioned rule does: it overwrites nothing, and reads back what it wrote."""

from __future__ import annotations

import pytest

from rigs.sweeps import Sweeps
from rigs.world import World
from tradewind.checksums import crc32c
from tradewind.errors import ConflictError, IntegrityError
from tradewind.ports import Change, Metadata
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.seeing.compare import Finding

ONE_WAY: dict[str, object] = {"name": "rule", "to": ["b"], "kind": "model_artifacts", "deletes": "propagate"}
AMONG: dict[str, object] = {
    "name": "rule",
    "mode": "active_active",
    "sites": ["a", "b"],
    "kind": "model_artifacts",
    "deletes": "propagate",
}
KEY = "models/v42/weights.bin"


@pytest.fixture
def world() -> World:
    """A world in which a model is at both sites."""
    world = World(ONE_WAY)
    assert [each.verdict for each in world.replicator.replicate(world.write("a", KEY, b"first"))] == [Verdict.COPIED]
    world.pass_time()
    return world


def again(world: World, body: bytes, site: str = "a") -> Outcome:
    """Write the key again, and return what becomes of it."""
    (outcome,) = world.replicator.replicate(world.write(site, KEY, body))
    return outcome


@pytest.mark.parametrize("body", [b"other", b"longer than it"])
def test_another_version_is_refused(world: World, body: bytes) -> None:
    """What is at a target stays, and the event fails for good with advice to publish under a new key."""
    outcome = again(world, body)

    assert isinstance(outcome.error, ConflictError)
    assert "new key" in outcome.reason
    assert world.body("b", KEY) == b"first"


def test_an_unchanged_duplicate_is_in_sync(world: World) -> None:
    """The same bytes written again are no other version."""
    assert again(world, b"first").verdict is Verdict.IN_SYNC


def test_what_somebody_else_wrote_is_not_overwritten_either() -> None:
    """A rule that overwrites conflicts and is versioned overwrites nothing."""
    world = World({**ONE_WAY, "conflict": "overwrite"})
    world.write("b", KEY, b"theirs")

    assert isinstance(again(world, b"mine").error, ConflictError)
    assert world.body("b", KEY) == b"theirs"


def test_after_a_delete_the_key_is_free(world: World) -> None:
    """Deletes behave as the rule says, and what is published afterwards is new."""
    assert [each.verdict for each in world.replicator.replicate(world.delete("a", KEY))] == [Verdict.REMOVED]
    world.pass_time()

    assert again(world, b"second").verdict is Verdict.COPIED
    assert world.body("b", KEY) == b"second"


def test_a_replica_is_read_back(world: World) -> None:
    """A replica counts only once its bytes were read where they are."""
    world.stores["b"].calls.clear()
    world.replicator.replicate(world.write("a", "models/v43/weights.bin", b"third"))

    assert world.stores["b"].calls == ["put", "get"]


def test_a_replica_with_other_bytes_is_removed() -> None:
    """A store that gives back other bytes than it took is not believed: the replica goes, and the write is repeated."""
    world = World(ONE_WAY)

    def damage(call: str) -> None:
        if call == "put":
            world.damage_on_the_way("b", KEY, b"wrong")

    world.stores["b"].after = damage
    outcome = again(world, b"first")
    assert isinstance(outcome.error, IntegrityError)
    assert world.body("b", KEY) is None

    world.stores["b"].after = lambda _: None
    (outcome,) = world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN), attempt=2)
    assert outcome.verdict is Verdict.COPIED
    assert world.body("b", KEY) == b"first"


def test_a_replica_that_is_deleted_while_it_is_read_back_is_written_again() -> None:
    """Who deletes in between is answered like any other change: look again."""
    world = World(ONE_WAY)

    def lose(call: str) -> None:
        if call == "put":
            world.stores["b"].after = lambda _: None
            world.delete("b", KEY)

    world.stores["b"].after = lose

    assert again(world, b"first").verdict is Verdict.COPIED
    assert world.body("b", KEY) == b"first"


def test_two_sites_that_publish_one_key_both_fail() -> None:
    """Of two different objects under one key neither is overwritten, and each event fails."""
    world = World(AMONG)
    events = [world.write("a", KEY, b"one")]
    world.pass_time()
    events.append(world.write("b", KEY, b"two"))

    for event in events:
        outcomes = world.replicator.replicate(event)
        assert any(isinstance(outcome.error, ConflictError) for outcome in outcomes)
    assert (world.body("a", KEY), world.body("b", KEY)) == (b"one", b"two")


def test_two_sites_that_publish_the_same_bytes_agree() -> None:
    """The same object published at both sites is in sync."""
    world = World(AMONG)
    world.write("a", KEY, b"one")
    world.pass_time()

    assert again(world, b"one", "b").verdict is Verdict.IN_SYNC


def test_a_new_version_between_sites_is_refused_and_its_delete_is_not() -> None:
    """Among several sites, too, a replica is not overwritten and can be deleted."""
    world = World(AMONG)
    again(world, b"one")
    world.pass_time()
    assert isinstance(again(world, b"two").error, ConflictError)
    assert world.body("b", KEY) == b"one"
    world.pass_time()

    world.replicator.replicate(world.delete("a", KEY))

    assert world.body("b", KEY) is None


def test_a_sweep_reports_what_it_may_not_mend(world: World) -> None:
    """Another version is told as a conflict and not asked for, since looking again would only fail again."""
    world.write("a", KEY, b"other")
    sweeps = Sweeps(world)

    step = sweeps.step()

    assert step.completed is not None
    assert step.completed.tally.targets["b"].findings == {Finding.CONFLICT: 1}
    assert sweeps.asked() == {}


def test_a_change_of_metadata_alone_is_not_brought(world: World) -> None:
    """What was published stays as it was published."""
    state = world.memory["a"].head(KEY)
    assert state is not None
    world.memory["a"].put(
        KEY, b"first", metadata=Metadata(content_type="x/y"), crc32c=crc32c(b"first"), md5=None, expect=state.token
    )

    (outcome,) = world.replicator.replicate(world.announce("a", KEY, Change.METADATA))

    assert outcome.verdict is Verdict.IN_SYNC
