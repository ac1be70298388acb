"""What each site of an `active_active` rule holds of one key, and how that ranks. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from tradewind.fleet import ActiveActiveRule, Fleet
from tradewind.ports import ObjectState
from tradewind.replication.agreeing.tombstones import NOTHING, Memory, Tombstone
from tradewind.replication.provenance import Provenance, Version, digest, provenance_of
from tradewind.replication.routes import routes_for


class Rank(NamedTuple):
    """The order of all that users did to a key, the greatest counts. The same at every site."""

    authority: bool
    """`source_wins`: whether it is what the rule's first site holds."""
    time: datetime
    """By the clock of the site at which it was done."""
    site: int
    """Where two bear the same time: the place of the site in the rule."""


class Content(NamedTuple):
    """Which object of which user, wherever a copy of it is."""

    origin: str
    version: Version
    metadata: str
    """Digest of the origin's metadata."""


@dataclass(frozen=True, slots=True)
class View:
    """One key at one site, at one moment."""

    state: ObjectState | None
    memory: Memory = NOTHING


@dataclass(frozen=True, slots=True)
class Holding:
    """What a site holds."""

    content: Content
    rank: Rank
    token: str
    claim: Provenance | None
    """Of a replica; None for what a user wrote here."""


def rank_of(rule: ActiveActiveRule, tombstone: Tombstone) -> Rank:
    """Rank a user's delete. It never has authority: what the first site holds now needs no memory to be known."""
    return Rank(authority=False, time=tombstone.time, site=_place(rule, tombstone.site))


def holdings_of(rule: ActiveActiveRule, views: Mapping[str, View]) -> dict[str, Holding | None]:
    """Return what each site holds, given all that is remembered of deletes at any of them."""
    deleted: dict[str, datetime] = {}
    for view in views.values():
        if buried := view.memory.tombstone:
            deleted[buried.site] = max(buried.time, deleted.get(buried.site, buried.time))
    return {site: holding_of(rule, site, view.state, deleted.get(site)) for site, view in views.items()}


def holding_of(
    rule: ActiveActiveRule, site: str, state: ObjectState | None, deleted: datetime | None = None
) -> Holding | None:
    """Return what `site` holds, or None.

    A replica that came back to its own origin was put there by a user, so it is the user's object. What a user wrote
    at a site and is there now was written after every delete at that site that is known, so it counts as of the latest
    of those: a store's clock may have stepped back, and S3 dates an upload in parts from when it was begun.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html

    Args:
        rule: The rule that covers the key.
        site: Where it is.
        state: The object there.
        deleted: When a user last deleted the key at this site, as far as any site remembers.
    """
    if state is None:
        return None
    claim = provenance_of(state)
    if claim is not None and claim.origin != site:
        time = claim.as_of or claim.version.modified
        content = Content(claim.origin, claim.version, claim.metadata)
        return Holding(content, _rank(rule, claim.origin, time), state.token, claim)
    time = max(state.modified, deleted) if deleted else state.modified
    content = Content(site, Version.of(state), digest(state.metadata))
    return Holding(content, _rank(rule, site, time), state.token, None)


def is_foreign(fleet: Fleet, rule: ActiveActiveRule, site: str, state: ObjectState | None) -> bool:
    """Say whether another rule brought a replica to `site`, from a site that is none of this rule's.

    Replicas are not sent on, and what another rule brings is that rule's to overwrite and to remove.
    """
    claim = provenance_of(state) if state else None
    if state is None or claim is None or claim.origin in rule.sites or claim.origin not in fleet.sites:
        return False
    routes = routes_for(fleet, claim.origin, state.key)
    return any(route.target == site and route.rule.name != rule.name for route in routes)


def same(one: Holding, other: Holding) -> bool:
    """Say whether both are one user's object, with the same metadata as far as that is known."""
    if one.content[:2] != other.content[:2] or one.rank != other.rank:
        return False
    return one.content.metadata == other.content.metadata or "" in (one.content.metadata, other.content.metadata)


def vouched(holding: Holding, site: str, views: Mapping[str, View], holdings: Mapping[str, Holding | None]) -> bool:
    """Say whether the origin of what `site` holds still holds it, as far as can be seen.

    The present state of its origin decides about a replica. An origin that was not read, or that is no site of the
    rule, is not one that lacks the object; and what a lifecycle rule removed there, no user deleted.
    """
    origin = holding.content.origin
    if origin == site or origin not in views:
        return True
    home = holdings[origin]
    if home is None:
        let_go = views[origin].memory.let_go
        return let_go is not None and let_go >= holding.content.version.modified
    return home.claim is None and same(home, holding)


def _rank(rule: ActiveActiveRule, site: str, time: datetime) -> Rank:
    authority = rule.conflict == "source_wins" and site == rule.sites[0]
    return Rank(authority, time, _place(rule, site))


def _place(rule: ActiveActiveRule, site: str) -> int:
    return rule.sites.index(site) if site in rule.sites else -1
