"""What is at a target already is copied there, and every promise of replication is kept on the way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.large import work_off
from rigs.world import PLAIN, WatchedStore, World
from tradewind.checksums import crc32c, crc64nvme, md5
from tradewind.clouds.memory.copies import MemoryCopies
from tradewind.errors import (
    AccessDeniedError,
    IntegrityError,
    ObjectTooLargeError,
    StoreUnavailableError,
    TradewindError,
    UnportableError,
)
from tradewind.ports import Change, Checksums, Download, Metadata, Notification, ObjectState, PutReceipt
from tradewind.records import Records
from tradewind.replication.contents.index import KEYS, with_key
from tradewind.replication.contents.worth import Reuse
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.provenance import provenance_of
from tradewind.replication.sweeping.expiry import CONTENTS_KEPT, expire

ANY = Reuse(floor=1, chance=1e12)
"""Looks for everything that is not empty."""
BODY = b"weights of a model"
OTHER = b"weights of another"
RULE: dict[str, object] = {"name": "all", "to": ["b"]}
TWO_WAY: dict[str, object] = {"name": "all", "sites": ["a", "b"]}


def world(*rules: dict[str, object], reuse: Reuse = ANY) -> World:
    """Return a world in which it pays to look for any content."""
    return World(*(rules or (RULE,)), reuse=reuse, apart=True)


def bring(at: World, key: str, body: bytes = BODY, metadata: Metadata = PLAIN, *, site: str = "a") -> Outcome:
    """Write an object as a user, replicate it, and return how that ended at the one target."""
    (outcome,) = notify(at, at.write(site, key, body, metadata), len(body))
    return outcome


def notify(at: World, notification: Notification, size: int | None = None) -> Sequence[Outcome]:
    """Deliver a notification as one of a key that need not be new, some time after it was written."""
    at.pass_time()
    at.stores["a"].calls.clear()
    return at.replicator.replicate(replace(notification, size=size), attempt=2)


def read(at: World, site: str = "a") -> bool:
    """Say whether a site was asked for bytes since the last notification."""
    return "get" in at.stores[site].calls


def state(at: World, site: str, key: str) -> ObjectState:
    """Return the state of what is there."""
    found = at.memory[site].head(key)
    assert found is not None
    return found


def entries(at: World, site: str = "b") -> list[str]:
    """Return the keys that the index of a site names."""
    records = at.records[site]
    found = [records.read(each.key) for each in records.list("contents/")]
    return sorted(key for each in found if each is not None for key in each.value["keys"])


def test_a_rename_is_copied_at_its_target() -> None:
    """The same content under another key comes from the target, with the metadata and the provenance of the new key."""
    at = world()
    first = bring(at, "old/weights.bin")
    metadata = Metadata(content_type="text/plain", user={"stage": "production"})

    outcome = bring(at, "new/weights.bin", metadata=metadata)

    copy = state(at, "b", "new/weights.bin")
    claim = provenance_of(copy)
    assert (first.verdict, first.saving) == (Verdict.COPIED, None)
    assert outcome.verdict is Verdict.COPIED
    assert outcome.saving is not None
    assert outcome.saving.size == len(BODY)
    assert not read(at)
    assert "'old/weights.bin', which holds the same content" in outcome.reason
    assert at.body("b", "new/weights.bin") == BODY
    assert {**copy.metadata.user, "tradewind": ""} == {"stage": "production", "tradewind": ""}
    assert claim is not None
    assert (claim.origin, claim.version.token) == ("a", state(at, "a", "new/weights.bin").token)


def test_an_alias_that_is_moved_takes_the_content_of_its_new_version() -> None:
    """What was under the key is replaced, under its condition, and the index names the newest replica."""
    at = world()
    bring(at, "models/1.bin")
    bring(at, "models/2.bin", OTHER)
    bring(at, "models/latest.bin")

    outcome = bring(at, "models/latest.bin", OTHER)

    assert (outcome.verdict, outcome.replaced, read(at)) == (Verdict.COPIED, True, False)
    assert at.body("b", "models/latest.bin") == OTHER
    assert "models/latest.bin" in entries(at)


def test_an_alias_that_has_moved_on_is_not_the_only_one_that_is_known() -> None:
    """Content is found as long as one of the keys that it was last seen under still has it."""
    at = world()
    for key in ("models/1.bin", "models/latest.bin", "staging.bin"):
        bring(at, key)
    bring(at, "models/latest.bin", OTHER)
    at.memory["b"].delete("models/1.bin", expect=state(at, "b", "models/1.bin").token)

    assert bring(at, "production.bin").saving is not None
    assert [key for key in entries(at) if key in ("models/1.bin", "production.bin")] == ["production.bin"]


@given(st.lists(st.sampled_from("abcdefgh")))
def test_a_record_names_the_oldest_key_and_the_latest(keys: list[str]) -> None:
    """It never names many, and none twice."""
    named: list[str] = []
    for key in keys:
        named = with_key(named, key)

        assert key in named
        assert named[0] == keys[0]
        assert len(named) == len(set(named)) <= KEYS


def test_the_same_bytes_written_again_stay_where_they_are() -> None:
    """Other metadata, or another time, of the same bytes needs none of them, and no index."""
    at = world()
    bring(at, "key")
    for listed in list(at.records["b"].list("contents/")):
        at.records["b"].delete(listed.key, expect=listed.token)

    outcome = bring(at, "key", metadata=Metadata(user={"epoch": "8"}))

    assert outcome.verdict is Verdict.COPIED
    assert "from this key" in outcome.reason
    assert not read(at)
    assert state(at, "b", "key").metadata.user["epoch"] == "8"
    assert bring(at, "key", metadata=Metadata(user={"epoch": "8"})).verdict is Verdict.COPIED
    (outcome,) = notify(at, at.announce("a", "key", Change.WRITTEN))
    assert outcome.verdict is Verdict.IN_SYNC


def test_other_content_of_the_same_size_is_sent() -> None:
    """Only the same bytes are taken."""
    at = world()
    bring(at, "one", b"1" * 10)

    outcome = bring(at, "two", b"2" * 10)

    assert (outcome.saving, at.body("b", "two")) == (None, b"2" * 10)


def lead_astray(at: World, value: object) -> None:
    """Let every record of the index at `b` hold something else."""
    for listed in list(at.records["b"].list("contents/")):
        at.control["b"].delete(f"tradewind/{listed.key}", expect=listed.token)
        body = json.dumps(value).encode()
        key = f"tradewind/{listed.key}"
        at.control["b"].put(key, body, metadata=PLAIN, crc32c=crc32c(body), md5=None, expect=None)


@pytest.mark.parametrize(
    "value",
    [
        {"v": 1, "keys": ["other"]},
        {"v": 1, "keys": ["nothing", "other"]},
        {"v": 1, "keys": ["of a user"]},
        {"v": 1, "keys": [7, None]},
        {"v": 1, "keys": "old"},
        {"v": 1},
        {"keys": [".tradewind/x"]},
        ["no record"],
    ],
)
def test_a_wrong_record_never_leads_to_wrong_bytes(value: object) -> None:
    """Whatever the index says, what is copied shows itself that it is the same; else the bytes are sent."""
    at = world()
    bring(at, "other", OTHER.ljust(len(BODY)))
    bring(at, "old")
    at.write("b", "of a user", BODY)
    lead_astray(at, value)

    outcome = bring(at, "new")

    assert (outcome.verdict, outcome.saving) == (Verdict.COPIED, None)
    assert at.body("b", "new") == BODY


@pytest.mark.parametrize("lost", ["deleted", "overwritten"])
def test_a_record_that_does_not_hold_true_any_more_goes(lost: str) -> None:
    """The bytes are sent, and the next one finds where they went."""
    at = world()
    bring(at, "old")
    token = state(at, "b", "old").token
    if lost == "deleted":
        at.memory["b"].delete("old", expect=token)
    else:
        at.write("b", "old", OTHER)

    assert bring(at, "new").saving is None
    assert entries(at) == ["new"]
    assert bring(at, "newer").saving is not None


def interfere(monkeypatch: pytest.MonkeyPatch, before: Callable[[], None]) -> None:
    """Let something happen once, right before the first copy inside a store."""
    plain = MemoryCopies.copy
    pending = [before]

    def copy(
        self: MemoryCopies, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None
    ) -> PutReceipt:
        while pending:
            pending.pop()()
        return plain(self, source, key, metadata=metadata, expect=expect)

    monkeypatch.setattr(MemoryCopies, "copy", copy)


def test_what_is_replaced_before_it_is_copied_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy is of the version that was looked at, or is not made."""
    at = world()
    bring(at, "old")
    interfere(monkeypatch, lambda: void(at.write("b", "old", OTHER)))

    outcome = bring(at, "new")

    assert (outcome.saving, at.body("b", "new")) == (None, BODY)


def test_what_a_user_writes_at_the_target_meanwhile_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The condition on the target holds, and the work looks again."""
    at = world()
    bring(at, "old")
    interfere(monkeypatch, lambda: void(at.write("b", "new", b"a user's")))

    outcome = bring(at, "new")

    assert (outcome.verdict, at.body("b", "new")) == (Verdict.CONFLICT, b"a user's")


def test_a_source_that_changes_meanwhile_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The source is confirmed after the copy, as after every write."""
    at = world()
    bring(at, "old")
    interfere(monkeypatch, lambda: void(at.write("a", "new", OTHER)))

    outcome = bring(at, "new")

    assert (outcome.verdict, at.body("b", "new")) == (Verdict.COPIED, OTHER)


def test_a_copy_with_other_bytes_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a store makes is compared with what was copied; the bytes are sent if it differs."""
    at = world()
    bring(at, "old")

    def damaged(
        self: MemoryCopies, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None
    ) -> PutReceipt:
        assert source.key == "old"
        wrong = bytes(source.size)
        return self._store.put(key, wrong, metadata=metadata, crc32c=crc32c(wrong), md5=None, expect=expect)

    monkeypatch.setattr(MemoryCopies, "copy", damaged)

    outcome = bring(at, "new")

    assert (outcome.verdict, outcome.saving) == (Verdict.COPIED, None)
    assert at.body("b", "new") == BODY


@pytest.mark.parametrize(
    "error",
    [
        StoreUnavailableError("down"),
        AccessDeniedError("no"),
        UnportableError("cannot"),
        ObjectTooLargeError("too large"),
    ],
)
def test_a_store_that_cannot_copy_is_sent_the_bytes(monkeypatch: pytest.MonkeyPatch, error: TradewindError) -> None:
    """What saves money keeps nothing from arriving."""
    at = world()
    bring(at, "old")

    def fail(*_: object, **__: object) -> PutReceipt:
        raise error

    monkeypatch.setattr(MemoryCopies, "copy", fail)

    assert (bring(at, "new").verdict, at.body("b", "new")) == (Verdict.COPIED, BODY)


def test_an_index_that_cannot_be_read_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither reading it nor writing it keeps a replica from arriving."""
    at = world()

    def fail(_: Records, name: str, *__: object, **___: object) -> None:
        if name.startswith("contents/"):
            raise StoreUnavailableError("the control bucket is down")

    monkeypatch.setattr(Records, "read", fail)
    monkeypatch.setattr(Records, "write", fail)

    assert (bring(at, "key").verdict, at.body("b", "key")) == (Verdict.COPIED, BODY)


def test_classes_of_data_do_not_share_content() -> None:
    """What is kept under another classification is not taken, though it is at the same site."""
    rules: tuple[dict[str, object], ...] = (
        {"name": "eu", "to": ["b"], "prefix": "eu/", "classification": "personal"},
        {"name": "any", "to": ["b"]},
    )
    at = World(*rules, reuse=ANY, apart=True)
    bring(at, "eu/key")

    assert bring(at, "key").saving is None


@pytest.mark.parametrize(
    ("rule", "reuse"),
    [
        ({"name": "all", "to": ["b"], "reuse": False}, ANY),
        (RULE, Reuse(floor=len(BODY) + 1, chance=1e12)),
        (RULE, Reuse()),
    ],
)
def test_where_it_does_not_pay_nothing_is_asked_and_nothing_kept(rule: dict[str, object], reuse: Reuse) -> None:
    """A rule may do without, and small objects cost no request more."""
    at = world(rule, reuse=reuse)
    bring(at, "one")

    assert (bring(at, "two").saving, entries(at)) == (None, [])
    assert at.stores["b"].calls.count("put") == 2


def test_a_way_that_costs_nothing_is_taken() -> None:
    """Inside a region nothing is looked for."""
    at = World(RULE, reuse=ANY)
    bring(at, "one")

    assert (bring(at, "two").saving, entries(at)) == (None, [])


def test_what_closes_a_set_is_read() -> None:
    """Its bytes name the members, so they are needed; the members themselves may be copied at the target."""
    at = world()
    for run in (1, 2):
        shard, index = f"run{run}/model-00001-of-00001.safetensors", f"run{run}/model.safetensors.index.json"
        names = json.dumps({"weight_map": {"layer": shard.rpartition("/")[2]}}).encode()
        saved = bring(at, shard).saving
        closing = bring(at, index, names)

        assert (saved is not None) == (run == 2)
        assert (closing.verdict, closing.saving, at.body("b", index)) == (Verdict.COPIED, None, names)


def test_what_is_compressed_is_neither_found_nor_looked_for() -> None:
    """Its bytes at the target are others than the source's."""
    delivery = {"mode": "batch", "cron": "* * * * *", "compress": "gzip"}
    at = world({"name": "all", "to": ["b"], "delivery": delivery})
    text = Metadata(content_type="text/plain")
    for key in ("one", "two"):
        at.write("a", key, BODY * 100, text)
        (outcome,) = at.replicator.replicate(replace(at.announce("a", key, Change.NOTHING), asked=True))
        assert (outcome.verdict, outcome.saving) == (Verdict.COPIED, None)

    assert entries(at) == []


def test_a_rule_that_reads_back_reads_the_copy() -> None:
    """And one that overwrites nothing still overwrites nothing."""
    at = world({"name": "all", "to": ["b"], "delivery": {"mode": "versioned"}})
    bring(at, "old")
    at.stores["b"].calls.clear()

    outcome = bring(at, "new")

    assert outcome.saving is not None
    assert read(at, "b")
    assert bring(at, "new", OTHER).verdict is Verdict.FAILED
    assert at.body("b", "new") == BODY


def test_sites_that_agree_share_content_in_both_directions() -> None:
    """What came from one site serves what another writes under another key."""
    at = world(TWO_WAY)
    bring(at, "old")

    from_a = bring(at, "new")
    from_b = bring(at, "third", site="b")

    assert (from_a.saving is not None, from_b.saving is not None) == (True, False)
    assert at.body("b", "new") == at.body("a", "third") == BODY
    assert bring(at, "fourth", site="b").saving is not None
    assert at.body("a", "fourth") == BODY


def test_one_target_may_have_what_another_lacks() -> None:
    """The bytes go to the one, and are copied at the other."""
    at = world({"name": "all", "to": ["b", "c"]})
    notify(at, at.write("a", "old/key", BODY), len(BODY))
    at.memory["c"].delete("old/key", expect=state(at, "c", "old/key").token)

    outcomes = notify(at, at.write("a", "new", BODY), len(BODY))

    assert {each.route.target: each.saving is not None for each in outcomes} == {"b": True, "c": False}
    assert at.body("b", "new") == at.body("c", "new") == BODY


def test_what_is_copied_at_the_target_takes_nothing_from_a_budget() -> None:
    """A budget without a cent left lets it pass, since no byte is paid for."""
    free: dict[str, object] = {"name": "free", "to": ["b"], "prefix": "free/"}
    broke: dict[str, object] = {"name": "broke", "to": ["b"], "budget": {"usd_per_month": 0}}
    at = World(free, broke, reuse=ANY, apart=True)
    bring(at, "free/key")

    assert bring(at, "key").saving is not None
    assert at.body("b", "key") == BODY
    assert bring(at, "other", OTHER).verdict is Verdict.DEFERRED


@pytest.mark.parametrize("rule", [RULE, TWO_WAY])
def test_what_nobody_knows_the_size_of_is_found_too(rule: dict[str, object]) -> None:
    """A key that is asked for, or announced as new, is looked for once its size is known; no byte is read."""
    at = world(rule)
    bring(at, "old")

    for attempt, key in enumerate(("asked for", "new"), 1):
        notification = replace(at.write("a", key, BODY), size=None)
        at.damage_on_the_way("a", key, OTHER)
        (outcome,) = at.replicator.replicate(notification, attempt=3 - attempt)
        assert outcome.saving is not None


def test_large_objects_are_known_again() -> None:
    """An object that arrived in parts is found, and one that is there already is not cut."""
    at = World(RULE, reuse=ANY, apart=True, parts=PartSizes(above=len(BODY) - 1, part=5))
    assert bring(at, "old").verdict is Verdict.STARTED
    work_off(at)

    outcome = bring(at, "new")

    assert (outcome.verdict, outcome.saving is not None) == (Verdict.COPIED, True)
    assert (at.queues["a"].depth(), at.body("b", "new")) == (0, BODY)
    assert provenance_of(state(at, "b", "new")) is not None


def shows(at: World, site: str, key: str, checksums: Checksums) -> None:
    """Let the store of a site keep these checksums of an object, and no others."""
    held = at.memory[site]._objects[key]
    at.memory[site]._objects[key] = replace(held, state=replace(held.state, checksums=checksums))


@pytest.mark.parametrize("above", [1, 100])
@pytest.mark.parametrize(
    ("kept", "found"),
    [
        (Checksums(crc64nvme=crc64nvme(BODY)), True),
        (Checksums(crc32c=crc32c(BODY), md5=md5(BODY)), True),
        (Checksums(crc32c=crc32c(BODY)), False),
        (Checksums(), False),
    ],
)
def test_what_the_source_shows_decides(kept: Checksums, above: int, *, found: bool) -> None:
    """A checksum of 64 bits or more tells content from all other, in one piece or in parts; a CRC-32C does not."""
    at = World(RULE, reuse=ANY, apart=True, parts=PartSizes(above=above, part=5))
    for key in ("old", "new"):
        notification = at.write("a", key, BODY)
        shows(at, "a", key, kept)
        (outcome,) = notify(at, notification, len(BODY))
        work_off(at)
        if above == 100:  # what arrives in parts shows what it was proven by only, as it does at S3
            shows(at, "b", key, Checksums(crc32c=crc32c(BODY)))

    assert (outcome.saving is not None) == found
    assert at.body("b", "new") == BODY


@dataclass(slots=True)
class BelievingStore(WatchedStore):
    """A store that keeps the MD5 that its client gives it, and no other checksum, as Azure does of blocks."""

    given: dict[str, bytes] = field(default_factory=dict)

    @property
    def checksum(self) -> Literal["crc32c", "md5"]:
        """An MD5."""
        return "md5"

    def head(self, key: str) -> ObjectState | None:
        """With what was given."""
        found = self.inner.head(key)
        return None if found is None else self._shown(found)

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """With what was given."""
        with self.inner.get(key, token=token, start=start, length=length) as download:
            yield Download(self._shown(download.state), download.chunks)

    def _shown(self, state: ObjectState) -> ObjectState:
        return replace(state, checksums=Checksums(md5=self.given[state.key]))


@pytest.mark.parametrize(("again", "above"), [("key", 100), ("other", 100), ("key", 1), ("other", 1)])
def test_an_md5_that_a_client_gave_its_store_is_not_believed(again: str, above: int) -> None:
    """A tool overwrites bytes with others of their size, and passes on their MD5: what was there before never stays."""
    at = World(RULE, reuse=ANY, apart=True, parts=PartSizes(above=above, part=5))
    store = at.stores["a"] = BelievingStore(at.memory["a"])
    changed = OTHER.ljust(len(BODY))[: len(BODY)]
    for key, body in (("key", BODY), (again, changed)):
        store.given[key] = md5(BODY)
        (outcome,) = notify(at, at.write("a", key, body), len(body))
        work_off(at)

    assert outcome.saving is None
    if above == 1:  # an MD5 cannot be combined from parts, so the bytes arrive, unproven
        assert at.body("b", again) == changed
    else:
        assert (outcome.verdict, type(outcome.error)) == (Verdict.FAILED, IntegrityError)
        assert at.body("b", again) == (BODY if again == "key" else None)
        assert notify(at, at.announce("a", again, Change.WRITTEN))[0].verdict is Verdict.FAILED


def test_content_that_nobody_finds_is_forgotten_in_the_end() -> None:
    """Each time it is found under a new key it is noted anew; what is of no use goes."""
    at = world()
    bring(at, "old")
    bring(at, "other", OTHER)
    at.pass_time((CONTENTS_KEPT - timedelta(days=1)).total_seconds())
    assert expire(at.records["b"], at.now).gone == 0
    bring(at, "new")
    at.pass_time(2 * 24 * 3600)

    assert expire(at.records["b"], at.now).gone == 1
    assert entries(at) == ["new", "old"]


def void(_: object) -> None:
    """Return nothing, where only what was done matters."""
