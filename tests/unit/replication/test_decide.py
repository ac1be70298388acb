"""What is to be done about one key at one target."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewind.errors import ConflictError
from tradewind.fleet import OneWayRule
from tradewind.ports import Checksums, Metadata, ObjectState
from tradewind.replication.decide import Copy, Keep, Remove, Verdict, decide
from tradewind.replication.provenance import Provenance, Version, digest, fingerprint, provenance_of, stamped

SITES = ("a", "b", "c")
KEY = "models/x"
START = datetime(2026, 1, 1, tzinfo=UTC)


def one_way(
    *, deletes: Literal["propagate", "keep"] = "keep", conflict: Literal["keep", "overwrite", "fail"] = "keep"
) -> OneWayRule:
    """Return a rule from `a` to `b`."""
    return OneWayRule.model_validate(
        {
            "name": "one",
            "mode": "one_way",
            "from": "a",
            "to": ["b"],
            "classification": "public",
            "deletes": deletes,
            "conflict": conflict,
        }
    )


def own(token: str = "1", second: int = 0) -> ObjectState:
    """An object that a user wrote."""
    return ObjectState(KEY, token, 1, START + timedelta(seconds=second), Checksums(crc32c=7))


def replica(of: ObjectState, origin: str, token: str = "r", second: int = 9) -> ObjectState:
    """A replica of `of`, which is at `origin`."""
    claim = Provenance(origin, Version.of(of), of.size, 7, fingerprint(KEY), metadata=digest(of.metadata))
    metadata = stamped(Metadata(), claim)
    return ObjectState(KEY, token, of.size, START + timedelta(seconds=second), Checksums(crc32c=7), metadata)


owns = st.builds(own, token=st.sampled_from("12"), second=st.integers(0, 3))
replicas = st.builds(replica, owns, origin=st.sampled_from(SITES), token=st.sampled_from("rs"))
states = st.none() | owns | replicas
rules = st.builds(one_way, deletes=st.sampled_from(["propagate", "keep"]))


def test_a_new_object_is_created() -> None:
    """What the target lacks is written on the condition that it still lacks it."""
    assert decide(one_way(), "a", "b", own(), None) == Copy(expect=None)


def test_a_newer_version_replaces_its_replica() -> None:
    """A replica of an older version is replaced on the condition that it is still that replica."""
    assert decide(one_way(), "a", "b", own("2", 1), replica(own("1"), "a")) == Copy(expect="r")


def test_a_rewrite_of_the_same_bytes_is_a_new_version() -> None:
    """On S3 two writes of the same bytes have one ETag; their times tell them apart."""
    assert decide(one_way(), "a", "b", own("1", 1), replica(own("1", 0), "a")) == Copy(expect="r")


def test_changed_metadata_replaces_the_replica() -> None:
    """Where a store changes metadata without making a new version, the replica is replaced all the same."""
    patched = replace(own(), metadata=Metadata(user={"stage": "production"}))

    assert decide(one_way(), "a", "b", patched, replica(own(), "a")) == Copy(expect="r")


def test_in_sync() -> None:
    """A replica of the present version is left alone."""
    decision = decide(one_way(), "a", "b", own(), replica(own(), "a"))

    assert isinstance(decision, Keep)
    assert decision.verdict is Verdict.IN_SYNC


@given(rule=rules, of=owns, origin=st.sampled_from(["b", "c"]), target=states)
def test_a_replica_is_never_sent_on(rule: OneWayRule, of: ObjectState, origin: str, target: ObjectState | None) -> None:
    """Whatever the target holds, a replica at the source writes nothing and pulls nothing."""
    assert isinstance(decide(rule, "a", "b", replica(of, origin), target), Keep)


def test_a_replica_that_came_back_to_its_origin_is_the_user_s_object() -> None:
    """Who restores an object from its replica, metadata and all, has it replicated like any other write."""
    assert decide(one_way(), "a", "b", replica(own(), "a"), None) == Copy(expect=None)


@given(source=states, target=states)
def test_one_way_never_touches_what_it_did_not_write(source: ObjectState | None, target: ObjectState | None) -> None:
    """A target's object that is no replica of this source survives every decision of a rule that keeps it."""
    assume(target is not None)
    assert target is not None
    claim = provenance_of(target)
    assume(claim is None or claim.origin != "a")

    assert isinstance(decide(one_way(deletes="propagate"), "a", "b", source, target), Keep)


@given(rule=rules, source=states, target=states)
def test_every_write_has_the_condition_that_was_read(
    rule: OneWayRule, source: ObjectState | None, target: ObjectState | None
) -> None:
    """No decision writes or deletes on any other condition than the target's token."""
    match decide(rule, "a", "b", source, target):
        case Copy(expect):
            assert expect == (target.token if target else None)
        case Remove(expect, _):
            assert target is not None
            assert expect == target.token


def test_conflict_policies_of_one_way() -> None:
    """What a user wrote at a target is kept, overwritten or an error, as the rule says."""
    theirs = own("t")

    kept = decide(one_way(), "a", "b", own(), theirs)
    assert isinstance(kept, Keep)
    assert kept.verdict is Verdict.CONFLICT
    assert decide(one_way(conflict="overwrite"), "a", "b", own(), theirs) == Copy(expect="t")
    with pytest.raises(ConflictError, match="written at b"):
        decide(one_way(conflict="fail"), "a", "b", own(), theirs)


def test_a_delete_removes_only_the_source_s_replica() -> None:
    """With `propagate` the unchanged replica goes; without, and for anything else, nothing does."""
    removal = decide(one_way(deletes="propagate"), "a", "b", None, replica(own(), "a"))
    assert removal == Remove("r", Version.of(own()))
    assert isinstance(decide(one_way(deletes="keep"), "a", "b", None, replica(own(), "a")), Keep)
