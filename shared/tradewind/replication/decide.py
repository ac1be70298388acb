"""What is to be done about one key at one target of a one-way rule. Pure: states in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from tradewind.errors import ConflictError
from tradewind.fleet import OneWayRule
from tradewind.ports import ObjectState
from tradewind.replication.provenance import Provenance, Version, is_of, provenance_of


class Verdict(StrEnum):
    """How it stands with one key at one target; for the audit log and for people."""

    COPIED = "copied"
    STARTED = "started"
    """It is copied in parts, by many functions; the last of them says `copied`."""
    REMOVED = "removed"
    IN_SYNC = "in sync"
    REPLICA = "is a replica"
    ABSENT = "absent"
    KEPT = "kept"
    CONFLICT = "conflict"
    REFUSED = "refused"
    HELD = "held"
    """The delete guard is shut."""
    DEFERRED = "deferred"
    """The rule copies it later, by its mode."""
    IGNORED = "ignored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Copy:
    """Write the source's object at the target if the target's token is `expect` (None: if it is absent)."""

    expect: str | None


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete the target's object if its token is `expect`."""

    expect: str
    version: Version
    """Of the source, of which it is a replica."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is to be done."""

    verdict: Verdict
    reason: str


Decision: TypeAlias = Copy | Remove | Keep


def decide(
    rule: OneWayRule, origin: str, target_site: str, source: ObjectState | None, target: ObjectState | None
) -> Decision:
    """Say what makes `target` what `rule` wants it to be.

    Args:
        rule: The rule that sends keys from `origin` to `target_site`.
        origin: Site of `source`.
        target_site: Site of `target`.
        source: The key's state at `origin`, read after `target`; None if it is absent.
        target: The key's state at `target_site`; None if it is absent.

    Raises:
        ConflictError: The rule says that a conflict is an error.
    """
    if source is None:
        return _without_source(rule, origin, target)
    # A replica that came back to its own origin was put there by a user, so it is the user's object.
    if (replica := provenance_of(source)) is not None and replica.origin != origin:
        return Keep(Verdict.REPLICA, f"a replica of the object at {replica.origin}, and replicas are not sent on")
    if target is None:
        return Copy(expect=None)
    theirs = provenance_of(target)
    if theirs is not None and theirs.origin == origin:
        fresh = is_of(theirs, source)
        return Keep(Verdict.IN_SYNC, "the target has this version") if fresh else Copy(expect=target.token)
    return _one_way_conflict(rule.conflict, origin, target_site, target, theirs)


def _without_source(rule: OneWayRule, origin: str, target: ObjectState | None) -> Decision:
    if target is None:
        return Keep(Verdict.ABSENT, "at neither site")
    if rule.deletes == "keep":
        return Keep(Verdict.KEPT, "deleted at the source, and the rule keeps what is deleted")
    theirs = provenance_of(target)
    if theirs is None or theirs.origin != origin:
        return Keep(Verdict.KEPT, "deleted at the source, and the target's object did not come from there")
    return Remove(target.token, theirs.version)


def _one_way_conflict(
    policy: str, origin: str, target_site: str, target: ObjectState, theirs: Provenance | None
) -> Decision:
    whose = f"a replica of {theirs.origin}" if theirs else f"an object that was written at {target_site}"
    if policy == "overwrite":
        return Copy(expect=target.token)
    if policy == "fail":
        raise ConflictError(
            f"{target.key!r} at {target_site} is {whose}, and the rule is one-way from {origin}",
            hint="Remove or rename one of the two, then redrive this message; or set the rule's `conflict`",
        )
    return Keep(Verdict.CONFLICT, f"the target holds {whose}, and the rule keeps it")
