"""A set stays at its target while it is not known that all of its next version can come."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from rigs.sets import SetWorld, Worker
from rigs.world import PLAIN, World
from tradewind.clouds.memory.store import METADATA_BYTES
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import (
    ConflictError,
    ObjectTooLargeError,
    PermanentError,
    SetError,
    StoreUnavailableError,
    TradewindError,
    UnportableError,
)
from tradewind.fleet import Rule
from tradewind.ports import Change, Metadata, Notification, PartLimits
from tradewind.replication.agreeing.tombstones import Tombstone, Tombstones
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.sets import SetKeeper

INDEX = "m/model.safetensors.index.json"
SHARDS = [f"m/model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
NEW = "m/new.safetensors"
PAUSE = 700
ONE_WAY: dict[str, object] = {"name": "one", "to": ["b"]}
ACTIVE: dict[str, object] = {"name": "both", "sites": ["a", "b"], "deletes": "propagate"}


def index(version: str, shards: Sequence[str] = SHARDS) -> bytes:
    """Return an index that bears its version."""
    names = {f"layer{n}": key.removeprefix("m/") for n, key in enumerate(shards)}
    return json.dumps({"metadata": {"mark": version}, "weight_map": names}).encode()


def upload(
    world: World, version: str, keys: Sequence[str] = SHARDS, *, last: Metadata = PLAIN, size: int = 1
) -> list[TradewindError]:
    """Write a version, of which the last shard may be special, deliver what is announced of it; return what failed."""
    announced = []
    for key in keys:
        world.pass_time()
        special = key == keys[-1]
        body = version.encode() * (size if special else 1)
        announced.append(world.write("a", key, body, last if special else PLAIN))
    world.pass_time()
    announced.append(world.write("a", INDEX, index(version, keys)))
    return [error for each in announced for error in deliver(world, each)]


def deliver(world: World, notification: Notification, *, attempt: int = 1) -> list[TradewindError]:
    """Deliver a notification; return what failed."""
    try:
        outcomes = world.replicator.replicate(notification, attempt=attempt)
    except TradewindError as error:
        return [error]
    return [outcome.error for outcome in outcomes if outcome.error is not None]


def published(rule: dict[str, object], parts: PartSizes | None = None) -> World:
    """Return a world in which the first version is at the target, and some time has gone by."""
    world = World(rule, parts=parts)
    upload(world, "v1")
    world.pass_time(PAUSE)
    return world


def shows(world: World, version: str, *, but: Sequence[str] = ()) -> bool:
    """Say whether the target shows the whole of one version, apart from what a user wrote there."""
    shards = [key for key in SHARDS if key not in but]
    return world.body("b", INDEX) == index(version) and {world.body("b", key) for key in shards} == {version.encode()}


@pytest.mark.parametrize("rule", [ONE_WAY, ACTIVE], ids=["one way", "active active"])
def test_a_version_with_a_member_that_is_too_large_leaves_the_old_one(
    rule: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever object is delivered, it fails for good and names the member; the old set stays."""
    world = published(rule, PartSizes(above=1000, part=500))
    monkeypatch.setattr(MemoryUploads, "limits", PartLimits(parts=2, smallest=1, largest=500, whole=1000))

    errors = upload(world, "v2", size=1000)

    assert len(errors) == len(SHARDS) + 1
    assert all(isinstance(error, ObjectTooLargeError) and SHARDS[2] in str(error) for error in errors)
    assert shows(world, "v1")


@pytest.mark.parametrize("rule", [ONE_WAY, ACTIVE], ids=["one way", "active active"])
def test_metadata_is_measured_with_the_provenance_that_it_will_bear(rule: dict[str, object]) -> None:
    """To the byte: either the new version comes, or it is refused before the old one is withdrawn."""
    came: set[bool] = set()
    for room in range(120, 240):
        world = published(rule)

        errors = upload(world, "v2", last=Metadata(user={"note": "x" * (METADATA_BYTES - room)}))

        assert all(isinstance(error, UnportableError) for error in errors)
        assert shows(world, "v1" if errors else "v2")
        came.add(not errors)
    assert came == {True, False}


def test_a_version_with_a_key_that_the_target_cannot_hold_leaves_the_old_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """The names of all members are looked at, too."""
    world = published(ONE_WAY)

    def refuse(key: str) -> None:
        if key == NEW:
            raise UnportableError(f"The key {key!r} ends in a way that b cannot hold")

    monkeypatch.setattr(world.memory["b"], "check_key", refuse)
    errors = upload(world, "v2", [*SHARDS[:2], NEW])

    assert any(isinstance(error, UnportableError) and NEW in str(error) for error in errors)
    assert shows(world, "v1")


@pytest.mark.parametrize("rule", [{**ONE_WAY, "to": ["c"]}, {**ACTIVE, "sites": ["a", "c"]}], ids=["one way", "active"])
def test_a_version_with_a_member_that_the_gate_refuses_leaves_the_old_one(rule: dict[str, object]) -> None:
    """A member that may not be at the target is an error for good of the set's closing key."""
    personal: dict[str, object] = {"name": "people", "to": ["b"], "prefix": NEW, "classification": "personal"}
    world = World(rule, personal)
    upload(world, "v1")
    world.pass_time(PAUSE)

    errors = upload(world, "v2", [*SHARDS[:2], NEW])

    assert errors
    assert all(type(error) is PermanentError and NEW in str(error) for error in errors)
    assert "'personal' data may not be in CH" in str(errors[0])
    assert world.body("c", INDEX) == index("v1")
    assert {world.body("c", key) for key in SHARDS} == {b"v1"}


@pytest.mark.parametrize("policy", ["keep", "fail"])
def test_a_version_with_a_member_that_a_user_wrote_over_at_the_target_leaves_the_old_one(policy: str) -> None:
    """The user's object stays, and what else the target shows is not given up for half a set."""
    world = published(ONE_WAY | {"conflict": policy})
    world.write("b", SHARDS[1], b"a user's")

    errors = upload(world, "v2")

    assert errors
    assert all(isinstance(error, ConflictError) and SHARDS[1] in str(error) for error in errors)
    assert shows(world, "v1", but=[SHARDS[1]])
    assert world.body("b", SHARDS[1]) == b"a user's"


def test_a_version_that_can_come_replaces_the_old_one_after_what_was_in_its_way() -> None:
    """Once the user's object is gone, the next delivery swaps the sets."""
    world = published(ONE_WAY)
    world.write("b", SHARDS[1], b"a user's")
    upload(world, "v2")
    world.delete("b", SHARDS[1])

    assert deliver(world, world.announce("a", INDEX, Change.NOTHING), attempt=2) == []

    assert shows(world, "v2")


def test_a_member_that_is_to_be_deleted_leaves_the_old_set_until_it_is() -> None:
    """Among equal sites a delete that came later than a member's new version is in the way of the swap."""
    world = published(ACTIVE)
    for key in SHARDS:
        world.pass_time()
        world.write("a", key, b"v2")
    world.pass_time()
    closing = world.write("a", INDEX, index("v2"))
    world.pass_time()
    Tombstones(world.records["b"]).bury(SHARDS[1], Tombstone(world.now, "b"), lambda tombstone: tombstone.time)

    errors = deliver(world, closing)

    assert [type(error) for error in errors] == [SetError]
    assert f"{SHARDS[1]!r} is to be removed at" in str(errors[0])
    assert shows(world, "v1")


def test_a_store_that_cannot_be_asked_leaves_the_old_set() -> None:
    """The message comes back, and nothing was withdrawn for it."""
    world = published(ONE_WAY)
    for key in SHARDS:
        world.pass_time()
        world.write("a", key, b"v2")
    world.pass_time()
    closing = world.write("a", INDEX, index("v2"))
    calls: list[str] = []

    def fail(call: str) -> None:
        if call == "head":
            calls.append(call)
        if len(calls) > len(SHARDS):
            raise StoreUnavailableError("throttled")

    world.stores["b"].before = fail
    errors = deliver(world, closing)

    assert [type(error) for error in errors] == [StoreUnavailableError]
    assert shows(world, "v1")


def test_new_members_come_before_the_old_set_goes() -> None:
    """Only what is written over waits for the closing key to be withdrawn."""
    world, worker = _set_world()
    there: list[bytes | None] = []
    world.stores["b"].before = lambda call: there.append(world.body(NEW)) if call == "delete" else None

    worker.copy(INDEX)

    assert there == [b"v2"]
    assert world.body(INDEX) == index("v2", [*SHARDS, NEW])


def test_a_source_that_changes_while_new_members_come_is_looked_at_again_first() -> None:
    """The old set is not given up for a version that is no longer at the source."""
    world, worker = _set_world()
    shown: list[bytes | None] = []

    def meddle(call: str) -> None:
        if call == "put" and not shown:
            shown.append(b"")
            world.write(SHARDS[0], b"v3")
            world.stores["b"].after = lambda _: shown.append(world.body(INDEX))

    world.stores["b"].before = meddle
    with pytest.raises(SetError, match="being written over"):
        worker.copy(INDEX)

    assert set(shown[1:]) == {index("v1")}


def test_the_members_of_a_set_within_the_set_are_asked_for_too() -> None:
    """A manifest that names an index is not withdrawn for a version whose index can never follow."""
    world = SetWorld(manifests=[{"closing": "**/outer.json"}])
    worker = Worker(world)
    inner = "m/new.safetensors.index.json"
    world.write(SHARDS[0], b"v1")
    world.write("m/outer.json", b'["model-00001-of-00003.safetensors"]')
    worker.copy("m/outer.json")
    world.pass_time(PAUSE)
    world.write(SHARDS[0], b"v2")
    world.write(NEW, b"v2")
    world.write(inner, index("v2", [NEW]))
    world.write("m/outer.json", b'["model-00001-of-00003.safetensors", "new.safetensors.index.json"]')
    worker.keeper = _asking(worker, lambda key: key != NEW)

    with pytest.raises(PermanentError, match=NEW):
        worker.copy("m/outer.json")

    assert world.withdrawn == []
    assert world.keys() == [SHARDS[0], "m/outer.json"]


def _set_world() -> tuple[SetWorld, Worker]:
    """Return a world whose target shows the first version, and whose source holds one with a member more."""
    world = SetWorld()
    worker = Worker(world)
    for key in SHARDS:
        world.write(key, b"v1")
    world.write(INDEX, index("v1"))
    worker.copy(INDEX)
    world.pass_time(PAUSE)
    for key in (*SHARDS, NEW):
        world.write(key, b"v2")
    world.write(INDEX, index("v2", [*SHARDS, NEW]))
    return world, worker


def _asking(worker: Worker, may: Callable[[str], bool]) -> SetKeeper:
    """Return the worker's keeper, with some keys that may not come."""

    def may_come(_rule: Rule, key: str, _source: str, _target: str) -> None:
        if not may(key):
            raise PermanentError(f"{key!r} may not come")

    return replace(worker.keeper, may_come=may_come)
