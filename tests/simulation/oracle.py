"""What the sites of an `active_active` rule must hold in the end, from what users did and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import product

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
        """Return how much a deed counts."""
        return deed.time, self.rule.sites.index(deed.site)

    def verdicts(self) -> Iterator[Deed | None]:
        """Yield each deed that may have won; more than one only where users' deletes were never announced."""
        choices = []
        for deed in self.last.values():
            unknown = deed.after is None and (self.rule.deletes == "keep" or deed.number in self.history.untold)
            choices.append((deed, None) if unknown else (deed,))
        for chosen in product(*choices):
            said = [deed for deed in chosen if deed is not None]
            first = next((deed for deed in said if deed.site == self.rule.sites[0]), None)
            if self.rule.conflict == "source_wins" and first and first.after:
                yield first
            else:
                yield max(said, key=self.rank, default=None)

    def expected(self) -> list[Held | None]:
        """Return what all sites may hold, one of which they must."""
        first = self.last.get(self.rule.sites[0])
        overruled = any(deed.site == self.rule.sites[0] for deed in self.puts)
        if self.rule.conflict == "source_wins" and first and first.after is None and overruled:
            # Its object had authority while it was there, and whatever it overruled by then is gone.
            return [deed.after for deed in self.puts] + [None]
        return [deed.after if deed else None for deed in self.verdicts()]

    def kept(self) -> list[Held | None]:
        """Return what sites may hold of a key that users deleted somewhere, where a rule keeps what is deleted.

        An object whose origin has it no more stays where it had come, and wins over older ones; it goes no further.
        """
        alive = [deed for deed in self.last.values() if deed.after]
        best = max(alive, key=self.rank, default=None)
        first = self.rule.sites[0]
        if self.rule.conflict == "source_wins" and first in self.last and self.last[first].after:
            return [self.last[first].after]
        gone = {site for site, deed in self.last.items() if deed.after is None}
        ghosts = [d for d in self.puts if d.site in gone and (best is None or self.rank(d) > self.rank(best))]
        if self.rule.conflict == "source_wins":
            ghosts += [deed for deed in self.puts if deed.site == first]
        return [deed.after for deed in ghosts] + [best.after if best else None]

    def losers(self) -> Iterator[Deed]:
        """Yield the objects that users wrote last at their sites and that lost against another site's object."""
        verdicts = list(self.verdicts())
        if len(verdicts) == 1 and verdicts[0] is not None and verdicts[0].after:
            yield from (deed for deed in self.last.values() if deed.after and deed is not verdicts[0])
