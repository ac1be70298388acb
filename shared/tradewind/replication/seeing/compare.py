"""How one key stands at all the sites of a rule. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple

from tradewind.checksums import strongest
from tradewind.fleet import ActiveActiveRule, OneWayRule, Rule
from tradewind.ports import Checksums, Metadata, ObjectState
from tradewind.replication.agreeing.standing import Holding, View, holdings_of, same, vouched
from tradewind.replication.modes.immutable import is_versioned, same_bytes
from tradewind.replication.provenance import (
    Provenance,
    Version,
    agree,
    claim_of,
    digest,
    fingerprint,
    is_of,
    provenance_of,
)
from tradewind.replication.routes import Passage


class Finding(StrEnum):
    """What is said of one key at one site."""

    MATCH = "match"
    """The replica of the present version, and its store keeps the checksum that was computed when it was copied."""
    UNPROVEN = "unproven"
    """The replica of the present version, as it was written; but its origin keeps no checksum of what was copied."""
    MISSING = "missing"
    STALE = "stale"
    """A replica of another version than the present one."""
    METADATA = "metadata"
    """The right bytes, with other metadata than the origin has now, or than was written with them."""
    EXTRA = "extra"
    """A replica whose origin has no such object any more, though the rule propagates deletes."""
    CONFLICT = "conflict"
    """Written independently at two sites."""
    FORBIDDEN = "forbidden"
    """A replica where the compliance gate lets none be."""
    CORRUPT = "corrupt"
    """It says that it is a replica, and is not what was copied: damaged, or overwritten by who kept its metadata."""
    INCOMPLETE = "incomplete"
    """The closing key of an artifact set, held back because the set is not whole there."""
    HELD = "held"
    """It is to be removed, and the delete guard is shut."""
    UNREADABLE = "unreadable"
    """The key could not be looked at, there or where it comes from, for a reason that is this key's alone."""
    REFUSED = "refused"
    """There is none, since the compliance gate lets none be."""


IN_ORDER = frozenset({Finding.MATCH, Finding.UNPROVEN, Finding.REFUSED})
"""Findings that are no difference between the sites."""


class Judgement(NamedTuple):
    """A finding, and what follows from it."""

    finding: Finding
    reason: str
    origin: str
    """The site whose object counts; of an extra replica, the site it came from."""
    repairable: bool = False
    """Whether the rule says what to do, so that looking at the key again mends it."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding that a person may have to do something about."""

    key: str
    site: str
    finding: Finding
    reason: str


def as_if_tagged(states: Mapping[str, ObjectState | None], untagged: Collection[str]) -> dict[str, ObjectState | None]:
    """Return the states as if each replica bore its origin's tags where its store keeps none, so that none is missed.

    Args:
        states: A key's, by site.
        untagged: Sites whose stores keep no tags.
    """
    return {site: _tagged(site, state, states) if site in untagged else state for site, state in states.items()}


def _tagged(site: str, state: ObjectState | None, states: Mapping[str, ObjectState | None]) -> ObjectState | None:
    claim = claim_of(state) if state is not None else None
    if state is None or claim is None or claim.origin == site or (original := states.get(claim.origin)) is None:
        return state
    return replace(state, metadata=replace(state.metadata, tags=original.metadata.tags))


def compare(
    rule: Rule, states: Mapping[str, ObjectState | None], passage: Callable[[str, str], Passage]
) -> dict[str, Judgement]:
    """Return what is to be said of one key at each site that should hold a replica of it.

    What a person deleted at a site of an `active_active` rule is only known from tombstones, which are not read here:
    where a delete is still to arrive, its site counts as one that lacks the object. Whoever repairs it reads them.

    Args:
        rule: A rule that covers the key.
        states: The key's state at every site of the rule; None where it is absent.
        passage: Says whether the key is to go from one site to another by this rule.
    """
    if isinstance(rule, OneWayRule):
        return _one_way(rule, states, passage)
    return _active_active(rule, states, passage)


def _one_way(
    rule: OneWayRule, states: Mapping[str, ObjectState | None], passage: Callable[[str, str], Passage]
) -> dict[str, Judgement]:
    origin, original = rule.from_, states[rule.from_]
    if original is None:
        return _orphans(rule, states, passage)
    if (claim := provenance_of(original)) is not None and claim.origin != origin:
        return {}  # a replica of another rule, and replicas are not sent on
    found: dict[str, Judgement] = {}
    for site in rule.to:
        state = states[site]
        allowed = passage(origin, site)
        if allowed is Passage.OPEN:
            found[site] = _stands(rule, origin, original, state)
        elif allowed is Passage.FORBIDDEN:
            found[site] = _barred(origin, there=state is not None and _origin_of(state) == origin)
    return found


def _orphans(
    rule: OneWayRule, states: Mapping[str, ObjectState | None], passage: Callable[[str, str], Passage]
) -> dict[str, Judgement]:
    if rule.deletes == "keep":
        return {}
    return {
        site: _extra(rule.from_)
        for site in rule.to
        if (state := states[site])
        and _origin_of(state) == rule.from_
        and passage(rule.from_, site) is not Passage.ELSEWHERE
    }


def _active_active(
    rule: ActiveActiveRule, states: Mapping[str, ObjectState | None], passage: Callable[[str, str], Passage]
) -> dict[str, Judgement]:
    views = {site: View(state) for site, state in states.items()}
    holdings = holdings_of(rule, views)
    held = {site: holding for site, holding in holdings.items() if holding is not None}
    standing = {site: each for site, each in held.items() if vouched(each, site, views, holdings)}
    if not standing:
        if rule.deletes == "keep":
            return {}
        return {
            site: _extra(each.content.origin)
            for site, each in held.items()
            if passage(each.content.origin, site) is not Passage.ELSEWHERE
        }
    winner = max(standing.values(), key=lambda each: each.rank)
    origin = winner.content.origin
    found: dict[str, Judgement] = {}
    for site in rule.sites:
        if site == origin:
            continue  # what it holds now is what counts, whatever the others have
        allowed = passage(origin, site) if origin in rule.sites else Passage.OPEN
        if allowed is Passage.OPEN:
            found[site] = _agrees(rule, winner, states.get(origin), states[site], holdings[site])
        elif allowed is Passage.FORBIDDEN:
            found[site] = _barred(origin, there=site in held and held[site].content.origin == origin)
    return found


def _agrees(
    rule: Rule, winner: Holding, original: ObjectState | None, state: ObjectState | None, holding: Holding | None
) -> Judgement:
    origin = winner.content.origin
    if original is not None and (state is None or holding is None or holding.content.origin == origin):
        return _stands(rule, origin, original, state)
    if holding is None or state is None:
        return Judgement(Finding.MISSING, f"others hold what {origin} had", origin, repairable=True)
    if holding.claim is None:
        return _unclaimed(rule, origin, state)
    if same(holding, winner):
        return _proven(origin, original, state, holding.claim)
    reason = f"a replica of {holding.content.origin}, and what {origin} has counts"
    return Judgement(Finding.STALE, reason, origin, repairable=not is_versioned(rule))


def _stands(rule: Rule, origin: str, original: ObjectState, state: ObjectState | None) -> Judgement:
    """Compare what a site holds with the object that counts, which is at `origin`."""
    if state is None:
        return Judgement(Finding.MISSING, f"{origin} has it", origin, repairable=True)
    claim = provenance_of(state)
    if claim is None:
        return _unclaimed(rule, origin, state)
    if claim.origin != origin:
        reason = f"a replica of {claim.origin}, and {origin} has an object of that key"
        return Judgement(Finding.CONFLICT, reason, origin, _resolves(rule))
    outdated = None if is_of(claim, original) else _outdated(rule, origin, original, state, claim)
    return outdated or _proven(origin, original, state, claim)


def _outdated(
    rule: Rule, origin: str, original: ObjectState, state: ObjectState, claim: Provenance
) -> Judgement | None:
    """Judge a replica that was made of something else than its origin has now; None if that is as it should be."""
    same = claim.version == Version.of(original)
    if is_versioned(rule):
        if same or same_bytes(original, state):
            return None
        reason = f"another version than {origin} has, and the rule overwrites nothing"
        return Judgement(Finding.CONFLICT, reason, origin)
    if same:
        return Judgement(Finding.METADATA, f"the metadata at {origin} was changed since", origin, repairable=True)
    reason = f"a replica of {claim.version.token} of {origin}, which is at {original.token} now"
    return Judgement(Finding.STALE, reason, origin, repairable=True)


def _proven(origin: str, original: ObjectState | None, state: ObjectState, claim: Provenance) -> Judgement:
    """Say how well a replica of the present version is proven."""
    if original is not None and agree(original.checksums, claim.checksums) is False:
        reason = f"its checksum is {strongest(claim.checksums)}, and {origin} keeps {strongest(original.checksums)}"
        return Judgement(Finding.CORRUPT, reason, origin)
    if original is not None and not bears(_as_copied(state, claim), original.metadata):
        return Judgement(Finding.METADATA, "its metadata was changed here", origin)
    if original is not None and original.checksums == Checksums():
        return Judgement(Finding.UNPROVEN, f"{origin} keeps no checksum of it", origin)
    return Judgement(Finding.MATCH, strongest(claim.checksums) or "", origin)


def _as_copied(state: ObjectState, claim: Provenance) -> Metadata:
    """Return a replica's metadata without what tells the form in which it is stored."""
    if claim.stored is None or state.metadata.content_encoding != claim.stored.encoding:
        return state.metadata
    return replace(state.metadata, content_encoding=None)


def bears(replica: Metadata, origin: Metadata) -> bool:
    """Say whether a replica's metadata is its origin's; S3 and Azure make up a content type where there was none."""
    typed = replica if origin.content_type is not None else replace(replica, content_type=None)
    return digest(typed) == digest(origin)


def _unclaimed(rule: Rule, origin: str, state: ObjectState) -> Judgement:
    """Judge an object that is no replica: nobody can tell damage from a user who kept the metadata."""
    said = claim_of(state)
    if said is not None and said.origin == origin and said.key == fingerprint(state.key):
        reason = f"it says that it is a replica of {origin}, and is not what was copied there"
        return Judgement(Finding.CORRUPT, reason, origin, _resolves(rule))
    return Judgement(
        Finding.CONFLICT, f"not a replica, and {origin} has an object of that key", origin, _resolves(rule)
    )


def _resolves(rule: Rule) -> bool:
    return not is_versioned(rule) and (isinstance(rule, ActiveActiveRule) or rule.conflict == "overwrite")


def _origin_of(state: ObjectState) -> str | None:
    claim = provenance_of(state)
    return claim.origin if claim else None


def _extra(origin: str) -> Judgement:
    return Judgement(Finding.EXTRA, f"a replica of {origin}, which has no such object", origin, repairable=True)


def _barred(origin: str, *, there: bool) -> Judgement:
    if not there:
        return Judgement(Finding.REFUSED, "the compliance gate does not let it go there", origin)
    reason = f"a replica of {origin}, which the compliance gate does not let go there"
    return Judgement(Finding.FORBIDDEN, reason, origin)
