"""What is to be done about one key at one target. Pure: states in, a decision out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from tradewind.errors import ConflictError
from tradewind.fleet import ActiveActiveRule, Rule
from tradewind.ports import ObjectState
from tradewind.replication.provenance import Provenance, is_of, provenance_of


class Verdict(StrEnum):
    """How it stands with one key at one target; for the audit log and for people."""

    COPIED = "copied"
    REMOVED = "removed"
    IN_SYNC = "in sync"
    REPLICA = "is a replica"
    ABSENT = "absent"
    KEPT = "kept"
    OUTRANKED = "outranked"
    CONFLICT = "conflict"
    REFUSED = "refused"
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


@dataclass(frozen=True, slots=True)
class Pull:
    """The target's object wins: bring it here."""


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing is to be done."""

    verdict: Verdict
    reason: str


Decision: TypeAlias = Copy | Remove | Pull | Keep


def decide(
    rule: Rule, origin: str, target_site: str, source: ObjectState | None, target: ObjectState | None
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
    if (replica := provenance_of(source)) is not None:
        return Keep(Verdict.REPLICA, f"a replica of the object at {replica.origin}, and replicas are not sent on")
    if target is None:
        return Copy(expect=None)
    theirs = provenance_of(target)
    if theirs is not None and theirs.origin == origin:
        fresh = is_of(theirs, source)
        return Keep(Verdict.IN_SYNC, "the target has this version") if fresh else Copy(expect=target.token)
    if isinstance(rule, ActiveActiveRule):
        return _newest(rule, origin, target_site, source, target, theirs)
    return _one_way_conflict(rule.conflict, origin, target_site, target, theirs)


def _without_source(rule: Rule, origin: str, target: ObjectState | None) -> Decision:
    if target is None:
        return Keep(Verdict.ABSENT, "at neither site")
    if rule.deletes == "keep":
        return Keep(Verdict.KEPT, "deleted at the source, and the rule keeps what is deleted")
    theirs = provenance_of(target)
    if theirs is None or theirs.origin != origin:
        return Keep(Verdict.KEPT, "deleted at the source, and the target's object did not come from there")
    return Remove(expect=target.token)


def _newest(
    rule: ActiveActiveRule,
    origin: str,
    target_site: str,
    source: ObjectState,
    target: ObjectState,
    theirs: Provenance | None,
) -> Decision:
    """Order two independent writes: by the time at the writing site, then by the rule's order of sites."""

    def rank(site: str, modified: datetime) -> tuple[datetime, int]:
        return modified, rule.sites.index(site) if site in rule.sites else -1

    mine = rank(origin, source.modified)
    other = rank(theirs.origin, theirs.version.modified) if theirs else rank(target_site, target.modified)
    if mine > other:
        return Copy(expect=target.token)
    if theirs is None:
        return Pull()
    return Keep(Verdict.OUTRANKED, f"the target has a newer object of {theirs.origin}")


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
