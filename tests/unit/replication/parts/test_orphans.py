"""Uploads that were left, and what becomes of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

import pytest

from rigs.large import BODY, large_world, settle, take, work_off
from rigs.world import World, fleet_of
from tradewind.checksums import crc32c
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import TransientError
from tradewind.ports import Metadata
from tradewind.replication import requests
from tradewind.replication.parts.jobs import Jobs
from tradewind.replication.parts.leftovers import LATE, LEFT, PARTS, TURN
from tradewind.replication.parts.orphans import GIVEN_UP, Orphans
from tradewind.replication.parts.start import PATIENCE
from tradewind.replication.parts.tasks import decode

KEY = "models/weights.bin"
RULE: dict[str, object] = {"name": "r", "to": ["b"]}


def begun() -> World:
    """Return a world in which a large object is on its way, and all of its messages are lost."""
    world = large_world(RULE)
    world.replicator.replicate(world.write("a", KEY, BODY))
    for message in take(world):
        world.queues["a"].acknowledge(message)
    return world


def tidy(world: World, site: str = "a") -> int:
    """Look at uploads as the timer of a site does, and end what is not wanted."""

    def ask(site: str, keys: Sequence[str], rule: str) -> None:
        for body in requests.encode(site, keys, why="upload", rule=rule):
            world.queues[site].send(body)

    at = world.replicator.at
    return Orphans(world.fleet, site, at.store_of, at.records_of, at.uploads_of, ask, at.clock).tidy()


def left(world: World) -> bool:
    """Say whether there is any upload."""
    assert bool(Jobs(world.records["b"]).read(KEY)) == bool(world.memory["b"].pending)
    return bool(world.memory["b"].pending)


def test_an_upload_whose_messages_were_lost_is_finished() -> None:
    """The sweep asks for the key, and the tasks of the missing parts are sent again."""
    world = begun()
    world.pass_time(PATIENCE.total_seconds())
    assert tidy(world) == 0
    work_off(world)
    assert world.body("b", KEY) == BODY
    assert not left(world)


def test_an_upload_that_is_under_way_is_left_alone() -> None:
    """Within its patience nobody disturbs a job."""
    world = begun()
    assert tidy(world) == 0
    assert (left(world), world.queues["a"].depth()) == (True, 0)


def test_an_upload_of_what_the_source_no_longer_holds_is_aborted() -> None:
    """It costs money for as long as it is there, and nobody will ever finish it."""
    world = begun()
    world.write("a", KEY, b"small")
    world.pass_time(PATIENCE.total_seconds())
    assert tidy(world) == 1
    assert not left(world)


def test_an_upload_of_what_the_target_has_is_aborted() -> None:
    """Whoever joined the parts may have died before the record went."""
    world = begun()
    held = Jobs(world.records["b"]).read(KEY)
    assert held is not None
    metadata = Metadata(user={"tradewind": held.job.origin.encode()})
    world.memory["b"].put(KEY, BODY, metadata=metadata, crc32c=crc32c(BODY), md5=None, expect=None)
    world.pass_time(PATIENCE.total_seconds())
    assert tidy(world) == 1
    assert not left(world)


def test_an_upload_that_is_never_done_is_given_up() -> None:
    """However often it was asked for, after a week nobody pays for its parts any more."""
    world = begun()
    world.pass_time((GIVEN_UP + timedelta(seconds=1)).total_seconds())
    assert tidy(world) == 1
    assert not left(world)


def test_part_objects_of_no_upload_are_removed_once_they_are_old() -> None:
    """A late worker may write a part after its upload was aborted, where parts are objects."""
    world = begun()
    held = Jobs(world.records["b"]).read(KEY)
    assert held is not None
    store = world.memory["b"]
    for upload in ("forgotten", held.job.upload):
        store.put(f"{PARTS}{upload}/00001", b"x", metadata=Metadata(), crc32c=crc32c(b"x"), md5=None, expect=None)
    assert tidy(world) == 0
    assert len(store.list(PARTS).objects) == 2
    world.pass_time(LEFT.total_seconds())
    tidy(world)
    assert [each.key for each in store.list(PARTS).objects] == [f"{PARTS}{held.job.upload}/00001"]


def test_an_upload_to_a_target_that_somebody_has_written_is_aborted_at_once() -> None:
    """Its parts can never be joined, so to ask for the key again and again would help nobody."""
    world = begun()
    world.write("b", KEY, b"a user's own")
    world.pass_time(PATIENCE.total_seconds())
    assert (tidy(world), world.queues["a"].depth()) == (1, 0)
    assert not left(world)


def test_an_upload_of_a_rule_that_is_gone_is_aborted_by_the_target_s_own_timer() -> None:
    """Whatever the fleet file says by now, nothing that was begun is paid for and forgotten."""
    world = begun()
    world.pass_time(PATIENCE.total_seconds())
    bare = world.fleet.model_copy(update={"rules": ()})
    at = world.replicator.at
    orphans = Orphans(bare, "b", at.store_of, at.records_of, at.uploads_of, lambda *_: None, at.clock)
    assert orphans.tidy() == 1
    assert not left(world)


def test_the_job_of_a_rule_that_was_renamed_goes_on_under_the_new_name() -> None:
    """Parts that have arrived are not sent again, and messages of the old name ask for the key once they are late."""
    world = large_world(RULE)
    world.replicator.replicate(world.write("a", KEY, BODY))
    first, *others = take(world)
    settle(world, first)
    renamed = world.process(fleet_of(RULE | {"name": "q"}))
    for message in others:
        with pytest.raises(TransientError):
            renamed.carry(decode(message))
        assert renamed.carry(decode(message), attempt=6) == []
        world.queues["a"].acknowledge(message)
    world.stores["a"].calls.clear()
    world.replicator = renamed
    work_off(world)
    assert world.body("b", KEY) == BODY
    assert world.stores["a"].calls.count("get") == 1 + 7 + 1  # one look, the parts that are missing, and the last look


def test_what_was_written_beside_objects_goes_once_none_needs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each has its turn within three days; what is young, or is needed by an object or an upload, stays."""
    world = begun()
    held = Jobs(world.records["b"]).read(KEY)
    assert held is not None
    store = world.memory["b"]
    needed, forgotten, young = (f"{LATE}{name}" for name in ("00needed", "7fforgotten", "ffyoung"))
    asked: list[tuple[str, set[str]]] = []

    def needs(_: MemoryUploads, key: str, live: Collection[str]) -> bool:
        asked.append((key, set(live)))
        return key == needed

    def write(key: str) -> None:
        store.put(key, b"{}", metadata=Metadata(), crc32c=crc32c(b"{}"), md5=None, expect=None)

    monkeypatch.setattr(MemoryUploads, "needs", needs)
    write(needed)
    write(forgotten)
    world.pass_time(LEFT.total_seconds())
    for _ in range(255):
        tidy(world)
        world.pass_time(TURN.total_seconds())
    write(young)
    tidy(world)

    assert [each.key for each in store.list(LATE).objects] == [needed, young]
    assert asked == [(needed, {held.job.upload}), (forgotten, {held.job.upload})]
