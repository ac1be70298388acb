"""Large objects that the target's cloud reads by itself, over stores in memory."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest

from rigs.large import BODY, Killed, settle, take, work_off
from rigs.pulling import KEY, Pulling, pulling
from tradewind.checksums import crc64nvme
from tradewind.errors import PullRefusedError, StoreUnavailableError
from tradewind.ports import REASON, Change, Checksums, Metadata, Notification
from tradewind.replication.decide import Verdict
from tradewind.replication.parts.pulling import VALID
from tradewind.replication.provenance import provenance_of

RULE: dict[str, object] = {"name": "r", "to": ["b"]}
AMONG: dict[str, object] = {"name": "r", "sites": ["a", "b", "c"], "deletes": "propagate"}
NEW = bytes(reversed(BODY))
PARTS = list(range(1, 9))


def gets(here: Pulling) -> int:
    """Return how often a function read the source's bytes, beside the looks before and after."""
    return here.world.stores["a"].calls.count("get")


def refuse(_: int) -> None:
    """Be a cloud that cannot read there."""
    raise PullRefusedError("it cannot read there")


def require_clean(here: Pulling) -> None:
    """Require that no job, no upload and no message is left."""
    for site in here.world.memory:
        assert not list(here.world.records[site].list("uploads/"))
        assert not here.world.memory[site].pending
        assert not here.world.queues[site].depth()


def test_no_byte_passes_through_a_function() -> None:
    """Each part is read by the target's cloud, from an address that is good for minutes, and the whole is proven."""
    here = pulling(RULE)
    here.replicate(BODY)
    here.world.stores["a"].calls.clear()

    copied, *_ = [outcome for outcome in work_off(here.world) if outcome.verdict is Verdict.COPIED]

    assert sorted(here.pulls.pulled) == PARTS
    assert gets(here) == 1  # the look after it opens the object, and reads nothing
    assert (copied.proof, copied.reason) == ("crc64nvme", "written in 8 parts, which its cloud read by itself")
    assert here.world.body("b", KEY) == BODY
    assert here.pulls.said == {crc64nvme(BODY)}
    assert here.links.given == [VALID] * 8
    require_clean(here)


def test_the_replica_is_believed() -> None:
    """It has the metadata of its origin, and provenance by the checksum that both clouds know."""
    here = pulling(RULE)
    here.world.replicator.replicate(here.write(BODY, Metadata(content_type="application/x", user={"epoch": "7"})))
    work_off(here.world)

    state = here.world.memory["b"].head(KEY)
    assert state is not None
    claim = provenance_of(state)
    assert claim is not None
    assert (claim.origin, claim.crc64nvme, claim.crc32c) == ("a", crc64nvme(BODY), None)
    assert state.metadata.user["epoch"] == "7"


def test_one_target_reads_by_itself_and_another_is_sent_the_bytes() -> None:
    """Which way an object goes is each target's own."""
    here = pulling(AMONG)
    here.replicate(BODY)
    work_off(here.world)

    assert sorted(here.pulls.pulled) == PARTS
    assert [here.world.body(site, KEY) for site in "abc"] == [BODY] * 3


def unpinned(here: Pulling) -> None:
    """Have a source whose versions have no names."""
    here.links.versioned = False


def unlinked(here: Pulling) -> None:
    """Have a source of which there are no addresses."""
    del here.world.links["a"]


def not_allowed(here: Pulling) -> None:
    """Have a target that is not to read by itself."""
    del here.world.pulls["b"]


def unproven(here: Pulling) -> None:
    """Have a source that keeps another checksum than the target's cloud tells."""
    held = here.world.memory["a"]._objects[KEY]
    other = replace(held.state, checksums=Checksums(crc32c=0))
    here.world.memory["a"]._objects[KEY] = replace(held, state=other)


@pytest.mark.parametrize("without", [unpinned, unlinked, not_allowed, unproven])
def test_where_something_is_missing_functions_send_the_bytes(without: Callable[[Pulling], None]) -> None:
    """Without a name for the version, an address, the permission or the proof, the object is streamed."""
    here = pulling(RULE)
    notification = here.write(BODY)
    without(here)
    here.world.replicator.replicate(notification)
    here.world.stores["a"].calls.clear()
    work_off(here.world)

    assert not here.pulls.pulled
    assert gets(here) >= 8


@pytest.mark.parametrize("at", [1, 4, 8])
def test_a_refusal_is_remembered_for_the_job(at: int, caplog: pytest.LogCaptureFixture) -> None:
    """The cloud is asked no more for this object, what it has read stays, and functions bring the rest."""
    here = pulling(RULE)
    here.replicate(BODY)

    def refuse_late(number: int) -> None:
        if number >= at:
            refuse(number)

    here.pulls.before = refuse_late
    here.world.stores["a"].calls.clear()
    work_off(here.world)

    assert here.pulls.pulled == list(range(1, at))
    assert gets(here) == 8 - len(here.pulls.pulled) + 1
    assert here.world.body("b", KEY) == BODY
    assert caplog.text.count("is streamed to b") == 1
    require_clean(here)


def test_the_next_object_is_asked_for_again() -> None:
    """A refusal says nothing of other objects, or of this one another day."""
    here = pulling(RULE)
    here.replicate(BODY)
    here.pulls.before = refuse
    work_off(here.world)
    here.pulls.before = lambda _: None
    here.replicate(NEW)
    work_off(here.world)

    assert sorted(here.pulls.pulled) == PARTS
    assert here.world.body("b", KEY) == NEW


def test_a_cloud_that_is_overloaded_is_asked_again_later() -> None:
    """Throttling is no refusal: the task comes back, and no byte is streamed."""
    here = pulling(RULE)
    here.replicate(BODY)
    throttled = iter(PARTS)

    def throttle(_: int) -> None:
        if next(throttled, None) is not None:
            raise StoreUnavailableError("slow down")

    here.pulls.before = throttle
    here.world.stores["a"].calls.clear()
    work_off(here.world)

    assert sorted(here.pulls.pulled) == PARTS
    assert gets(here) == 1
    assert here.world.body("b", KEY) == BODY


def test_other_bytes_than_the_source_keeps_never_appear() -> None:
    """What the cloud says it has read is compared before the parts are joined; then functions bring all of it."""
    here = pulling(RULE)
    here.replicate(BODY)
    here.pulls.garble = lambda read: bytes(len(read))
    seen = []
    for message in take(here.world):
        settle(here.world, message)
        seen.append(here.world.body("b", KEY))
    here.world.stores["a"].calls.clear()
    work_off(here.world)

    assert seen == [None] * 8
    assert here.world.body("b", KEY) == BODY
    assert sorted(here.pulls.pulled) == PARTS
    assert gets(here) == 8 + 1
    require_clean(here)


def test_what_was_read_before_a_refusal_is_not_trusted_either() -> None:
    """Where some parts were read by the cloud and some streamed, other bytes lead to all being streamed, too."""
    here = pulling(RULE)
    here.replicate(BODY)
    here.pulls.garble = lambda read: bytes(len(read))

    def refuse_late(number: int) -> None:
        if number > 3:
            refuse(number)

    here.pulls.before = refuse_late
    work_off(here.world)

    assert here.pulls.pulled == [1, 2, 3]
    assert here.world.body("b", KEY) == BODY
    assert not here.world.letters.receive()
    require_clean(here)


def test_a_job_of_an_older_version_is_streamed() -> None:
    """Its record does not speak of addresses."""
    here = pulling(RULE)
    here.replicate(BODY)
    records = here.world.records["b"]
    [summary] = records.list("uploads/")
    records.change(summary.key, lambda held: {name: value for name, value in (held or {}).items() if name != "pull"})
    work_off(here.world)

    assert not here.pulls.pulled
    assert here.world.body("b", KEY) == BODY


def test_a_source_that_is_damaged_itself_is_told() -> None:
    """If the streamed bytes are not what the store keeps either, nothing is written, and a person is told."""
    here = pulling(RULE)
    here.replicate(BODY)
    for url in here.links.kept:
        here.links.kept[url] = NEW
    here.world.damage_on_the_way("a", KEY, NEW)
    work_off(here.world)

    assert here.world.body("b", KEY) is None
    [letter] = here.world.letters.receive()
    assert "do not have the crc64nvme that its store keeps" in letter.attributes[REASON]
    require_clean(here)


@pytest.mark.parametrize("done", range(9))
def test_a_source_that_is_replaced_on_the_way_arrives_as_the_new_one(done: int) -> None:
    """The address names one version, so the parts of two never meet; the source is looked at before they are joined."""
    here = pulling(RULE)
    here.replicate(BODY)
    messages = take(here.world)
    for message in messages[:done]:
        settle(here.world, message)
    here.write(NEW)
    for message in messages[done:]:
        settle(here.world, message)
        assert here.world.body("b", KEY) in (None, NEW)
    here.world.replicator.replicate(here.world.announce("a", KEY, Change.WRITTEN))
    work_off(here.world)

    assert here.world.body("b", KEY) == NEW
    require_clean(here)


def test_a_source_that_is_replaced_before_it_is_pinned_is_looked_at_again() -> None:
    """What is copied is what was decided about."""
    here = pulling(RULE)
    notification = here.write(BODY)

    def replace_it() -> None:
        here.links.before = lambda: None
        here.write(NEW)

    here.links.before = replace_it
    [outcome] = here.world.replicator.replicate(notification)
    assert outcome.verdict is Verdict.FAILED
    here.world.replicator.replicate(notification, attempt=2)
    work_off(here.world)

    assert here.world.body("b", KEY) == NEW


@pytest.mark.parametrize("seed", range(40))
def test_workers_may_die_and_clouds_refuse_at_any_call(seed: int) -> None:
    """Whoever comes next does what is missing, and in the end the object is there, whole, and nothing is left over."""
    here, dice = pulling(AMONG), random.Random(seed)  # noqa: S311 - a schedule, no secret
    world = here.world

    def die(_: object) -> None:
        if dice.random() < 0.08:
            raise Killed

    def hinder(number: int) -> None:
        die(number)
        if dice.random() < 0.1:
            refuse(number)

    def endanger(on: Callable[[object], None], before: Callable[[int], None]) -> None:
        here.pulls.before, here.pulls.after = before, on
        for store in world.stores.values():
            store.before = store.after = on

    notification = here.write(BODY)
    endanger(die, hinder)
    begin(here, notification)
    for _ in range(60):
        for message in take(world):
            with suppress(Killed):
                settle(world, message)
    endanger(lambda _: None, lambda _: None)
    work_off(world)

    assert [world.body(site, KEY) for site in "abc"] == [BODY] * 3
    require_clean(here)


def begin(here: Pulling, notification: Notification) -> None:
    """Work off a notification, however often whoever does dies."""
    for _ in range(100):
        with suppress(Killed):
            here.world.replicator.replicate(notification, attempt=2)
            return
