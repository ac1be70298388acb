"""Looking at one key at every site of a rule."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tradewind.errors import TradewindError, UnportableError
from tradewind.fleet import ActiveActiveRule, Fleet, Rule
from tradewind.ports import Gate, ObjectState, ObjectStore
from tradewind.replication.agreeing.agreement import agree
from tradewind.replication.agreeing.standing import View, is_foreign
from tradewind.replication.agreeing.tombstones import Memory
from tradewind.replication.provenance import claim_of, fingerprint
from tradewind.replication.routes import Route, passage
from tradewind.replication.seeing.compare import IN_ORDER, Finding, Judgement, as_if_tagged, compare
from tradewind.replication.seeing.tally import IN_SYNC, Tally
from tradewind.replication.sweeping.listing import Listed
from tradewind.replication.sweeping.unreadable import is_of_one_key, unlooked, verdicts

Refine: TypeAlias = Callable[[str, Mapping[str, Judgement]], Mapping[str, Judgement]]
"""Is given a key and what was found of it, and says more of that."""


def nothing_remembered(_key: str) -> Mapping[str, Memory]:
    """Ask nobody."""
    return {}


def as_found(_key: str, found: Mapping[str, Judgement]) -> Mapping[str, Judgement]:
    """Say no more than was found."""
    return found


@dataclass(frozen=True, slots=True)
class Examination:
    """What a key is at every site of a rule."""

    key: str
    states: Mapping[str, ObjectState | None]
    """By site, in the rule's order."""
    judgements: Mapping[str, Judgement]
    """By the sites of which something is to be said."""
    unreadable: Collection[str] = ()
    """Sites at which it could not be looked at."""
    unportable: Mapping[str, str] = field(default_factory=dict)
    """Why it can never be at sites where it should be, by site."""

    def counts(self, listed: Listed) -> bool:
        """Say whether this is the one time at which the key counts (see `Listed.first`)."""
        return listed.first(self.states, self.unreadable)

    def new_at(self, site: str) -> bool:
        """Say whether the object of `site` is missing wherever it may be."""
        return all(
            judged.finding is Finding.REFUSED or (judged.finding is Finding.MISSING and judged.origin == site)
            for judged in self.judgements.values()
        )

    def count(self, tally: Tally, now: datetime) -> None:
        """Add this key to a tally."""
        tally.keys += 1
        for site, judged in self.judgements.items():
            original, replica = self.states.get(judged.origin), self.states[site]
            if judged.finding in IN_SYNC and replica is not None:
                claim = claim_of(replica)
                lag = replica.modified - claim.version.modified if claim else None
                tally.add(site, judged.finding, size=replica.size, lag=lag)
            else:
                age = now - original.modified if original else None
                size, key = original.size if original else 0, fingerprint(self.key)
                tally.add(site, judged.finding, size=size, age=age, repairable=judged.repairable, key=key)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks at keys, one request for each site.

    Args:
        fleet: Says which rule decides, where several cover a key.
        rule: One of the fleet's.
        store_of: Returns the store of a site, by name.
        gate: Says where data may be.
        refine: Says more of what was found; it knows why something is held back.
        memories: Returns what the sites remember of a key, where that is to be asked for.
    """

    fleet: Fleet
    rule: Rule
    store_of: Callable[[str], ObjectStore]
    gate: Gate
    refine: Refine = as_found
    memories: Callable[[str], Mapping[str, Memory]] = nothing_remembered

    def look(self, key: str, absent: Collection[str] = ()) -> Examination:
        """Look at `key` at every site of the rule. No object is read, and nothing is changed.

        Args:
            key: The key.
            absent: Sites that are taken to lack it, and are not asked; whether they could hold it is known without.
        """
        states: dict[str, ObjectState | None] = {}
        unportable: dict[str, str] = {}
        unreadable: dict[str, str] = {}
        for site in self.rule.members:
            store = self.store_of(site)
            states[site] = None
            try:
                if site in absent:
                    store.check_key(key)
                else:
                    states[site] = _seen(store, key)
            except UnportableError as error:
                unportable[site] = error.message
            except TradewindError as error:
                if not is_of_one_key(error):
                    raise
                unreadable[site] = str(error)
        found = self._found(key, states, unportable) | dict(verdicts(self.rule, unreadable))
        never = {site: why for site, why in unportable.items() if _is_missing(found.get(site))}
        return Examination(key, states, found, unreadable.keys(), never)

    def _found(
        self, key: str, states: Mapping[str, ObjectState | None], unportable: Mapping[str, str]
    ) -> dict[str, Judgement]:
        untagged = [site for site in states if not self.store_of(site).keeps_tags]
        foreign = self._foreign(states)
        found = compare(
            self.rule,
            {site: None if site in foreign else state for site, state in as_if_tagged(states, untagged).items()},
            lambda a, b: passage(self.fleet, self.gate, Route(self.rule, a, b), key),
        )
        found |= {site: judged for site, judged in foreign.items() if site in found}
        found |= self._deleted(key, {site: state for site, state in states.items() if site not in foreign})
        for site, reason in unportable.items():
            if _is_missing(found.get(site)):
                found[site] = Judgement(Finding.MISSING, reason, found[site].origin)  # nobody can mend that
        try:
            return dict(self.refine(key, found))
        except TradewindError as error:
            if not is_of_one_key(error):
                raise
            return {
                site: each if each.finding in IN_ORDER else unlooked(each.origin, str(error))
                for site, each in found.items()
            }

    def _deleted(self, key: str, states: Mapping[str, ObjectState | None]) -> dict[str, Judgement]:
        """Judge what all sites hold and a user deleted: what a guard held, an object that came back may hide."""
        memories = self.memories(key)
        if not memories or not isinstance(self.rule, ActiveActiveRule):
            return {}
        steps = agree(self.rule, {site: View(state, memories[site]) for site, state in states.items()})
        return {each.site: Judgement(Finding.EXTRA, each.reason, each.site, repairable=True) for each in steps.erasures}

    def _foreign(self, states: Mapping[str, ObjectState | None]) -> dict[str, Judgement]:
        """Judge the replicas that another rule brought to sites of this one: nobody resolves that but a person."""
        if not isinstance(self.rule, ActiveActiveRule):
            return {}
        return {
            site: Judgement(Finding.CONFLICT, f"a replica of {claim.origin} that another rule brought", claim.origin)
            for site, state in states.items()
            if state is not None and (claim := claim_of(state)) and is_foreign(self.fleet, self.rule, site, state)
        }


def _is_missing(judged: Judgement | None) -> bool:
    return judged is not None and judged.finding is Finding.MISSING


def _seen(store: ObjectStore, key: str) -> ObjectState | None:
    """Return a key's state if all that it says of itself can be understood."""
    state = store.head(key)
    if state is not None:
        claim_of(state)
    return state
