"""Large objects, from the notification to the joined parts, over stores in memory."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rigs.large import BODY, Killed, large_world, settle, take, work_off
from rigs.world import World
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import NotFoundError, ObjectTooLargeError, PermanentError, TradewindError, TransientError
from tradewind.ports import (
    REASON,
    Admission,
    Change,
    Checksums,
    Message,
    Metadata,
    Movement,
    Notification,
    Part,
    PutReceipt,
)
from tradewind.replication import requests
from tradewind.replication.decide import Verdict
from tradewind.replication.parts.jobs import Jobs
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.parts.start import NUDGE
from tradewind.replication.parts.tasks import decode, is_part_task
from tradewind.replication.provenance import provenance_of

KEY = "models/weights.bin"
RULE: dict[str, object] = {"name": "r", "to": ["b"]}
AMONG: dict[str, object] = {"name": "r", "sites": ["a", "b", "c"], "deletes": "propagate"}
NEW = bytes(reversed(BODY))


class Closed:
    """A gate that lets nothing through."""

    def admit(self, movement: Movement) -> Admission:
        """Refuse."""
        return Admission(allowed=False, reason=f"not to {movement.target_jurisdiction}")


def begin(world: World, body: bytes = BODY, site: str = "a") -> list[Verdict]:
    """Write a large object as a user, and work off its notification."""
    metadata = Metadata(content_type="application/x", user={"epoch": "7"}, tags={"team": "a"})
    return [outcome.verdict for outcome in world.replicator.replicate(world.write(site, KEY, body, metadata))]


def require_clean(world: World) -> None:
    """Require that no job, no upload and no message is left."""
    for site in world.memory:
        assert not list(world.records[site].list("uploads/"))
        assert not world.memory[site].pending
        assert not world.queues[site].depth()


@pytest.mark.parametrize("rule", [RULE, {"name": "r", "to": ["b", "c"]}, AMONG])
def test_a_large_object_arrives_whole_with_its_metadata(rule: dict[str, object]) -> None:
    """Its parts are copied one by one in any order, joined, proven, and bear the provenance of any replica."""
    world = large_world(rule)
    assert set(begin(world)) == {Verdict.STARTED}
    targets = ["b", "c"] if "c" in str(rule) else ["b"]
    assert world.queues["a"].depth() == 8 * len(targets)

    order = random.Random(7)  # noqa: S311 - a schedule, no secret
    outcomes = work_off(world, arrange=lambda messages: order.sample(messages, len(messages)))

    copied = [outcome for outcome in outcomes if outcome.verdict is Verdict.COPIED]
    assert [(o.size, o.proof) for o in copied] == [(30, "crc32c")] * len(targets)
    for target in targets:
        assert world.body(target, KEY) == BODY
        state = world.memory[target].head(KEY)
        claim = provenance_of(state) if state else None
        assert state is not None
        assert claim is not None
        assert (claim.origin, claim.size) == ("a", 30)
        assert (state.metadata.content_type, state.metadata.user["epoch"]) == ("application/x", "7")
    require_clean(world)


def test_nothing_is_visible_before_the_last_part_is_there() -> None:
    """A reader of the target sees the whole object or none."""
    world = large_world(RULE)
    begin(world)
    for message in take(world):
        assert world.body("b", KEY) is None
        settle(world, message)
    assert world.body("b", KEY) == BODY


def test_each_byte_is_read_once() -> None:
    """As many ranged reads as there are parts, however often the key is announced meanwhile."""
    world = large_world(RULE)
    begin(world)
    for _ in range(3):
        world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    assert world.queues["a"].depth() == 8
    world.stores["a"].calls.clear()
    work_off(world)
    assert world.stores["a"].calls.count("get") == 8 + 1  # the look after it opens the object, and reads nothing


@pytest.mark.parametrize("seed", range(40))
def test_workers_may_die_at_any_call(seed: int) -> None:
    """Whoever comes next does what is missing, and in the end the object is there, whole, and nothing is left over."""
    world, dice = large_world(AMONG), random.Random(seed)  # noqa: S311 - a schedule, no secret

    def die(_: str) -> None:
        if dice.random() < 0.08:
            raise Killed

    def endanger(on: Callable[[str], None]) -> None:
        for store in world.stores.values():
            store.before = store.after = on

    notification = world.write("a", KEY, BODY)
    endanger(die)
    for _ in range(100):
        try:
            world.replicator.replicate(notification, attempt=2)
        except Killed:
            continue
        break
    for _ in range(60):
        for message in take(world):
            try:
                settle(world, message)
            except Killed:
                continue
    endanger(lambda _: None)
    work_off(world)
    assert [world.body(site, KEY) for site in "abc"] == [BODY] * 3
    require_clean(world)


@pytest.mark.parametrize("done", range(9))
def test_an_object_that_is_replaced_on_the_way_arrives_as_the_new_one(done: int) -> None:
    """Reads are pinned, so the parts of two versions never meet; the copy begins again with the new version."""
    world = large_world(RULE)
    begin(world)
    messages = take(world)
    for message in messages[:done]:
        settle(world, message)
    world.write("a", KEY, NEW)
    for message in messages[done:]:
        settle(world, message)
        assert world.body("b", KEY) in (None, NEW)
    world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    work_off(world)
    assert world.body("b", KEY) == NEW
    require_clean(world)


def test_an_object_that_is_deleted_on_the_way_does_not_arrive() -> None:
    """What its source no longer holds is given up, and its parts are removed."""
    world = large_world(RULE)
    begin(world)
    world.delete("a", KEY)
    assert {outcome.verdict for outcome in work_off(world)} == {Verdict.ABSENT, Verdict.IGNORED}
    assert world.body("b", KEY) is None
    require_clean(world)


def test_a_target_that_was_written_meanwhile_is_not_overwritten() -> None:
    """The parts are joined under the condition that was read when the copy began."""
    world = large_world(RULE)
    begin(world)
    world.write("b", KEY, b"a user's own")
    assert Verdict.CONFLICT in {outcome.verdict for outcome in work_off(world)}
    assert world.body("b", KEY) == b"a user's own"
    require_clean(world)


def test_a_newer_version_overwrites_the_replica() -> None:
    """A large replica is replaced by the next version of its origin, in parts as well."""
    world = large_world(RULE)
    begin(world)
    work_off(world)
    begin(world, NEW)
    work_off(world)
    assert world.body("b", KEY) == NEW


def test_bytes_that_are_not_what_the_source_keeps_write_nothing() -> None:
    """The whole object's checksum is compared before anything becomes visible; the reason is kept with the key."""
    world = large_world(RULE)
    begin(world)
    world.damage_on_the_way("a", KEY, NEW)
    work_off(world)
    assert world.body("b", KEY) is None
    [letter] = world.letters.receive()
    assert "do not have the crc32c that its store keeps" in letter.attributes[REASON]
    assert '"keys":["models/weights.bin"]' in letter.body
    require_clean(world)


def test_a_source_that_keeps_no_checksum_is_copied_unproven() -> None:
    """What arrived is proven by itself from then on, and the outcome says what is not known."""
    world = large_world(RULE)
    notification = world.write("a", KEY, BODY)
    held = world.memory["a"]._objects[KEY]
    world.memory["a"]._objects[KEY] = replace(held, state=replace(held.state, checksums=Checksums()))
    world.replicator.replicate(notification)
    [copied] = [outcome for outcome in work_off(world) if outcome.verdict is Verdict.COPIED]
    assert copied.proof == "unproven"
    state = world.memory["b"].head(KEY)
    assert state is not None
    assert provenance_of(state) is not None


def test_a_key_that_closes_a_set_must_be_small_enough_to_read() -> None:
    """A manifest names its set's members, so it is not copied blindly."""
    world = large_world(RULE)
    [outcome] = world.replicator.replicate(world.write("a", "m/model.safetensors.index.json", BODY))
    assert isinstance(outcome.error, ObjectTooLargeError)


def test_a_large_shard_lets_its_set_appear() -> None:
    """The closing key waits for a shard that goes in parts, and comes with it."""
    index, shard = b'{"weight_map":{"w":"model-00001-of-00001.safetensors"}}', BODY * 3
    world = World(RULE, parts=PartSizes(above=len(index), part=20))
    world.replicator.replicate(world.write("a", "m/model-00001-of-00001.safetensors", shard))
    world.replicator.replicate(world.write("a", "m/model.safetensors.index.json", index))
    assert world.body("b", "m/model.safetensors.index.json") is None
    work_off(world)
    assert world.body("b", "m/model-00001-of-00001.safetensors") == shard
    assert world.body("b", "m/model.safetensors.index.json") == index


def test_a_function_that_nears_its_time_limit_hands_the_rest_back() -> None:
    """Parts that there is no time for become a message of their own."""
    world = large_world(RULE)
    begin(world)
    tasks = [decode(message) for message in take(world)]
    whole = tasks[0].model_copy(update={"numbers": tuple(range(1, 9))})

    def pass_time(call: str) -> None:
        if call == "get":
            world.pass_time(20)

    world.stores["a"].before = pass_time
    outcomes = world.replicator.carry(whole)
    assert [outcome.reason for outcome in outcomes] == ["5 parts are handed to another function"]
    world.stores["a"].before = lambda _: None
    work_off(world)
    assert world.body("b", KEY) == BODY


def test_a_task_of_another_upload_does_nothing() -> None:
    """A late message of an upload that was given up neither reads nor writes."""
    world = large_world(RULE)
    begin(world)
    stale = [message for message in take(world) if is_part_task(message)]
    world.write("a", KEY, NEW)
    world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    world.stores["a"].calls.clear()
    outcomes = [outcome for message in stale for outcome in settle(world, message)]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.IGNORED}
    assert world.stores["a"].calls == []


def test_a_task_that_nobody_understands_is_poison() -> None:
    """A malformed part task goes to the dead letters at once."""
    world = large_world(RULE)
    settle(world, Message('{"tradewind_parts":1,"rule":"r"}', "id"))
    [letter] = world.letters.receive()
    assert "BadEventError: The part task is not understood" in letter.attributes[REASON]


def test_the_compliance_gate_is_asked_again_for_every_part() -> None:
    """A law that changes on the way stops what has not been read yet."""
    world = large_world(RULE)
    begin(world)
    [first, *_] = take(world)
    world.stores["a"].calls.clear()
    stricter = replace(world.replicator, at=replace(world.replicator.at, gate=Closed()))
    assert [outcome.verdict for outcome in stricter.carry(decode(first))] == [Verdict.REFUSED]
    assert world.stores["a"].calls == []
    assert not world.memory["b"].pending


def test_a_permanent_error_ends_the_job() -> None:
    """What can never be joined leaves nothing behind in the target's store."""
    world = large_world(RULE)
    begin(world)
    messages = take(world)
    world.damage_on_the_way("a", KEY, NEW)
    for message in messages[:-1]:
        settle(world, message)
    with pytest.raises(PermanentError):
        world.replicator.carry(decode(messages[-1]))
    assert not world.memory["b"].pending


def test_a_large_loser_is_kept_aside_without_a_byte_passing() -> None:
    """`keep_both` copies it inside its own bucket, where its size does not matter."""
    world = large_world({**AMONG, "sites": ["a", "b"], "conflict": "keep_both"})
    begin(world, site="b")
    world.pass_time(60)
    begin(world, NEW)
    for site in "ab":
        work_off(world, site)
    assert [world.body(site, KEY) for site in "ab"] == [NEW, NEW]
    [kept] = [each.key for each in world.memory["b"].list(KEY).objects if each.key != KEY]
    assert world.body("b", kept) == BODY


def test_of_several_that_find_all_parts_there_one_joins_them() -> None:
    """The others leave it to that one; and if it dies, the next delivery of its message asks nobody."""
    world = large_world(RULE)
    begin(world)
    messages = take(world)
    for message in messages[:-1]:
        settle(world, message)
    jobs = Jobs(world.records["b"])
    held = jobs.read(KEY)
    assert held is not None
    assert jobs.claim(held.job, world.now, timedelta(seconds=900))
    last = decode(messages[-1])
    assert [outcome.reason for outcome in world.replicator.carry(last)] == ["another function joins the parts"]
    assert world.body("b", KEY) is None
    assert [outcome.verdict for outcome in world.replicator.carry(last, attempt=2)] == [Verdict.COPIED]
    assert world.body("b", KEY) == BODY


def test_that_tasks_were_sent_is_noted_beside_what_others_note() -> None:
    """A worker may claim the joining in between; of an upload that has ended meanwhile nothing is noted."""
    world = large_world(RULE)
    world.replicator.replicate(world.write("a", KEY, BODY))
    jobs = Jobs(world.records["b"])
    before = jobs.read(KEY)
    assert before is not None
    assert jobs.claim(before.job, world.now, timedelta(seconds=900))
    later = world.now + timedelta(minutes=1)
    jobs.note_asked(before, later, 5)
    noted = jobs.read(KEY)
    assert noted is not None
    assert (noted.job.asked, noted.job.asked_to, noted.job.joining) == (later, 5, world.now)

    assert jobs.end(before.job)
    jobs.note_asked(noted, later, None)
    assert jobs.read(KEY) is None


def test_a_part_that_is_written_again_while_the_parts_are_joined_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duplicate task gives it another name in the store: the parts are listed again, and none is copied again."""
    world = large_world(RULE)
    begin(world)
    complete, refusals = MemoryUploads.complete, [NotFoundError("a part is gone")]

    def refuse_once(self: MemoryUploads, *given: Any, **named: Any) -> PutReceipt:  # noqa: ANN401 - passed on
        if refusals:
            raise refusals.pop()
        return complete(self, *given, **named)

    monkeypatch.setattr(MemoryUploads, "complete", refuse_once)
    world.stores["a"].calls.clear()
    work_off(world)
    assert world.body("b", KEY) == BODY
    assert world.stores["a"].calls.count("get") == 8 + 1


def test_metadata_that_changed_alone_is_not_taken_for_what_is_there() -> None:
    """Cloud Storage changes metadata and keeps the version: whether a job is done is seen by both."""
    world = large_world(RULE)
    begin(world)
    work_off(world)
    held = world.memory["a"]._objects[KEY]
    world.memory["a"]._objects[KEY] = replace(held, state=replace(held.state, metadata=Metadata(user={"epoch": "8"})))
    world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    for message in take(world):
        task = decode(message)
        world.replicator.carry(task, attempt=2)
        world.queues["a"].acknowledge(message)
    state = world.memory["b"].head(KEY)
    assert state is not None
    assert state.metadata.user["epoch"] == "8"


def test_a_set_of_large_members_is_withdrawn_only_when_all_of_the_next_one_is_at_the_target() -> None:
    """Its readers have the old version for as long as any part of the new one is missing, and then the new one."""
    world = World(RULE, parts=PartSizes(above=200, part=100))
    shards = [f"m/model-0000{number}-of-00002.safetensors" for number in (1, 2)]
    index = "m/model.safetensors.index.json"
    weights = {"w1": shards[0][2:], "w2": shards[1][2:]}

    def shown() -> list[bytes | None]:
        return [world.body("b", key) and (world.body("b", key) or b"")[:1] for key in (*shards, index)]

    def upload(version: bytes) -> None:
        for key in shards:
            world.queues["a"].send(look(world.write("a", key, version * 1000)))
            world.pass_time(5)
        text = json.dumps({"metadata": {"total_size": len(version)}, "weight_map": weights}) + version.decode()
        world.queues["a"].send(look(world.write("a", index, text[: -len(version)].encode() + b" " * int(version))))

    def look(notification: Notification) -> str:
        [body] = requests.encode("a", [notification.key], why="test")
        return body

    upload(b"1")
    work_off(world)
    assert shown() == [b"1", b"1", b"{"]

    upload(b"2")
    held_back: list[Message] = []
    for _ in range(6):
        for message in take(world):
            if is_part_task(message) and decode(message).key == shards[1]:
                held_back.append(message)
                world.queues["a"].acknowledge(message)
                continue
            with suppress(TradewindError):
                settle(world, message)
    assert held_back
    assert shown() == [b"1", b"1", b"{"]

    for message in held_back:
        world.queues["a"].send(message.body)
    work_off(world)
    assert shown() == [b"2", b"2", b"{"]


def test_whoever_waits_with_joined_parts_is_reminded() -> None:
    """A worker whose turn in a set had not come is back late; who looks at the key meanwhile has the parts joined."""
    world = large_world(RULE)
    begin(world)
    messages = take(world)
    for message in messages[:-1]:
        settle(world, message)
    world.queues["a"].acknowledge(messages[-1])
    last = decode(messages[-1])
    with suppress(Killed), world_that_dies_before_joining(world):
        world.replicator.carry(last)
    assert world.body("b", KEY) is None
    world.pass_time(NUDGE.total_seconds())
    world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    world.replicator.replicate(world.announce("a", KEY, Change.WRITTEN))
    assert world.queues["a"].depth() == 1
    work_off(world)
    assert world.body("b", KEY) == BODY


@contextmanager
def world_that_dies_before_joining(world: World) -> Iterator[None]:
    """Let a worker die when it looks at the source for the last time."""

    def die(call: str) -> None:
        if call == "head":
            raise Killed

    world.stores["a"].before = die
    try:
        yield
    finally:
        world.stores["a"].before = lambda _: None


@pytest.mark.parametrize("stays", [True, False])
def test_parts_that_somebody_s_write_has_dropped_are_noticed_by_whoever_brought_them(*, stays: bool) -> None:
    """Azure does so: the job ends if the target is another one; if that is gone again, the parts are brought anew."""
    world = large_world(RULE)
    begin(world)
    first = decode(take(world)[0])

    def write(call: str) -> None:
        if call == "get":
            world.stores["a"].after = lambda _: None
            world.write("b", KEY, b"a user's own")
            if not stays:
                world.delete("b", KEY)

    def drop(*_: object) -> list[Part]:
        return []

    world.stores["a"].after = write
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MemoryUploads, "parts", drop)
        if stays:
            assert [outcome.verdict for outcome in world.replicator.carry(first)] == [Verdict.CONFLICT]
        else:
            with pytest.raises(TransientError):
                world.replicator.carry(first)
    assert (Jobs(world.records["b"]).read(KEY) is None) is stays
