"""Keeping artifact sets whole at their targets: what waits, what goes first, what is published last.

The invariant, at every target: a closing key that tradewind wrote there is visible only while every member that it
names is there, in the version that was checked when it was published. docs/adr/0011 says why this is enough, and what
it does not cover.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from tradewind.errors import NotFoundError, PreconditionFailedError, SetError, TradewindError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState, ObjectStore
from tradewind.records import Records
from tradewind.replication.provenance import is_of, provenance_of
from tradewind.replication.routes import Route, covers
from tradewind.replication.sets.contents import contents
from tradewind.replication.sets.ledger import MARGIN, Lease, Ledger, Page
from tradewind.replication.sets.looking import contradicted, each, is_same
from tradewind.replication.sets.recognise import candidates, closing_kind, folder_of, folders
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
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    fetch: Callable[[Rule, str, str, str], None]
    clock: Callable[[], datetime]
    executor: Executor | None = None
    withdraw: Callable[[str, str, str], None] | None = None
    _survey: Survey = field(init=False)
    _held: ContextVar[Mapping[tuple[str, str], Lease]] = field(init=False)
    """The leases that this call holds: what it fetches must not wait for itself."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "_survey", Survey(self.store_of, self.clock, self.executor))
        object.__setattr__(self, "_held", ContextVar("held", default=MappingProxyType({})))

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
        if visible := self._visible(route, key):
            with self._cleared(route, key, visible):
                pass
        yield

    def arrived(self, rule: Rule, key: str, *, source: str, target: str, replaced: bool = False) -> Sequence[str]:
        """See `SetRules.arrived`. A key whose name tells of no set costs no request, unless it replaced something."""
        route = Route(rule, source, target)
        pages = self._pages(route, key).values() if replaced else ()
        recorded = [closing for page in pages for closing in page.closing if covers(rule, closing)]
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
        """
        visible = self._visible(route, key)
        for closing in visible:
            self._require_settled(route, closing.key, key)
        if not any(provenance_of(closing) for closing in visible):
            return
        with self._cleared(route, key, visible) as withdrawn:
            for each_key in withdrawn:
                if self.store_of(route.source).head(each_key) is not None:
                    self.fetch(route.rule, each_key, route.source, route.target)
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
                leases.enter_context(self._lease(route.target, closing.key))
            if [(each.key, each.token) for each in self._visible(route, key)] != [(c.key, c.token) for c in visible]:
                raise PreconditionFailedError(f"The sets that {key!r} is in changed at {route.target}; look again")
            for closing in ours:
                self._withdraw(route.target, closing)
            yield [closing.key for closing in ours]

    def _require_settled(self, route: Route, closing: str, key: str) -> None:
        view = self._survey.view(route.rule, route.source, closing)
        if view is not None:
            published = self._ledger(route.target).read(folder_of(closing)).closing.get(closing, Published())
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

    def _visible(self, route: Route, key: str) -> list[ObjectState]:
        """Return the closing keys at the target whose sets `key` is in, also by way of other sets, outermost first.

        Raises:
            SetError: Such a set is just being published by somebody else.
        """
        store = self.store_of(route.target)
        seen: set[str] = {key}
        found: list[ObjectState] = []
        pages: dict[str, Page] = {}

        def climb(member: str) -> None:
            pages.update(self._pages(route, member, known=pages))
            above = [pages[folder] for folder in folders(route.rule, member)]
            self._require_idle(route, member, above)
            recorded = [closing for page in above for closing in page.closing if covers(route.rule, closing)]
            for closing in dict.fromkeys([*recorded, *candidates(route.rule, member)]):
                state = store.head(closing) if closing not in seen else None
                if state is not None and self._survey.names_as_of(route.rule, route.target, state, member):
                    seen.add(closing)
                    climb(closing)
                    found.append(state)

        climb(key)
        return found

    def _pages(self, route: Route, key: str, known: Mapping[str, Page] | None = None) -> dict[str, Page]:
        wanted = [folder for folder in folders(route.rule, key) if folder not in (known or {})]
        return each(self.executor, self._ledger(route.target).read, wanted)

    def _require_idle(self, route: Route, key: str, pages: Sequence[Page]) -> None:
        """Look whether somebody else publishes a set that `key` is in.

        Read before the closing keys are looked at: whoever begins later checks the target against what the source
        holds then, and that is at least what the caller is about to write.
        """
        mine = {lease.holder for lease in self._held.get().values()}
        for page in pages:
            if not page.busy(self.clock()) or page.holder in mine:
                continue
            for closing in filter(lambda each: covers(route.rule, each), page.closing):
                sites = (route.source, route.target)
                if closing != key and any(self._survey.names(route.rule, site, closing, key) for site in sites):
                    raise SetError(
                        f"{key!r} is in the set that {closing!r} closes, which another worker is publishing at "
                        f"{route.target}",
                        hint="The queue brings the message back",
                    )

    def _require_idle_within(self, route: Route, view: View) -> None:
        """Look whether somebody else changes a set whose closing key is a member of this one."""
        nested = {folder_of(key) for key in view.seen if closing_kind(route.rule, key)}
        mine = {folder for target, folder in self._held.get() if target == route.target}
        pages = each(self.executor, self._ledger(route.target).read, sorted(nested - mine))
        for folder, page in pages.items():
            if page.busy(self.clock()):
                raise SetError(
                    f"{view.closing.key!r} closes a set with another one in {folder!r}, which another worker is "
                    f"changing at {route.target}",
                    hint="The queue brings the message back",
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
        self._require_idle_within(route, self._view(route, closing, body))
        with self._lease(route.target, closing) as (lease, before), lease.opened(closing):
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

    def _complete(self, route: Route, view: View, before: Published | None) -> Published:
        """Bring what the target lacks or holds in another version, and return the version that is there then.

        The target is compared with `view`, not with what the source has become since: what is published is one moment
        of the source, and a settled one.
        """
        self._require_idle_within(route, view)
        held = self._differing(route, view)
        present = [state for state in held.values() if state is not None]
        older = any(provenance_of(state) is not None for state in present)
        self._require(route, view, before if before or not older else Published())
        visible = self.store_of(route.target).head(view.closing.key) if present else None
        ours = visible if visible and provenance_of(visible) else None
        if ours and self._visible(route, view.closing.key):
            raise PreconditionFailedError(
                f"A set around {view.closing.key!r} was published at {route.target}; look again"
            )
        if ours:
            self._withdraw(route.target, ours)
        for key in held:
            self.fetch(route.rule, key, route.source, route.target)
        if not held:
            return view.version
        again = self._view(route, view.closing.key, view.body)
        if ours or again.version != view.version:
            raise PreconditionFailedError(f"The set of {view.closing.key!r} was brought to {route.target}; look again")
        if rest := list(self._differing(route, view)):
            raise SetError(
                f"{len(rest):,} members of the set that {view.closing.key!r} closes are not at {route.target} as they "
                f"are at {route.source}: {spelled(rest)}",
                hint="Look at what replication says of them; the closing key follows once they are there",
            )
        return view.version

    def _differing(self, route: Route, view: View) -> dict[str, ObjectState | None]:
        """Return what the target holds of the members that are not there as they were seen at the source.

        Raises:
            SetError: A member is not what the closing object says.
        """
        states = each(self.executor, self.store_of(route.target).head, list(view.seen))
        found: dict[str, ObjectState | None] = {}
        wrong: list[str] = []
        for member in view.members:
            state = states[member.key]
            if state is None or not self._same(route, view, member.key, state):
                found[member.key] = state
            elif contradicted(member, state):
                wrong.append(member.key)
        if wrong:
            raise SetError(
                f"{len(wrong):,} members have other bytes than {view.closing.key!r} says: {spelled(wrong)}",
                hint="Upload the files that the manifest was made for, or its new version",
            )
        return found

    def _same(self, route: Route, view: View, key: str, state: ObjectState) -> bool:
        source = self.store_of(route.source)
        return is_same(route.source, route.target, view.seen[key], state, lambda: source.head(key))

    # --- leases -----------------------------------------------------------------------------------------------------

    def _ledger(self, target: str) -> Ledger:
        return Ledger(target, self.records_of(target))

    @contextmanager
    def _lease(self, target: str, closing: str) -> Iterator[tuple[Lease, Published | None]]:
        """Hold the lease of the closing key's folder, and give what was on record of the set before."""
        held = self._held.get()
        at = (target, folder_of(closing))
        if at in held:
            before = held[at].closing.get(closing)
            held[at].note(closing)
            yield held[at], before
            return
        length = timedelta(seconds=self.fleet.time_limit_seconds) + MARGIN
        lease, before = self._ledger(target).take(at[1], closing, self.clock(), length)
        mark = self._held.set({**held, at: lease})
        try:
            yield lease, before
        except Exception:
            with suppress(TradewindError):  # it runs out by itself, and what went wrong before matters more
                lease.release()
            raise
        else:
            lease.release()
        finally:
            self._held.reset(mark)
