"""Keeping artifact sets whole at their targets: what waits, what goes first, what is published last.

The invariant, at every target: a closing key that tradewind wrote there is visible only while every member that it
names is there, in the version that was checked when it was published. docs/adr/0011 says why this is enough, and what
it does not cover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tradewind.errors import NotFoundError, PreconditionFailedError, SetError, TradewindError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState, ObjectStore
from tradewind.records import Records
from tradewind.replication.provenance import is_of, provenance_of
from tradewind.replication.routes import Route
from tradewind.replication.sets.ahead import Ahead, Between
from tradewind.replication.sets.around import Around
from tradewind.replication.sets.contents import contents
from tradewind.replication.sets.leases import Leases
from tradewind.replication.sets.ledger import MARGIN
from tradewind.replication.sets.recognise import candidates, closing_kind, folder_of
from tradewind.replication.sets.settled import Published, settled
from tradewind.replication.sets.survey import Survey, View, spelled


@dataclass(frozen=True, slots=True)
class SetKeeper:
    """Keeps sets whole (see `protocol.SetRules`).

    Args:
        fleet: Says how long a function may run.
        store_of: Returns the store of a site, by name.
        records_of: Returns the records of a site, by name.
        fetch: Copies one key from a source to a target, both by name, in the calling thread; raises if it cannot.
        clock: Returns the time, UTC.
        executor: Looks at several keys side by side. It must not be the one that the copy loop runs in: work that
            waits there for work behind it would wait for ever.
        withdraw: Deletes a replica, given its site, key and token; None deletes it and does nothing else.
        may_come: Raises what copying one key from a source to a target would, without doing it; asked for all of a set
            before another version is withdrawn for it.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    fetch: Between
    clock: Callable[[], datetime]
    executor: Executor | None = None
    withdraw: Callable[[str, str, str], None] | None = None
    may_come: Between = lambda _rule, _key, _source, _target: None
    _survey: Survey = field(init=False)
    _leases: Leases = field(init=False)
    _around: Around = field(init=False)
    _ahead: Ahead = field(init=False)

    def __post_init__(self) -> None:
        longest = timedelta(seconds=self.fleet.time_limit_seconds)
        survey = Survey(self.store_of, self.clock, self.executor)
        leases = Leases(self.records_of, self.clock, longest + MARGIN)
        object.__setattr__(self, "_survey", survey)
        object.__setattr__(self, "_leases", leases)
        object.__setattr__(self, "_around", Around(self.store_of, survey, leases, self.executor))
        ahead = Ahead(self.store_of, survey, self.fetch, self.may_come, self.executor)
        object.__setattr__(self, "_ahead", ahead)

    @contextmanager
    def writing(self, rule: Rule, key: str, *, source: str, target: str, body: bytes, replaces: bool) -> Iterator[None]:
        """See `SetRules.writing`. A new key that closes no set costs no request."""
        route = Route(rule, source, target)
        if replaces:
            self._let_go(route, key)
        kind = closing_kind(rule, key)
        named = contents(kind, key, body) if kind else None
        if named is None or named.nothing:
            yield
            return
        with self._publishing(route, key, body):
            yield

    @contextmanager
    def removing(self, rule: Rule, key: str, *, source: str, target: str) -> Iterator[None]:
        """See `SetRules.removing`.

        The delete itself needs no lease: who takes one later finds that the source lacks the key.
        """
        route = Route(rule, source, target)
        if visible := self._around.visible(route, key):
            with self._cleared(route, key, visible):
                pass
        yield

    def arrived(self, rule: Rule, key: str, *, source: str, target: str, replaced: bool = False) -> Sequence[str]:
        """See `SetRules.arrived`. A key whose name tells of no set costs no request, unless it replaced something."""
        route = Route(rule, source, target)
        recorded = self._around.recorded(route, key) if replaced else []
        found = dict.fromkeys([*candidates(rule, key), *recorded])
        return [closing for closing in found if closing != key and self._wanting(route, closing, key)]

    def _wanting(self, route: Route, closing: str, key: str) -> bool:
        """Say whether a set that `key` is in has all its members at the target, and not its closing key."""
        original = self.store_of(route.source).head(closing)
        if original is None:
            return False
        replica = self.store_of(route.target).head(closing)
        claim = provenance_of(replica) if replica else None
        if claim is not None and is_of(claim, original):
            return False
        return self._survey.names_as_of(route.rule, route.source, original, key) and self._survey.at_target(
            route.rule, (route.source, route.target), closing
        )

    # --- members that are written over ------------------------------------------------------------------------------

    def _let_go(self, route: Route, key: str) -> None:
        """Return if `key` may be written over at the target.

        If that would tear a set that is visible there, the set is swapped as a whole once the source's is complete.

        Raises:
            SetError: It is not complete yet.
            PreconditionFailedError: It was swapped; look again.
            TradewindError: It cannot be brought as a whole; the target keeps what it has.
        """
        visible = self._around.visible(route, key)
        for closing in visible:
            self._require_settled(route, closing.key, key)
        ours = [closing.key for closing in visible if provenance_of(closing)]
        if not ours:
            return
        self._ahead.ask(route, key)
        for name in ours:
            self._ahead.prepare(route, name)
        with self._cleared(route, key, visible) as withdrawn:
            for name in withdrawn:
                if self.store_of(route.source).head(name) is not None:
                    self.fetch(route.rule, name, route.source, route.target)
        raise PreconditionFailedError(f"The sets that {key!r} is in were swapped at {route.target}; look again")

    @contextmanager
    def _cleared(self, route: Route, key: str, visible: Sequence[ObjectState]) -> Iterator[list[str]]:
        """Hold the leases of the sets that `key` is in, with their closing keys withdrawn, and give those keys.

        Whoever publishes a set around one of these looks for its lease before it looks at its members; here the leases
        are taken before the sets around them are looked for once more. So one of the two sees the other.
        """
        ours = [closing for closing in visible if provenance_of(closing) is not None]
        with ExitStack() as leases:
            for closing in ours:
                leases.enter_context(self._leases.hold(route.target, closing.key))
            if [(now.key, now.token) for now in self._around.visible(route, key)] != [
                (c.key, c.token) for c in visible
            ]:
                raise PreconditionFailedError(f"The sets that {key!r} is in changed at {route.target}; look again")
            for closing in ours:
                self._withdraw(route.target, closing)
            yield [closing.key for closing in ours]

    def _require_settled(self, route: Route, closing: str, key: str) -> None:
        view = self._survey.view(route.rule, route.source, closing)
        if view is not None:
            published = self._leases.ledger(route.target).read(folder_of(closing)).closing.get(closing, Published())
            self._require(route, view, published)
        elif self.store_of(route.source).head(closing) is None:  # then nothing tells when the set is complete but time
            state = self.store_of(route.source).head(key)
            if state is not None and self.clock() - state.modified < self._quiet(route.rule):
                raise self._unsettled(route, closing)

    def _require(self, route: Route, view: View, over: Published | None) -> None:
        if over is not None and over.state == view.version.state:
            return  # it was found settled before, and nothing changed
        quiet = self._quiet(route.rule)
        if not settled(view.closing.modified, view.times, now=view.began, quiet=quiet, over=over):
            raise self._unsettled(route, view.closing.key)

    def _quiet(self, rule: Rule) -> timedelta:
        return timedelta(seconds=rule.sets.settle_seconds)

    def _unsettled(self, route: Route, closing: str) -> SetError:
        return SetError(
            f"The set that {closing!r} closes is being written over at {route.source}, so {route.target} keeps what it "
            "has",
            hint="It is copied as a whole once all of it was written anew and the closing key last, or nothing in it "
            f"changed for {route.rule.sets.settle_seconds:,} seconds",
        )

    def _withdraw(self, target: str, closing: ObjectState) -> None:
        with suppress(NotFoundError):
            if self.withdraw is None:
                self.store_of(target).delete(closing.key, expect=closing.token)
            else:
                self.withdraw(target, closing.key, closing.token)

    # --- closing keys -----------------------------------------------------------------------------------------------

    @contextmanager
    def _publishing(self, route: Route, closing: str, body: bytes) -> Iterator[None]:
        """Bring every member to the target, and let the closing key be written only then."""
        # A set that is not whole, or that must wait for one within it, takes no lease and is in nobody's way.
        self._around.require_idle_within(route, self._view(route, closing, body))
        with self._leases.hold(route.target, closing) as (lease, before), lease.opened(closing):
            try:
                version = self._complete(route, self._view(route, closing, body), before)
            except TradewindError:
                if before is None:
                    lease.closing.pop(closing, None)  # nothing was published, so nothing is written over next time
                raise
            lease.closing[closing] = version
            yield

    def _view(self, route: Route, closing: str, body: bytes) -> View:
        view = self._survey.view(route.rule, route.source, closing)
        if view is None or view.body != body:
            raise PreconditionFailedError(f"{closing!r} changed at {route.source}; look again")
        return view

    def _changed(self, route: Route, view: View) -> bool:
        return self._view(route, view.closing.key, view.body).version != view.version

    def _complete(self, route: Route, view: View, before: Published | None) -> Published:
        """Bring what the target lacks or holds in another version, and return the version that is there then.

        The target is compared with `view`, not with what the source has become since: what is published is one moment
        of the source, and a settled one. What the target shows is not withdrawn before all of it is known to come.
        """
        self._around.require_idle_within(route, view)
        held = self._ahead.differing(route, view)
        present = [state for state in held.values() if state is not None]
        older = any(provenance_of(state) is not None for state in present)
        self._require(route, view, before if before or not older else Published())
        visible = self.store_of(route.target).head(view.closing.key) if present else None
        ours = visible if visible and provenance_of(visible) else None
        if ours and self._ahead.make_way(route, view, held) and self._changed(route, view):
            raise PreconditionFailedError(f"The set of {view.closing.key!r} changed at {route.source}; look again")
        if ours and self._around.visible(route, view.closing.key):
            raise PreconditionFailedError(
                f"A set around {view.closing.key!r} was published at {route.target}; look again"
            )
        if ours:
            self._withdraw(route.target, ours)
        for key in held:
            self.fetch(route.rule, key, route.source, route.target)
        if not held:
            return view.version
        if self._changed(route, view) or ours:
            raise PreconditionFailedError(f"The set of {view.closing.key!r} was brought to {route.target}; look again")
        if rest := list(self._ahead.differing(route, view)):
            raise SetError(
                f"{len(rest):,} members of the set that {view.closing.key!r} closes are not at {route.target} as they "
                f"are at {route.source}: {spelled(rest)}",
                hint="Look at what replication says of them; the closing key follows once they are there",
            )
        return view.version
