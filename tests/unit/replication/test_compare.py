"""How one key stands at all the sites of a rule."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rigs.world import World
from tradewind.compliance import JurisdictionGate
from tradewind.fleet import Classification
from tradewind.ports import Checksums, Metadata
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.sweeping.examining import Examination, Examiner

ONE_WAY: dict[str, object] = {"name": "one", "to": ["b", "c"], "deletes": "propagate"}
BOTH: dict[str, object] = {"name": "both", "sites": ["a", "b", "c"]}
KEY = "m/x"


def look(world: World) -> Examination:
    """Look at the key everywhere."""
    return Examiner(world.fleet, world.fleet.rules[0], world.stores.__getitem__, world.gate).look(KEY)


def found(world: World) -> dict[str, Finding]:
    """Return what is found at each site."""
    return {site: judged.finding for site, judged in look(world).judgements.items()}


def alter(world: World, site: str, **changes: object) -> None:
    """Change what a store says of the key, as no write does."""
    objects = world.memory[site]._objects
    objects[KEY] = replace(objects[KEY], state=replace(objects[KEY].state, **changes))  # type: ignore[arg-type]


def replicated(rule: dict[str, object], metadata: Metadata | None = None) -> World:
    """Return a world in which the key, of `a`, is everywhere."""
    world = World(rule)
    world.replicator.replicate(world.write("a", KEY, b"weights", metadata or Metadata()))
    return world


@pytest.mark.parametrize("winner", ["a", "b", "c"])
def test_the_latest_write_counts_at_every_site(winner: str) -> None:
    """Whichever site wrote last, it is the others that lack what it has."""
    world = World(BOTH)
    for site in sorted("abc", key=lambda each: each == winner):
        world.pass_time()
        world.write(site, KEY, site.encode())

    assert found(world) == {site: Finding.CONFLICT for site in "abc" if site != winner}
    assert {judged.origin for judged in look(world).judgements.values()} == {winner}


def test_writes_of_one_moment_are_ranked_by_the_rule() -> None:
    """Where two writes bear the same time, the later site of the rule counts, as it does for whoever resolves it."""
    world = World(BOTH)
    world.write("b", KEY, b"b")
    world.write("a", KEY, b"a")

    assert found(world) == {"a": Finding.CONFLICT, "c": Finding.MISSING}


def test_the_source_counts_where_it_wins() -> None:
    """With `source_wins` the first site's object counts, however old."""
    world = World(BOTH | {"conflict": "source_wins"})
    world.write("a", KEY, b"old")
    world.pass_time()
    world.write("b", KEY, b"new")

    assert found(world) == {"b": Finding.CONFLICT, "c": Finding.MISSING}


@pytest.mark.parametrize("policy", ["newest_wins", "source_wins", "keep_both"])
def test_what_the_finding_says_is_repairable_is_repaired(policy: str) -> None:
    """Under every policy, looking at the key at the first site ends with nothing to be found."""
    world = World(BOTH | {"conflict": policy})
    for site in "cab":
        world.pass_time()
        world.write(site, KEY, site.encode())
    assert all(judged.repairable for judged in look(world).judgements.values())

    world.replicator.replicate(world.announce("a", KEY, world.write("a", "other", b"").change), attempt=2)

    assert set(found(world).values()) == {Finding.MATCH}


@pytest.mark.parametrize(("deletes", "expected"), [("propagate", Finding.EXTRA), ("keep", None)])
def test_a_replica_whose_origin_lacks_it(deletes: str, expected: Finding | None) -> None:
    """Where deletes propagate it is extra at every site that has it; where they are kept, nothing is to be said."""
    world = replicated(BOTH | {"deletes": deletes})
    world.delete("a", KEY)

    assert found(world) == ({"b": expected, "c": expected} if expected else {})


def test_another_object_takes_the_place_of_what_its_origin_lacks() -> None:
    """A user's object at one site counts where the origin of the others' replicas holds nothing any more."""
    world = replicated(BOTH | {"deletes": "propagate"})
    world.delete("a", KEY)
    world.pass_time()
    world.write("b", KEY, b"mine")

    assert found(world) == {"a": Finding.MISSING, "c": Finding.STALE}


def test_what_a_replica_lost_of_its_metadata_is_told_and_left() -> None:
    """Metadata that was changed at a replica is found; nothing says which of the two is meant."""
    world = replicated(ONE_WAY, Metadata(user={"stage": "production"}))
    state = world.memory["b"].head(KEY)
    assert state is not None
    alter(world, "b", metadata=replace(state.metadata, user={**state.metadata.user, "stage": "staging"}))

    judged = look(world).judgements["b"]

    assert (judged.finding, judged.repairable) == (Finding.METADATA, False)


def test_a_content_type_that_the_store_made_up_is_no_difference() -> None:
    """S3 and Azure give an object a content type where it had none."""
    world = replicated(ONE_WAY)
    state = world.memory["b"].head(KEY)
    assert state is not None
    alter(world, "b", metadata=replace(state.metadata, content_type="binary/octet-stream"))

    assert found(world)["b"] is Finding.MATCH


def test_an_origin_without_a_checksum_proves_nothing() -> None:
    """A replica of what its store kept no checksum of is current, and unproven."""
    world = replicated(ONE_WAY)
    alter(world, "a", checksums=Checksums())

    assert found(world) == {"b": Finding.UNPROVEN, "c": Finding.UNPROVEN}


def test_an_origin_that_keeps_another_checksum_is_a_contradiction() -> None:
    """Where origin and replica are of one version and not of one checksum, one of them is corrupt."""
    world = replicated(ONE_WAY)
    alter(world, "a", checksums=Checksums(crc32c=1))

    assert found(world) == {"b": Finding.CORRUPT, "c": Finding.CORRUPT}


def test_what_the_gate_refuses() -> None:
    """A site that may not have the key lacks nothing; a replica that is there all the same is for a person to judge."""
    world = replicated(ONE_WAY)
    state = world.memory["c"].head(KEY)
    assert state is not None
    world.memory["c"].delete(KEY, expect=state.token)
    world.gate = JurisdictionGate({"public": Classification(jurisdictions=("US",))})

    assert found(world) == {"b": Finding.FORBIDDEN, "c": Finding.REFUSED}
    assert not any(judged.repairable for judged in look(world).judgements.values())


def test_a_replica_at_its_own_origin_is_the_users_object() -> None:
    """Who copies a replica back to where it came from has written there."""
    world = replicated(ONE_WAY)
    state = world.memory["b"].head(KEY)
    assert state is not None
    world.pass_time()
    world.write("a", KEY, b"weights", state.metadata)

    assert found(world) == {"b": Finding.STALE, "c": Finding.STALE}


def test_a_replica_of_another_rule_is_not_this_ones_source() -> None:
    """What came to the source of a one-way rule as a replica is not sent on, so nobody lacks it."""
    world = World(ONE_WAY | {"from": "b", "to": ["c"]}, {"name": "first", "to": ["b"]})
    world.replicator.replicate(world.write("a", KEY, b"weights"))

    assert found(world) == {}
