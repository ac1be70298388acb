"""What a rule would have done about a key, as its sites were seen, with the reasons. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tradewind.errors import TradewindError
from tradewind.fleet import ActiveActiveRule, Fleet, OneWayRule, Rule
from tradewind.ports import Admission, Gate, ObjectState
from tradewind.replication.agreeing.agreement import Bury, Erase, Write, agree
from tradewind.replication.agreeing.standing import View, holdings_of
from tradewind.replication.agreeing.tombstones import Memory
from tradewind.replication.decide import Copy, Decision, Keep, Remove, Verdict, decide
from tradewind.replication.modes.immutable import SAME, is_versioned, refusal, same_bytes
from tradewind.replication.parts.plan import MIB, may_pull
from tradewind.replication.provenance import Version, provenance_of
from tradewind.replication.routes import Route, admission, routes_for
from tradewind.replication.sets.recognise import closing_kind

Action = Literal["copy", "remove", "remember", "nothing", "refuse", "hold", "fail", "wait"]
"""`remember`: note a user's delete. `refuse`: the compliance gate's word. `hold`: the delete guard's. `fail`: an error,
which is dead-lettered or tried again as its kind says. `wait`: until the site that can tell is seen, or there is room
in a budget."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was seen of a key at a site."""

    state: ObjectState | None
    memory: Memory
    error: TradewindError | None = None
    """Why nothing was seen."""


@dataclass(frozen=True, slots=True)
class Advice:
    """What would be done at one target."""

    source: str
    target: str
    action: Action
    reason: str
    gate: str = ""
    """The compliance gate's answer, where it is asked."""


@dataclass(frozen=True, slots=True)
class Case:
    """One key under one rule, as it was seen.

    Args:
        fleet: Says which rule decides, where several cover the key.
        gate: Says where data may be.
        rule: One that covers the key.
        key: The key.
        asked: The site where something is said to have happened.
        sights: What was seen at the rule's sites.
        shut: Sites at which the delete guard lets nothing be removed, with the reason.
    """

    fleet: Fleet
    gate: Gate
    rule: Rule
    key: str
    asked: str
    sights: Mapping[str, Sight]
    shut: Mapping[str, str]

    def advise(self) -> tuple[Advice, ...]:
        """Return what would be done at every target of the rule."""
        if isinstance(self.rule, ActiveActiveRule):
            return tuple(self._agree(self.rule))
        return tuple(self._one_way(self.rule, target) for target in self.rule.to)

    # --- one way ---------------------------------------------------------------------------------------------------

    def _one_way(self, rule: OneWayRule, target: str) -> Advice:
        route = Route(rule, rule.from_, target)
        if earlier := self._decided_by(route):
            return _elsewhere(route.source, target, earlier)
        for site in (route.source, target):
            if (error := self.sights[site].error) is not None:
                return Advice(route.source, target, "fail", f"{site}: {error.message}")
        answer = admission(self.fleet, self.gate, route, self.key)
        if not answer.allowed and self.sights[route.source].state is not None:
            return Advice(route.source, target, "refuse", answer.reason, answer.reason)
        try:  # where no byte may go, what is there may still be removed
            decision = decide(rule, route.source, target, self.sights[route.source].state, self.sights[target].state)
        except TradewindError as error:
            return Advice(route.source, target, "fail", error.message, answer.reason)
        return self._decided(route, decision, answer)

    def _decided(self, route: Route, decision: Decision, answer: Admission) -> Advice:
        here, there = self.sights[route.source], self.sights[route.target]
        action: Action
        match decision:
            case Copy():
                kept = _kept(route, here.state, there.state)
                why = _why_copy(route.source, here.state, there.state)
                action, reason = kept or self._copied(route, here.state, why, answer)
            case Remove():
                action, reason = self._removed(decision, here.memory, route.target)
            case Keep(verdict, why):
                action, reason = "nothing", why if verdict is Verdict.IN_SYNC else f"{verdict}: {why}"
        return Advice(route.source, route.target, action, reason, answer.reason)

    def _copied(self, route: Route, state: ObjectState | None, reason: str, answer: Admission) -> tuple[Action, str]:
        if not answer.allowed:
            return "refuse", answer.reason
        above = self.fleet.parts.above_mebibytes * MIB
        if state is None or state.size <= above:
            return "copy", reason
        if closing_kind(route.rule, self.key) is not None:
            return "fail", f"it closes an artifact set and has {state.size:,} bytes; up to {above:,} are read"
        source, target = self.fleet.sites[route.source], self.fleet.sites[route.target]
        if may_pull(source, target) and state.checksums.crc64nvme is not None:
            return "copy", f"{reason}; it goes in parts, which Azure reads by itself if this version has an id"
        return "copy", f"{reason}; it goes in parts"

    def _removed(self, removal: Remove, memory: Memory, target: str) -> tuple[Action, str]:
        if memory.let_go is not None and memory.let_go >= removal.version.modified:
            return "nothing", "a lifecycle rule of the source removed it there, and that is no user's delete"
        if target in self.shut:
            return "hold", self.shut[target]
        return "remove", "deleted at the source, and the target holds its unchanged replica"

    def _decided_by(self, route: Route) -> str:
        """Return the name of the earlier rule that decides about this way, or ""."""
        for known in routes_for(self.fleet, route.source, self.key):
            if known.target == route.target and known.rule is not route.rule:
                return known.rule.name
        return ""

    # --- active-active ---------------------------------------------------------------------------------------------

    def _agree(self, rule: ActiveActiveRule) -> Iterator[Advice]:
        site = self.asked if self.asked in rule.sites else rule.sites[0]
        apart = {name: self._decided_by(Route(rule, site, name)) for name in rule.sites if name != site}
        members = [name for name in rule.sites if not apart.get(name)]
        dark = {name: error for name in members if (error := self.sights[name].error) is not None}
        views = {name: View(self.sights[name].state, self.sights[name].memory) for name in members if name not in dark}
        steps = agree(rule, views)
        found = [
            *(_elsewhere(site, name, earlier) for name, earlier in apart.items() if earlier),
            *(Advice(site, name, "fail", f"{name}: {error.message}") for name, error in dark.items()),
            *(self._written(rule, write, views) for write in steps.writes),
            *(self._erased(site, erasure) for erasure in steps.erasures),
            *(_buried(burial) for burial in steps.burials),
        ]
        done = {advice.target for advice in found}
        yield from found
        yield from (_rest(site, name, views, steps.waiting) for name in members if name not in done)

    def _written(self, rule: ActiveActiveRule, write: Write, views: Mapping[str, View]) -> Advice:
        answer = admission(self.fleet, self.gate, Route(rule, write.source, write.target), self.key)
        holding = holdings_of(rule, views)[write.source]
        whose = f"what {holding.content.origin} wrote at {holding.rank.time.isoformat()} counts" if holding else ""
        there = "it lacks that" if write.expect is None else "it holds something else"
        aside = ", which is kept under a key of its own" if write.aside else ""
        route, here = Route(rule, write.source, write.target), views[write.source].state
        kept = _kept(route, here, views[write.target].state)
        action, reason = kept or self._copied(route, here, f"{whose}, and {there}{aside}", answer)
        return Advice(write.source, write.target, action, reason, answer.reason)

    def _erased(self, site: str, erasure: Erase) -> Advice:
        action: Action = "hold" if erasure.site in self.shut else "remove"
        return Advice(erasure.origin or site, erasure.site, action, self.shut.get(erasure.site, erasure.reason))


def _kept(route: Route, here: ObjectState | None, there: ObjectState | None) -> tuple[Action, str] | None:
    """Say what becomes of a copy over something else if the rule overwrites nothing; None: it is written."""
    if here is None or there is None or not is_versioned(route.rule):
        return None
    if same_bytes(here, there):
        return "nothing", SAME
    return "fail", refusal(here.key, route.source, route.target).message


def _why_copy(source: str, here: ObjectState | None, there: ObjectState | None) -> str:
    if there is None or here is None:
        return "the target lacks it"
    claim = provenance_of(there)
    if claim is None or claim.origin != source:
        return "the target holds what somebody else wrote, and the rule overwrites that"
    if claim.version != Version.of(here):
        return f"the target has version {claim.version.token}, and {source} is at {here.token} now"
    return f"the metadata at {source} was changed since it was copied"


def _elsewhere(source: str, target: str, rule: str) -> Advice:
    return Advice(source, target, "nothing", f"rule {rule!r} comes first on this way")


def _buried(burial: Bury) -> Advice:
    grave = burial.tombstone
    return Advice(grave.site, burial.site, "remember", f"deleted at {grave.site} at {grave.time.isoformat()}")


def _rest(site: str, name: str, views: Mapping[str, View], waiting: str) -> Advice:
    if waiting:
        return Advice(site, name, "wait", waiting)
    held = "it has what counts" if views[name].state is not None else "it is not there, and is not to be"
    return Advice(site, name, "nothing", held)
