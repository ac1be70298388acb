"""Any order of the same events brings the sites of an `active_active` rule to the same state."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.fleet import ActiveActiveRule
from tradewind.ports import Checksums, Metadata, ObjectState
from tradewind.replication.agreeing.agreement import Steps, Write, agree
from tradewind.replication.agreeing.standing import View, rank_of
from tradewind.replication.agreeing.tombstones import Memory, Tombstone
from tradewind.replication.provenance import Provenance, Version, digest, fingerprint, provenance_of, stamped

SITES = ("a", "b", "c")
KEY = "models/x"
START = datetime(2026, 1, 1, tzinfo=UTC)


def rule_of(deletes: str = "propagate", conflict: str = "newest_wins") -> ActiveActiveRule:
    """Return a rule of three sites."""
    fields = {"name": "both", "mode": "active_active", "classification": "public"}
    return ActiveActiveRule.model_validate({**fields, "sites": SITES, "deletes": deletes, "conflict": conflict})


def own(token: str = "1", second: int = 0) -> ObjectState:
    """Return an object that a user wrote."""
    return ObjectState(KEY, token, 1, START + timedelta(seconds=second), Checksums(crc32c=7))


def replica(of: ObjectState, origin: str, token: str = "r") -> ObjectState:
    """Return a replica of `of`, which is at `origin`."""
    claim = Provenance(origin, Version.of(of), of.size, 7, fingerprint(KEY), metadata=digest(of.metadata))
    return ObjectState(KEY, token, of.size, START, Checksums(crc32c=7), stamped(Metadata(), claim))


def buried(second: int, site: str) -> Memory:
    """Return a memory of a user's delete."""
    return Memory(Tombstone(START + timedelta(seconds=second), site))


@dataclass
class Bench:
    """Three sites, on which steps can be taken for as many of them as are in sight."""

    rule: ActiveActiveRule
    states: dict[str, ObjectState | None] = field(default_factory=lambda: dict.fromkeys(SITES))
    memories: dict[str, Memory] = field(default_factory=lambda: dict.fromkeys(SITES, Memory()))
    writes: int = 0

    def agree(self, sites: Sequence[str]) -> Steps:
        """Ask what brings some sites closer."""
        return agree(self.rule, {site: View(self.states[site], self.memories[site]) for site in SITES if site in sites})

    def take(self, steps: Steps) -> None:
        """Take steps."""
        for burial in steps.burials:
            self.memories[burial.site] = Memory(burial.tombstone)
        for erasure in steps.erasures:
            self.states[erasure.site] = None
        for write in steps.writes:
            self.writes += 1
            state = self.states[write.source]
            assert state is not None
            claim = provenance_of(state)
            token = f"w{self.writes}"
            if claim is None:
                self.states[write.target] = replica(state, write.source, token)
            else:
                held = ObjectState(KEY, token, 1, START, Checksums(crc32c=7), stamped(Metadata(), claim))
                self.states[write.target] = held

    def settle(self, sites: Sequence[str]) -> None:
        """Look and act until nothing is left to do."""
        for _ in range(20):
            if not (steps := self.agree(sites)):
                return
            self.take(steps)
        pytest.fail("the sites chase each other")

    def told(self) -> list[object]:
        """Return what users see at each site."""
        told: list[object] = []
        for site, state in self.states.items():
            claim = provenance_of(state) if state else None
            version = claim.version if claim else Version.of(state) if state else None
            told.append((claim.origin if claim else site, version) if version else None)
        return told


deeds = st.lists(
    st.tuples(st.sampled_from(SITES), st.integers(0, 4), st.booleans()),
    min_size=1,
    max_size=3,
    unique_by=lambda d: d[0],
)


@given(
    deeds=deeds,
    conflict=st.sampled_from(["newest_wins", "source_wins", "keep_both"]),
    orders=st.lists(st.lists(st.sampled_from(SITES), min_size=2, max_size=3, unique=True), max_size=6),
)
def test_any_order_of_the_same_events_ends_in_the_same_state(
    deeds: list[tuple[str, int, bool]], conflict: str, orders: list[list[str]]
) -> None:
    """Whichever sites see each other first, all sites end with the one winner."""
    ends = []
    for order in ([], orders):
        bench = Bench(rule_of(conflict=conflict))
        for number, (site, second, is_write) in enumerate(deeds):
            if is_write:
                bench.states[site] = own(f"u{number}", second)
            else:
                bench.memories[site] = buried(second, site)
        for sites in order:
            bench.settle(sites)
        bench.settle(SITES)
        ends.append(bench.told())

    assert ends[0] == ends[1]
    assert len(set(map(str, ends[0]))) == 1


@given(first=st.integers(0, 3), second=st.integers(0, 3))
def test_the_newest_wins_and_the_later_site_breaks_a_tie(first: int, second: int) -> None:
    """The later time wins; at one time, the site that stands later in the rule."""
    bench = Bench(rule_of(), {"a": own("1", first), "b": own("2", second), "c": None})

    source = "a" if first > second else "b"
    assert {write.source for write in bench.agree(SITES).writes} == {source}


def test_what_the_first_site_holds_wins_however_old_it_is() -> None:
    """With `source_wins` no other site's time counts against the first site's object."""
    bench = Bench(rule_of(conflict="source_wins"), {"a": own("1", 0), "b": own("2", 3), "c": None})

    assert {write.source for write in bench.agree(SITES).writes} == {"a"}


def test_what_the_first_site_no_longer_holds_has_no_authority() -> None:
    """A replica of the first site's object is not spread when that site cannot be asked."""
    rule = rule_of(conflict="source_wins")
    steps = agree(rule, {"b": View(replica(own(), "a")), "c": View(own("2", 9))})

    assert not steps
    assert "only a can tell" in steps.waiting


def test_a_replica_whose_origin_lacks_it_goes() -> None:
    """An origin's delete needs no event: the replica is erased, after another look at the origin."""
    steps = agree(rule_of(), {"a": View(None), "b": View(replica(own(), "a", "t"))})

    assert [(step.site, step.expect, step.origin) for step in steps.erasures] == [("b", "t", "a")]


def test_a_replica_whose_origin_cannot_be_seen_stays() -> None:
    """An origin that cannot be read is not one that lacks the object."""
    steps = agree(rule_of(), {"b": View(replica(own(), "a")), "c": View(None)})

    assert [(write.source, write.target) for write in steps.writes] == [("b", "c")]


def test_what_a_lifecycle_rule_removed_at_its_origin_stays_at_the_others() -> None:
    """Expiry is no user's delete, now or at the next sweep; a user's delete after it is one."""
    expired = Memory(expired=START + timedelta(seconds=9))
    views = {"a": View(None, expired), "b": View(replica(own(), "a"))}
    assert not agree(rule_of(), views)

    deleted = Memory(Tombstone(START + timedelta(seconds=9), "a"), expired.expired)
    assert agree(rule_of(), views | {"a": View(None, deleted)}).erasures


def test_a_user_s_delete_of_a_replica_reaches_its_origin() -> None:
    """A tombstone that is newer than the object is told to every site, and the object goes, its own origin included."""
    original = own("1", 0)
    views = {"a": View(original), "b": View(None, buried(5, "b")), "c": View(replica(original, "a"))}

    steps = agree(rule_of(), views)

    assert {step.site for step in steps.burials} == {"a", "c"}
    assert {step.site for step in steps.erasures} == {"a", "c"}


def test_what_is_there_now_was_written_after_every_delete_at_its_own_site() -> None:
    """A clock that stepped back, or an upload in parts, dates an object before the delete that it followed."""
    views = {"a": View(own("2", 0), buried(5, "a")), "b": View(None, buried(5, "a")), "c": View(None)}

    steps = agree(rule_of(), views)

    assert {(write.source, write.target) for write in steps.writes} == {("a", "b"), ("a", "c")}


def test_a_delete_at_its_own_site_that_only_another_remembers_removes_nothing() -> None:
    """Records expire one by one: what is at its origin now came after a delete there, whoever still knows of that."""
    views = {"a": View(own("2", 0)), "b": View(None, buried(5, "a")), "c": View(None)}

    steps = agree(rule_of(), views)

    assert not steps.erasures
    assert {(write.source, write.target) for write in steps.writes} == {("a", "b"), ("a", "c")}


def test_within_one_tick_only_the_origin_tells_what_came_last() -> None:
    """Where an object and a delete bear one time and the origin is not in sight, nothing is done."""
    views = {"b": View(replica(own("1", 5), "a")), "c": View(None, buried(5, "a"))}

    steps = agree(rule_of(), views)

    assert not steps
    assert steps.waiting


def test_where_the_origin_let_both_go_all_choose_alike() -> None:
    """Two versions of one time, whose origin holds neither any more, do not wait for it for ever."""
    views = {"a": View(None), "b": View(replica(own("1", 5), "a")), "c": View(replica(own("2", 5), "a"))}

    steps = agree(rule_of(deletes="keep"), views)

    assert [(write.source, write.target) for write in steps.writes] == [("c", "b")]


def test_keeping_what_is_deleted_removes_nothing_and_restores_nothing_at_its_origin() -> None:
    """With `deletes: keep` a replica outlives its origin's object, and is not spread any further."""
    views = {"a": View(None), "b": View(replica(own(), "a")), "c": View(None)}

    assert not agree(rule_of(deletes="keep"), views)


def test_only_a_user_s_object_is_kept_aside() -> None:
    """With `keep_both` what a user wrote is kept before it is overwritten; a replica is kept by its origin."""
    views = {"a": View(own("1", 9)), "b": View(own("2", 0)), "c": View(replica(own("2", 0), "b"))}

    steps = agree(rule_of(conflict="keep_both"), views)

    assert {write.target: write.aside for write in steps.writes} == {"b": True, "c": False}


@given(seconds=st.lists(st.integers(0, 5), min_size=2, max_size=2))
def test_ranks_of_deletes_are_ordered(seconds: list[int]) -> None:
    """The later delete outranks the earlier; at one time, that of the later site."""
    one, other = (Tombstone(START + timedelta(seconds=s), site) for s, site in zip(seconds, "ab", strict=True))

    assert (rank_of(rule_of(), one) > rank_of(rule_of(), other)) == (seconds[0] > seconds[1])


def test_every_step_has_the_condition_that_was_read() -> None:
    """Nothing is written or erased on another condition than the token that was seen."""
    bench = Bench(rule_of(), {"a": own("1", 9), "b": own("2", 0), "c": None})
    steps = bench.agree(SITES)

    assert steps == Steps(writes=(Write("a", "b", "2"), Write("a", "c", None)))
