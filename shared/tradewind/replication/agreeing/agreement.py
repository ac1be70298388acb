"""What the sites of an `active_active` rule have to do to agree on one key. Pure: views in, steps out.

It is the algorithm of DESIGN (active-active, newest wins), for all the sites that can be seen at once: the origin's
present state decides about a replica, then every lesser object and tombstone gives way to the greatest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from tradewind.fleet import ActiveActiveRule
from tradewind.replication.agreeing.standing import Holding, View, holdings_of, rank_of, same, vouched
from tradewind.replication.agreeing.tombstones import Tombstone


@dataclass(frozen=True, slots=True)
class Write:
    """Bring what `source` holds to `target`, if the target's token is `expect` (None: if it is absent)."""

    source: str
    target: str
    expect: str | None
    origin: str | None = None
    """The site that must be looked at again first, because it no longer holds what the target holds."""
    aside: bool = False
    """Keep the target's object under another key first: a user wrote it, and it loses."""


@dataclass(frozen=True, slots=True)
class Erase:
    """Delete what is at `site`, if its token is `expect`."""

    site: str
    expect: str
    origin: str | None
    """The site that must be looked at again first, because it no longer holds the object; None if a user deleted it."""
    reason: str


@dataclass(frozen=True, slots=True)
class Bury:
    """Let `site` know of a user's delete."""

    site: str
    tombstone: Tombstone


@dataclass(frozen=True, slots=True)
class Steps:
    """What is to be done; nothing if the sites agree."""

    writes: tuple[Write, ...] = ()
    erasures: tuple[Erase, ...] = ()
    burials: tuple[Bury, ...] = ()
    waiting: str = ""
    """Why nothing is done though the sites differ."""

    def __bool__(self) -> bool:
        return bool(self.writes or self.erasures or self.burials)


@dataclass(frozen=True, slots=True)
class _Table:
    """The views, and what follows from them."""

    rule: ActiveActiveRule
    views: Mapping[str, View]
    holdings: Mapping[str, Holding | None]

    @classmethod
    def of(cls, rule: ActiveActiveRule, views: Mapping[str, View]) -> _Table:
        found = holdings_of(rule, views)
        # What the first site holds has authority; what it held, only its time.
        holdings = {
            site: replace(each, rank=each.rank._replace(authority=False))
            if each and each.content.origin in views and _without_own(found[each.content.origin])
            else each
            for site, each in found.items()
        }
        return cls(rule, views, holdings)

    def deleted(self) -> Tombstone | None:
        """Return the greatest delete that any site knows of."""
        if self.rule.deletes == "keep":
            return None
        known = [view.memory.tombstone for view in self.views.values() if view.memory.tombstone]
        return max(known, key=lambda tombstone: rank_of(self.rule, tombstone), default=None)

    def vouched(self, site: str) -> bool:
        """Say whether the origin of what `site` holds still holds it."""
        holding = self.holdings[site]
        return holding is not None and vouched(holding, site, self.views, self.holdings)

    def stands(self, site: str) -> bool:
        """Say whether what `site` holds counts: its origin vouches for it, or the rule keeps what was deleted there."""
        holding = self.holdings[site]
        if holding is None or self.vouched(site):
            return holding is not None
        return self.rule.deletes == "keep" and _without_own(self.holdings[holding.content.origin])


def _without_own(holding: Holding | None) -> bool:
    return holding is None or holding.claim is not None


def agree(rule: ActiveActiveRule, views: Mapping[str, View]) -> Steps:
    """Say what brings the sites of `views` closer to agreement.

    Args:
        rule: The rule that covers the key.
        views: The sites that could be read. Reading is not atomic, so each step has a condition, and whoever takes the
            steps looks again afterwards until there are none.
    """
    table = _Table.of(rule, views)
    deleted = table.deleted()
    limit = rank_of(rule, deleted) if deleted else None
    standing = {site: each for site, each in table.holdings.items() if each is not None and table.stands(site)}
    alive = {site: holding for site, holding in standing.items() if limit is None or holding.rank >= limit}
    if not alive:
        return _clear(table, deleted)
    greatest = max(holding.rank for holding in alive.values())
    winners = {site: holding for site, holding in alive.items() if holding.rank == greatest}
    # Where the origin has let go of two versions of one time, nothing tells them apart any more; so all choose alike.
    source, winner = max(winners.items(), key=lambda item: (item[1].content.version.token, item[0]))
    home = winner.content.origin
    if home in winners:
        return _spread(table, home, winners[home])
    undecided = limit == greatest or not all(same(winner, other) for other in winners.values())
    if undecided and home not in table.views:
        return Steps(waiting=f"two things bear one time, and only {home} can tell which came last")
    if greatest.authority:
        return Steps(waiting=f"only {home} can tell whether it still holds this, and it could not be read")
    return _spread(table, source, winner)


def _clear(table: _Table, deleted: Tombstone | None) -> Steps:
    """Nothing is left to hold: let every site know why, and remove what is there."""
    if table.rule.deletes == "keep":
        return Steps()
    burials: list[Bury] = []
    if deleted:
        rank = rank_of(table.rule, deleted)
        for site, view in table.views.items():
            known = view.memory.tombstone
            if known is None or rank_of(table.rule, known) < rank:
                burials.append(Bury(site, deleted))
    erasures = [_erase(table, site, each, deleted) for site, each in table.holdings.items() if each is not None]
    return Steps(erasures=tuple(erasures), burials=tuple(burials))


def _erase(table: _Table, site: str, holding: Holding, deleted: Tombstone | None) -> Erase:
    if deleted and rank_of(table.rule, deleted) > holding.rank:
        return Erase(site, holding.token, None, f"deleted at {deleted.site} at {deleted.time.isoformat()}")
    origin = holding.content.origin
    return Erase(site, holding.token, origin, f"a replica of {origin}, which no longer holds it")


def _spread(table: _Table, source: str, winner: Holding) -> Steps:
    """Bring the winner to whoever holds something else.

    It goes to its own origin only where that has let it go and got a lesser replica instead, which somebody had sent
    before; what the rule keeps would else differ for ever. There it counts as written anew.
    """
    writes: list[Write] = []
    deleted_at_home = table.rule.deletes == "keep" and not table.vouched(source)
    for site, holding in table.holdings.items():
        if holding and same(holding, winner):
            continue
        if holding is None:
            if not deleted_at_home and site != winner.content.origin:
                writes.append(Write(source, site, expect=None))
            continue
        aside = holding.claim is None and table.rule.conflict == "keep_both"
        doubted = None if table.vouched(site) else holding.content.origin
        writes.append(Write(source, site, holding.token, doubted, aside))
    return Steps(writes=tuple(writes))
