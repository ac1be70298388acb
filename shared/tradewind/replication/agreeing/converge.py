"""Bringing the sites of an `active_active` rule to agreement on one key.

It looks at every site, asks `agree` what brings them closer, does that under the conditions that were read, and looks
again until nothing is left to do. Whoever runs it twice, late, or beside itself does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from tradewind.errors import NotFoundError, PreconditionFailedError, TradewindError
from tradewind.fleet import ActiveActiveRule
from tradewind.ports import Download, ObjectState
from tradewind.replication.agreeing.agreement import Erase, Steps, Write, agree
from tradewind.replication.agreeing.keeping import keep_aside
from tradewind.replication.agreeing.standing import View, holding_of, holdings_of, is_foreign, rank_of
from tradewind.replication.budgets.asking import Spending
from tradewind.replication.contents.place import SEND, place
from tradewind.replication.decide import Verdict
from tradewind.replication.modes.immutable import SAME, is_versioned, refusal, same_bytes
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.start import in_parts
from tradewind.replication.provenance import Provenance, Version, digest
from tradewind.replication.routes import Passage, Route, admission, passage
from tradewind.replication.side_by_side import on_each
from tradewind.replication.transfer import Payload, left_behind, originating, read
from tradewind.replication.workplace import Workplace

ROUNDS = 12
"""How often the work looks again before it leaves the key to a later delivery."""
FOREIGN = "a replica that another rule brought there, which is that rule's, and replicas are not sent on"


@dataclass(slots=True)
class Convergence:
    """The work on one key among the sites of a rule.

    Args:
        key: The key, the same at every site.
        rule: The rule that covers it.
        site: Where something happened.
        sites: The sites that are to agree, `site` among them.
        at: Where the work is done.
    """

    key: str
    rule: ActiveActiveRule
    site: str
    sites: tuple[str, ...]
    at: Workplace
    done: dict[str, Outcome] = field(default_factory=dict)
    """By the site at which something was done, or could not be."""
    lost: set[str] = field(default_factory=set)
    """Sites that cannot be read."""
    closed: set[str] = field(default_factory=set)
    """Sites at which nothing more is done now."""
    foreign: set[str] = field(default_factory=set)
    """Sites that hold what another rule brought there."""

    def run(self, *, assume_absent: bool) -> Sequence[Outcome]:
        """Work until the sites agree, as far as they can be reached, and return an outcome for each but `site`.

        Args:
            assume_absent: Expect the key to be new and spare the look at the others: 1 GET, 1 PUT for each, 1 HEAD,
                and with `deletes: propagate` 1 GET of each site's memory. Where that is wrong, the work looks.
        """
        if assume_absent and (replica := self._create()):
            return replica
        views: Mapping[str, View] = {}
        for _ in range(ROUNDS):
            views = self._set_apart(self._look())
            if self.site in self.foreign:
                return [Outcome(self._route(each), Verdict.REPLICA, FOREIGN) for each in self._others()]
            steps = self._open(agree(self.rule, views), views)
            if not steps:
                return self._conclude(views, steps.waiting)
            self._take(steps, views)
        message = f"{self.key!r} changed {ROUNDS} times under the work on it at {', '.join(self.sites)}"
        error = PreconditionFailedError(message, hint="The queue brings it back when it is quieter")
        return [Outcome.failed(self._route(each), error) for each in self._others()]

    def foresee(self) -> tuple[Steps, Mapping[str, View]]:
        """Look, and return what would be done first and what was seen; what could not be done is in `done`."""
        views = self._set_apart(self._look())
        return self._open(agree(self.rule, views), views), views

    # --- looking ---------------------------------------------------------------------------------------------------

    def _look(self) -> Mapping[str, View]:
        """Return what can be seen at each site; a site that cannot be read is not one that lacks the object."""
        sites = [site for site in self.sites if site not in self.lost]
        last = [self.rule.sites[0]] if self.rule.conflict == "source_wins" and self.rule.sites[0] in sites else []
        # What the first site holds overrides what is seen before it, and only that: so it is looked at last.
        views, errors = on_each(self.at.executor, [site for site in sites if site not in last], self._view)
        for site in last:
            seen, failed = on_each(self.at.executor, [site], self._view)
            views, errors = views | seen, errors | failed
        for site, error in errors.items():
            self._lose(site, error)
        return {site: views[site] for site in sites if site in views}

    def _set_apart(self, views: Mapping[str, View]) -> Mapping[str, View]:
        """Leave out the sites that hold what another rule brought: it neither wins here nor loses."""
        self.foreign = {site for site, each in views.items() if is_foreign(self.at.fleet, self.rule, site, each.state)}
        return {site: view for site, view in views.items() if site not in self.foreign}

    def _view(self, site: str) -> View:
        if self.rule.deletes == "keep":
            return View(self.at.store_of(site).head(self.key))
        # Memory before the object: a tombstone that is written in between is found by who wrote it.
        memory = self.at.tombstones(site).read(self.key)
        return View(self.at.store_of(site).head(self.key), memory)

    def _fail(self, site: str, error: TradewindError) -> None:
        self.closed.add(site)
        self.done[site] = Outcome.failed(self._route(site), error)

    def _lose(self, site: str, error: TradewindError) -> None:
        self.lost.add(site)
        self._fail(site, error)

    # --- a new key -------------------------------------------------------------------------------------------------

    def _create(self) -> Sequence[Outcome] | None:
        """Write what `site` holds to all others as if they lacked it; None if it takes more than that."""
        with ExitStack() as spent, ExitStack() as stack:
            try:
                download = stack.enter_context(self.at.store_of(self.site).get(self.key))
            except (NotFoundError, PreconditionFailedError):
                return None
            if download.state.size > self.at.parts.above:
                return None
            holding = holding_of(self.rule, self.site, download.state)
            if holding is not None and holding.claim is not None:
                reason = f"a replica of the object at {holding.claim.origin}, and replicas are not sent on"
                return [Outcome(self._route(each), Verdict.REPLICA, reason) for each in self._others()]
            writes = [Write(self.site, site, expect=None) for site in self._others()]
            writes = [write for write in writes if self._admitted(write)]
            if any(self.at.reuses(Route(self.rule, self.site, each.target), download.state) for each in writes):
                return None
            spending, writes = self._spend(spent, writes, download.state)
            payload = self._read(download, writes) if writes else None
            stack.close()
            if payload is not None:
                self._write(writes, payload, originating(self.site, payload.state, payload.crc32c))
            spending.note(self.done.values())
        if any(write.target not in self.done for write in writes):
            return None
        return self._conclude({}, "") if payload is None or self._confirmed(payload.state) else None

    def _read(self, download: Download, writes: Sequence[Write]) -> Payload | None:
        """Read the source; None if that is gone by now, or is every target's failure."""
        try:
            return read(download)
        except (NotFoundError, PreconditionFailedError):
            return None
        except TradewindError as error:
            for write in writes:
                self._fail(write.target, error)
            return None

    def _confirmed(self, state: ObjectState) -> bool:
        """Say whether nothing came in between: neither another version, nor a delete that is greater than it."""
        now = self.at.store_of(self.site).head(self.key)
        if now is None or Version.of(now) != Version.of(state):
            return False
        if self.rule.deletes == "keep":
            return True
        sites = [site for site in self.sites if site not in self.lost]
        memories, errors = on_each(self.at.executor, sites, lambda site: self.at.tombstones(site).read(self.key))
        for site, error in errors.items():
            self._lose(site, error)
        mine = holding_of(self.rule, self.site, now)
        buried = [memory.tombstone for memory in memories.values() if memory.tombstone]
        return mine is not None and all(rank_of(self.rule, each) < mine.rank for each in buried)

    # --- acting ----------------------------------------------------------------------------------------------------

    def _open(self, steps: Steps, views: Mapping[str, View]) -> Steps:
        """Leave out what was refused or failed before, and what the gate or the rule's mode refuses."""
        writes = tuple(
            w for w in steps.writes if w.target not in self.closed and self._admitted(w) and self._new(w, views)
        )
        erasures = tuple(e for e in steps.erasures if e.site not in self.closed)
        burials = tuple(b for b in steps.burials if b.site not in self.closed)
        return Steps(writes, erasures, burials, steps.waiting)

    def _take(self, steps: Steps, views: Mapping[str, View]) -> None:
        _, errors = on_each(
            self.at.executor,
            steps.burials,
            lambda each: self.at.tombstones(each.site).bury(
                self.key, each.tombstone, lambda tombstone: rank_of(self.rule, tombstone)
            ),
        )
        for burial, error in errors.items():
            self._fail(burial.site, error)
        for erasure in steps.erasures:
            if erasure.site not in self.closed:
                self._guarded(erasure.site, partial(self._erase, erasure, views))
        if steps.writes:
            self._bring(steps.writes, views)

    def _erase(self, step: Erase, views: Mapping[str, View]) -> bool:
        if self._is_back(step.origin, views):
            return False
        refusal = self.at.remove(self.rule, self.key, step.origin or self.site, step.site, step.expect)
        if refusal is not None:
            self.closed.add(step.site)
        verdict = Verdict.REMOVED if refusal is None else Verdict.HELD
        self.done[step.site] = Outcome(self._route(step.site), verdict, refusal or step.reason)
        return True

    def _bring(self, writes: Sequence[Write], views: Mapping[str, View]) -> None:
        source = writes[0].source
        ready = [write for write in writes if self._guarded(write.target, partial(self._prepare, write, views))]
        seen = views[source]
        if not ready or seen.state is None:
            return
        ready = self._reuse(ready, views, seen.state)
        if ready and seen.state.size > self.at.parts.above:
            self._start(ready, seen.state, self._provenance(source, views, seen.state, None))
        elif ready:
            self._send(ready, views, seen.state)

    def _reuse(self, writes: Sequence[Write], views: Mapping[str, View], state: ObjectState) -> list[Write]:
        """Write the targets that hold the same content, and return what is still to be written."""
        routes = {write: Route(self.rule, write.source, write.target) for write in writes}
        if not any(self.at.reuses(route, state) for route in routes.values()):
            return list(writes)
        origin = self._provenance(writes[0].source, views, state, None)
        attempts, errors = on_each(
            self.at.executor,
            writes,
            lambda each: place(self.at, routes[each], state, origin, views[each.target].state, each.expect),
        )
        for write, error in errors.items():
            self._fail(write.target, error)
        self.done |= {write.target: each.outcome for write, each in attempts.items() if each.outcome}
        return [write for write, each in attempts.items() if each == SEND]

    def _send(self, writes: Sequence[Write], views: Mapping[str, View], state: ObjectState) -> None:
        """Read the source and write it, if it is still `state`, and there is room in the budgets."""
        source = writes[0].source
        with ExitStack() as spent:
            spending, ready = self._spend(spent, writes, state)
            if not ready:
                return
            try:
                with self.at.store_of(source).get(self.key, token=state.token) as download:
                    payload = read(download)
            except (NotFoundError, PreconditionFailedError):
                return
            except TradewindError as error:
                self._lose(source, error)
                for write in ready:
                    self._fail(write.target, error)
                return
            if _fingerprint(payload.state) == _fingerprint(state):
                self._write(ready, payload, self._provenance(source, views, payload.state, payload.crc32c))
            spending.note(self.done.values())

    def _spend(self, stack: ExitStack, writes: Sequence[Write], state: ObjectState) -> tuple[Spending, list[Write]]:
        """Ask for room in the budgets, until the stack is left; return what may be written now."""
        if not writes:
            return Spending(), []
        source, targets = writes[0].source, [write.target for write in writes]
        spending = stack.enter_context(self.at.budgets.spending(self.rule, source, targets, state))
        for route, outcome in spending.held_back([Route(self.rule, source, target) for target in targets]).items():
            self.closed.add(route.target)
            self.done[route.target] = outcome
        return spending, [write for write in writes if write.target not in self.closed]

    def _start(self, writes: Sequence[Write], state: ObjectState, origin: Provenance) -> None:
        """Have a large object copied in parts; the last worker looks again, as this work does after a write."""

        def start(write: Write) -> Outcome:
            return in_parts(self.at, Route(self.rule, write.source, write.target), state, origin, write.expect)

        started, errors = on_each(self.at.executor, writes, start)
        for write, error in errors.items():
            self._fail(write.target, error)
        for write, outcome in started.items():
            self.closed.add(write.target)
            self.done[write.target] = outcome

    def _prepare(self, write: Write, views: Mapping[str, View]) -> bool:
        if self._is_back(write.origin, views):
            return False
        if write.aside and write.expect is not None:
            keep_aside(self.at, self.key, write.target, write.expect)
        return True

    def _is_back(self, origin: str | None, views: Mapping[str, View]) -> bool:
        """Look at an origin again before anything is done because it lacks an object: reading is not atomic."""
        if origin is None:
            return False
        now = self.at.store_of(origin).head(self.key)
        return _fingerprint(now) != _fingerprint(views[origin].state)

    def _provenance(self, source: str, views: Mapping[str, View], state: ObjectState, crc32c: int | None) -> Provenance:
        """Return what the replicas are to say: what their source says if it is one, and else that it is the origin."""
        holding = holdings_of(self.rule, {**views, source: View(state, views[source].memory)})[source]
        if holding is not None and holding.claim is not None:
            return holding.claim
        mine = originating(source, state, crc32c)
        counts = holding.rank.time if holding else state.modified
        return mine if counts == state.modified else mine.counting_as_of(counts)

    def _write(self, writes: Sequence[Write], payload: Payload, origin: Provenance) -> None:
        def put(write: Write) -> bool:
            self.at.store_of(write.target).check_key(self.key)
            return self.at.put(self.rule, write.source, write.target, payload, origin, write.expect)

        written, errors = on_each(self.at.executor, writes, put)
        for write, error in errors.items():
            self._fail(write.target, error)
        for write, is_written in written.items():
            if is_written:
                self.done[write.target] = Outcome(
                    Route(self.rule, write.source, write.target),
                    Verdict.COPIED,
                    self._told(write, payload),
                    size=len(payload.body),
                    crc32c=payload.crc32c,
                    proof=payload.proof,
                    replaced=write.expect is not None,
                )

    def _told(self, write: Write, payload: Payload) -> str:
        kept = "; what was there is kept under a key of its own" if write.aside else ""
        return f"written{kept}{left_behind(self.at.store_of(write.target), payload.state.metadata)}"

    def _guarded(self, site: str, call: Callable[[], bool]) -> bool:
        """Call, and give the site up for now if it fails; a condition that failed is no failure."""
        try:
            return call()
        except (PreconditionFailedError, NotFoundError):
            return False
        except TradewindError as error:
            self._fail(site, error)
            return False

    def _new(self, write: Write, views: Mapping[str, View]) -> bool:
        """Say whether a write replaces nothing, or its rule may; note it if not."""
        here, there = views[write.source].state, views[write.target].state
        if not is_versioned(self.rule) or here is None or there is None:
            return True
        if same_bytes(here, there):
            self.closed.add(write.target)
            self.done[write.target] = Outcome(self._route(write.target), Verdict.IN_SYNC, SAME)
        else:
            self._fail(write.target, refusal(self.key, write.source, write.target))
        return False

    def _admitted(self, write: Write) -> bool:
        """Ask whether a copy may go this way, and note the answer if not."""
        route = Route(self.rule, write.source, write.target)
        if passage(self.at.fleet, self.at.gate, route, self.key) is Passage.ELSEWHERE:
            self.closed.add(write.target)
            self.done[write.target] = Outcome(route, Verdict.CONFLICT, "another rule speaks of this key there")
            return False
        answer = admission(self.at.fleet, self.at.gate, route, self.key)
        if not answer.allowed:
            self.closed.add(write.target)
            self.done[write.target] = Outcome(route, Verdict.REFUSED, answer.reason)
        return answer.allowed

    # --- the end ---------------------------------------------------------------------------------------------------

    def _others(self) -> list[str]:
        return [site for site in self.sites if site != self.site]

    def _route(self, site: str) -> Route:
        if site != self.site:
            return Route(self.rule, self.site, site)
        return Route(self.rule, self._others()[0], site)

    def _conclude(self, views: Mapping[str, View], waiting: str) -> Sequence[Outcome]:
        told = [self.done[self.site]] if self.site in self.done else []
        return told + [self.done.get(site) or self._standing(site, views, waiting) for site in self._others()]

    def _standing(self, site: str, views: Mapping[str, View], waiting: str) -> Outcome:
        view = views.get(site)
        if site in self.foreign:
            return Outcome(self._route(site), Verdict.CONFLICT, FOREIGN)
        if waiting:
            return Outcome(self._route(site), Verdict.CONFLICT, waiting)
        if view is None or view.state is None:
            return Outcome(self._route(site), Verdict.ABSENT, "it is not there, and is not to be")
        return Outcome(self._route(site), Verdict.IN_SYNC, "it holds what counts")


def _fingerprint(state: ObjectState | None) -> tuple[str, str] | None:
    """Tell states apart; at Cloud Storage other metadata makes no other version."""
    return None if state is None else (state.token, digest(state.metadata))
