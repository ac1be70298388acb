"""What the sites of an `active_active` rule must hold in the end, from what users did and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from simulation.history import Deed, Held, History
from simulation.plan import Plan
from tradewind.fleet import ActiveActiveRule

Rank = tuple[datetime, int]


class Oracle:
    """Says what may be held of one key.

    Each site has one say: what its users did last, as of its own clock. The greatest of these counts; at one time, that
    of the site that stands later in the rule.
    """

    def __init__(self, plan: Plan, rule: ActiveActiveRule, history: History, key: str) -> None:
        self.rule = rule
        self.history = history
        self.key = key
        self.last = history.last_by_users(key)
        self.puts = [deed for deed in history.deeds if deed.key == key and not deed.ours and deed.after]

    def rank(self, deed: Deed) -> Rank:
        """Return how much a deed counts: by the object's time, which new metadata at Cloud Storage leave."""
        return deed.after.state.modified if deed.after else deed.time, self.rule.sites.index(deed.site)

    def winner(self) -> Deed | None:
        """Return the deed that counts."""
        first = self.last.get(self.rule.sites[0])
        if self.rule.conflict == "source_wins" and first and first.after:
            return first
        return max(self.last.values(), key=self.rank, default=None)

    def expected(self) -> list[Held | None]:
        """Return what all sites may hold, one of which they must.

        It is one thing, but for two cases. Of a delete that was never announced, only the absence is seen, and what it
        had overruled may be gone or not. So it is with an object of the first site of `source_wins`, which had
        authority while it was there.
        """
        untold = any(deed.after is None and deed.number in self.history.untold for deed in self.last.values())
        first = self.last.get(self.rule.sites[0])
        overruled = any(deed.site == self.rule.sites[0] for deed in self.puts)
        if untold or (self.rule.conflict == "source_wins" and first and first.after is None and overruled):
            return [deed.after for deed in self.last.values()] + [None]
        winner = self.winner()
        return [winner.after if winner else None]

    def kept(self) -> list[Held | None]:
        """Return what sites may hold of a key that users deleted somewhere, where a rule keeps what is deleted.

        An object whose origin has it no more stays where it had come, for as long as its origin has nothing else. While
        it stays it may have overruled others, so any of them may be what is left.
        """
        alive = [deed for deed in self.last.values() if deed.after]
        first = self.last.get(self.rule.sites[0])
        if self.rule.conflict == "source_wins" and first and first.after:
            return [first.after]
        gone = {site for site, deed in self.last.items() if deed.after is None}
        return [deed.after for deed in (*alive, *self.puts) if deed in alive or deed.site in gone]

    def losers(self) -> Iterator[Deed]:
        """Yield the objects that users wrote last at their sites and that lost against an object, not a delete."""
        winner = self.winner()
        if winner is None or winner.after is None or len(self.expected()) > 1:
            return
        deletes = [deed for deed in self.history.deeds if deed.key == self.key and not deed.ours and not deed.after]
        latest = max(map(self.rank, deletes), default=None) if self.rule.deletes == "propagate" else None
        for deed in self.last.values():
            if deed.after and deed is not winner and (latest is None or latest < self.rank(deed)):
                yield deed
