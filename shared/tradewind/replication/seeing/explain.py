"""What would be done about one key now, and why. Nothing is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import datetime

from tradewind.errors import TradewindError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import Gate, ObjectStore
from tradewind.records import Records
from tradewind.replication.agreeing.tombstones import NOTHING, Tombstones
from tradewind.replication.budgets.reading import BudgetReader
from tradewind.replication.guard import read_state
from tradewind.replication.parts.refused import Refused
from tradewind.replication.provenance import claim_of
from tradewind.replication.seeing.advice import Advice, Case, Sight
from tradewind.replication.seeing.whereabouts import connected
from tradewind.replication.sets.recognise import candidates, closing_kind
from tradewind.replication.sets.survey import Survey
from tradewind.replication.transfer import MAX_OBJECT


@dataclass(frozen=True, slots=True)
class RuleAdvice:
    """What one rule makes of a key."""

    rule: Rule
    advice: tuple[Advice, ...]
    sets: tuple[str, ...]
    """Which artifact sets the key closes or belongs to, in sentences."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would be done about one key now."""

    key: str
    site: str
    """Where something is said to have happened to it."""
    sights: Mapping[str, Sight]
    """What every connected site holds."""
    rules: tuple[RuleAdvice, ...]
    """Rules that cover the key, in the file's order; none: nothing is done."""


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains what would be done.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        records_of: Returns tradewind's own records at a site, by name.
        gate: Says where data may be.
        executor: Looks at several sites side by side.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    gate: Gate
    executor: Executor
    clock: Callable[[], datetime]

    def explain(self, site: str, key: str) -> Explanation:
        """Look at `key` at every site that a rule connects with `site`, and say what would be done.

        Costs a HEAD of the object and a read of what is remembered of it at each site, and for artifact sets a listing
        of the members.
        """
        names, rules = connected(self.fleet, site, key)
        sights = dict(zip(names, self.executor.map(lambda name: self._sight(name, key), names), strict=True))
        found = tuple(self._rule(rule, site, key, sights) for rule in rules)
        return Explanation(key, site, sights, found)

    def _sight(self, site: str, key: str) -> Sight:
        try:
            store = self.store_of(site)
            store.check_key(key)
            memory = Tombstones(self.records_of(site)).read(key)
            state = store.head(key)
            if state is not None:
                claim_of(state)  # what cannot be understood there is said, and hides no other site
            return Sight(state, memory)
        except TradewindError as error:
            return Sight(None, NOTHING, error)

    def _rule(self, rule: Rule, site: str, key: str, sights: Mapping[str, Sight]) -> RuleAdvice:
        shut = {name: reason for name in rule.members if (reason := self._shut(rule, name))}
        advice = Case(self.fleet, self.gate, rule, key, site, sights, shut).advise()
        advice = tuple(self._waits(rule, key, self._marked(each, sights)) for each in advice)
        source = next((name for name in rule.members if sights[name].state is not None), None)
        return RuleAdvice(rule, advice, self._sets(rule, key, source) if source else ())

    def _marked(self, advice: Advice, sights: Mapping[str, Sight]) -> Advice:
        """Say of a large object that was not what its store keeps that it is not brought again."""
        state = sights[advice.source].state if advice.source in sights else None
        if advice.action != "copy" or state is None or state.size <= MAX_OBJECT:
            return advice
        try:
            reason = Refused(self.records_of(advice.target), self.clock).reason(advice.source, state)
        except TradewindError as error:
            return replace(
                advice, reason=f"{advice.reason}; whether it was refused before is not known: {error.message}"
            )
        return replace(advice, action="fail", reason=reason) if reason else advice

    def _waits(self, rule: Rule, key: str, advice: Advice) -> Advice:
        """Say of what would be copied why it waits, if it is on record as waiting for room in a budget."""
        if advice.action != "copy":
            return advice
        reader = BudgetReader(self.fleet, self.records_of, self.executor, self.clock)
        try:
            reason = reader.reason(rule, advice.source, advice.target, key)
        except TradewindError as error:
            return replace(
                advice, reason=f"{advice.reason}; whether it waits for a budget is not known: {error.message}"
            )
        return replace(advice, action="wait", reason=reason) if reason else advice

    def _shut(self, rule: Rule, site: str) -> str:
        """Return why the delete guard lets nothing be removed at `site`, or ""."""
        if rule.deletes == "keep" or rule.delete_guard.share >= 1:
            return ""
        try:
            state = read_state(self.records_of(site), rule.name)
        except TradewindError as error:
            return f"the delete guard could not be asked: {error.message}"
        if state.shut is None or state.lets_all_go(self.clock()):
            return ""
        return f"the delete guard of rule {rule.name!r} is shut there since {state.shut.isoformat()}"

    def _sets(self, rule: Rule, key: str, source: str) -> tuple[str, ...]:
        survey = Survey(store_of=self.store_of, clock=self.clock, executor=self.executor)
        said: list[str] = []
        if (kind := closing_kind(rule, key)) is not None:
            said.append(_closes(survey, rule, source, key, kind.name))
        for closing in candidates(rule, key):
            try:
                names = survey.names(rule, source, closing, key)
            except TradewindError as error:
                said.append(f"it may belong to the set that {closing!r} closes: {error.message}")
            else:
                said += [f"it belongs to the set that {closing!r} closes, and that appears after it"] if names else []
        return tuple(said)


def _closes(survey: Survey, rule: Rule, source: str, key: str, kind: str) -> str:
    try:
        view = survey.view(rule, source, key)
    except TradewindError as error:
        return f"it closes an artifact set ({kind}) and is held back: {error.message}"
    if view is None:
        return f"its name is that of a key that closes a set ({kind}), and it is none: it is copied like any other"
    return (
        f"it closes an artifact set ({kind}) of {len(view.members):,} members, all of which {source} has; they go first"
    )
