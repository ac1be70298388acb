"""What is at a target already is copied there, and every promise of replication is kept on the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest

from rigs.world import PLAIN, World
from tradewind.checksums import crc64nvme, md5
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Checksums, Metadata, Notification, ObjectState
from tradewind.replication.contents.worth import Reuse
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.provenance import provenance_of

ANY = Reuse(floor=1, chance=1e12)
"""Looks for everything that is not empty."""
BODY = b"weights of a model"
OTHER = b"weights of another"
RULE: dict[str, object] = {"name": "all", "to": ["b"]}
TWO_WAY: dict[str, object] = {"name": "all", "sites": ["a", "b"]}


def world(*rules: dict[str, object], reuse: Reuse = ANY) -> World:
    """Return a world in which it pays to look for any content."""
    return World(*(rules or (RULE,)), reuse=reuse, apart=True)


def later(notification: Notification) -> Notification:
    """Return a notification that is not taken for one of a new small key."""
    return replace(notification, size=None)


def bring(at: World, key: str, body: bytes = BODY, metadata: Metadata = PLAIN, *, site: str = "a") -> Outcome:
    """Write an object as a user, replicate it, and return how that ended at the one target."""
    notification = at.write(site, key, body, metadata)
    at.pass_time()
    (outcome,) = at.replicator.replicate(notification, attempt=2)
    return outcome


def reads(at: World) -> int:
    """Return how often the source was asked for bytes, and forget it."""
    calls = at.stores["a"].calls.count("get")
    at.stores["a"].calls.clear()
    return calls


def state(at: World, site: str, key: str) -> ObjectState:
    """Return the state of what is there."""
    found = at.memory[site].head(key)
    assert found is not None
    return found


def entries(at: World, site: str = "b") -> list[str]:
    """Return the keys that the index of a site names."""
    records = at.records[site]
    found = [records.read(each.key) for each in records.list("contents/")]
    return sorted(each.value["key"] for each in found if each is not None)


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
    assert "'old/weights.bin', which holds the same content" in outcome.reason
    assert at.body("b", "new/weights.bin") == BODY
    assert {**copy.metadata.user, "tradewind": ""} == {"stage": "production", "tradewind": ""}
    assert claim is not None
    assert (claim.origin, claim.version.token) == ("a", state(at, "a", "new/weights.bin").token)
