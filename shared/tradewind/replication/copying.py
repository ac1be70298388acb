"""The copy loop: bring one key at several targets to what it is at its source.

It reads the source once for all targets, writes them concurrently, each under the condition that was read, and confirms
the source afterwards. Whoever runs it twice, late, or beside itself does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from tradewind.errors import NotFoundError, PreconditionFailedError, TradewindError
from tradewind.fleet import OneWayRule
from tradewind.ports import Download, ObjectState
from tradewind.replication.budgets.asking import Spending
from tradewind.replication.contents.place import SEND, place
from tradewind.replication.decide import Copy, Keep, Remove, Verdict, decide
from tradewind.replication.modes.compression import as_stored, form_of
from tradewind.replication.modes.immutable import SAME, is_replica_of, is_versioned, refusal, same_bytes
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.start import in_parts
from tradewind.replication.provenance import Version
from tradewind.replication.routes import Route
from tradewind.replication.side_by_side import on_each
from tradewind.replication.transfer import Payload, left_behind, originating, read
from tradewind.replication.workplace import Workplace

T = TypeVar("T")
ROUNDS = 8
"""How often the loop looks again before it leaves the key to a later delivery."""


@dataclass(slots=True)
class CopyLoop:
    """The work on one key, from one source to several targets.

    Args:
        key: The key, the same at every site.
        rule: Of the routes.
        source: Of the routes.
        routes: One for each target.
        at: Where the work is done.
        refused: Routes on which nothing may be copied, with the reason; what is there may be removed.
        size: Bytes of the object, as somebody said.
    """

    key: str
    rule: OneWayRule
    source: str
    routes: Sequence[Route]
    at: Workplace
    refused: Mapping[Route, str] = field(default_factory=dict)
    size: int | None = None
    outcomes: dict[Route, Outcome] = field(default_factory=dict)

    def run(self, *, assume_absent: bool) -> None:
        """Work until every target has an outcome.

        The only ways out are a decision that there is nothing to do, a write after which the source was still what was
        read, and a failure. Whatever else happens, the loop looks again.

        Args:
            assume_absent: Expect the key to be new and spare the look at each target: 1 GET, 1 PUT per target, 1 HEAD.
                Where that is wrong, the conditional write fails and the loop looks.
        """
        for turn in range(ROUNDS):
            waiting = self._waiting()
            if not waiting:
                return
            try:
                self._turn(waiting, unseen=assume_absent and turn == 0)
            except (PreconditionFailedError, NotFoundError):
                continue  # the source was replaced while it was read
            except TradewindError as error:  # the source's, so it is every target's
                self._fail(self._waiting(), error)
        if waiting := self._waiting():
            message = f"{self.key!r} changed {ROUNDS} times under the copy from {waiting[0].source}"
            self._fail(waiting, PreconditionFailedError(message, hint="The queue brings it back when it is quieter"))

    def _waiting(self) -> list[Route]:
        return [route for route in self.routes if route not in self.outcomes]

    def _fail(self, routes: Sequence[Route], error: TradewindError) -> None:
        self.outcomes |= {route: Outcome.failed(route, error) for route in routes}

    def _turn(self, routes: list[Route], *, unseen: bool) -> None:
        # Targets before the source: a target that is found in sync was so at the moment when the source was read.
        seen = dict.fromkeys(routes) if unseen else self._on_each(routes, self._head)
        with ExitStack() as spent:
            with ExitStack() as stack:
                source, download = self._look(stack)
                if unseen and (source is None or source.size > self.at.parts.above):
                    return
                copies, removals = self._decide(source, seen)
                if wanted := self._wanted(source, copies):  # maybe no byte is needed, and the store goes on sending
                    stack.close()
                    download = None
                placed, copies = self._reuse(source, wanted, copies, seen)
                if source is not None and source.size > self.at.parts.above:
                    self._start(source, copies, seen)
                    copies = {}
                spending, copies = self._spend(spent, source, copies)
                if source is not None and copies and download is None:
                    download = self._open(stack, source.token)
                payload = as_stored(self.rule, read(download)) if download and copies else None
            done = dict(placed)
            if payload is not None:
                done |= self._on_each(list(copies), lambda r: self._write(r, payload, copies[r], seen[r]))
            spending.note(done.values())
        done |= self._on_each(list(removals), lambda r: self._remove(r, removals[r]))
        acted = {route: outcome for route, outcome in done.items() if outcome is not None}
        if acted and self._unchanged(source):
            self.outcomes |= acted

    def _head(self, route: Route) -> ObjectState | None:
        store = self.at.store_of(route.target)
        store.check_key(self.key)
        return store.head(self.key)

    def _look(self, stack: ExitStack) -> tuple[ObjectState | None, Download | None]:
        """Return the source's state, and its bytes if they come along.

        They do not if it is known to be large: a store that is asked for bytes sends some that nobody will read, and
        maybe none are needed.
        """
        store = self.at.store_of(self.source)
        try:
            if self.size is not None and self.size > self.at.reuse.floor:
                return store.head(self.key), None
            download = self._open(stack)
        except NotFoundError:
            return None, None
        return download.state, download

    def _open(self, stack: ExitStack, token: str | None = None) -> Download:
        return stack.enter_context(self.at.store_of(self.source).get(self.key, token=token))

    def _wanted(self, source: ObjectState | None, copies: Iterable[Route]) -> Sequence[Route]:
        """Return the targets of which it pays to ask whether they hold the same content."""
        return [route for route in copies if source and self.at.reuses(route, source)]

    def _reuse(
        self,
        source: ObjectState | None,
        wanted: Sequence[Route],
        copies: Mapping[Route, str | None],
        seen: Mapping[Route, ObjectState | None],
    ) -> tuple[dict[Route, Outcome | None], dict[Route, str | None]]:
        """Write the targets that hold the same content; return what came of it, and what is still to be written."""
        if source is None or not wanted:
            return {}, dict(copies)
        origin = originating(self.source, source, None)
        tried = self._on_each(wanted, lambda r: place(self.at, r, source, origin, seen[r], copies[r]))
        placed = {route: attempt.outcome for route, attempt in tried.items() if attempt != SEND}
        done = placed.keys() | self.outcomes.keys()
        return placed, {route: expect for route, expect in copies.items() if route not in done}

    def _spend(
        self, stack: ExitStack, source: ObjectState | None, copies: dict[Route, str | None]
    ) -> tuple[Spending, dict[Route, str | None]]:
        """Ask for room in the budgets, until the stack is left; return what may be written now."""
        if source is None or not copies:
            return Spending(), copies
        targets = [route.target for route in copies]
        spending = stack.enter_context(self.at.budgets.spending(self.rule, self.source, targets, source))
        self.outcomes |= spending.held_back(list(copies))
        return spending, {route: expect for route, expect in copies.items() if route not in self.outcomes}

    def _decide(
        self, source: ObjectState | None, seen: Mapping[Route, ObjectState | None]
    ) -> tuple[dict[Route, str | None], dict[Route, Remove]]:
        """Sort the targets into what is to be written and what is to be removed, each with its condition."""
        copies: dict[Route, str | None] = {}
        removals: dict[Route, Remove] = {}
        for route, target in seen.items():
            if source is not None and route in self.refused:
                self.outcomes[route] = Outcome(route, Verdict.REFUSED, self.refused[route])
                continue
            try:
                decision = decide(self.rule, route.source, route.target, source, target)
            except TradewindError as error:
                self._fail([route], error)
                continue
            match decision:
                case Copy(expect):
                    copies[route] = expect
                case Remove():
                    removals[route] = decision
                case Keep(verdict, reason):
                    self.outcomes[route] = Outcome(route, verdict, reason)
        return copies, removals

    def _write(self, route: Route, payload: Payload, expect: str | None, target: ObjectState | None) -> Outcome | None:
        """Write one target; None if it is no longer what was seen."""
        if target is not None and is_versioned(route.rule):
            if is_replica_of(target, len(payload.body), payload.crc32c):
                return Outcome(route, Verdict.IN_SYNC, SAME)
            raise refusal(self.key, route.source, route.target)
        self.at.store_of(route.target).check_key(self.key)
        origin = originating(self.source, payload.state, payload.crc32c)
        if not self.at.put(route.rule, self.source, route.target, payload, origin, expect):
            return None
        return Outcome(
            route,
            Verdict.COPIED,
            f"written{form_of(payload)}{left_behind(self.at.store_of(route.target), payload.state.metadata)}",
            size=len(payload.body),
            crc32c=payload.crc32c,
            proof=payload.proof,
            replaced=expect is not None,
        )

    def _start(
        self,
        source: ObjectState,
        copies: Mapping[Route, str | None],
        seen: Mapping[Route, ObjectState | None],
    ) -> None:
        """Have a large object copied in parts; the last worker looks again, as this loop does after a write."""

        def start(route: Route) -> Outcome:
            if (told := self._unmoved(route, source, seen[route])) is not None:
                return told
            return in_parts(self.at, route, source, originating(self.source, source, None), copies[route])

        self.outcomes |= self._on_each(list(copies), start)

    def _unmoved(self, route: Route, source: ObjectState, target: ObjectState | None) -> Outcome | None:
        """Return how it ends where the rule overwrites nothing and there is something; None: it may be written."""
        if target is None or not is_versioned(route.rule):
            return None
        if same_bytes(source, target):
            return Outcome(route, Verdict.IN_SYNC, SAME)
        raise refusal(self.key, route.source, route.target)

    def _remove(self, route: Route, removal: Remove) -> Outcome | None:
        """Delete at one target; None if it is no longer what was seen."""
        let_go = self.at.tombstones(self.source).read(self.key).let_go
        if let_go is not None and let_go >= removal.version.modified:
            reason = "a lifecycle rule of the source removed it there, and that is no user's delete"
            return Outcome(route, Verdict.KEPT, reason)
        try:
            refusal = self.at.remove(route.rule, self.key, self.source, route.target, removal.expect)
        except PreconditionFailedError:
            return None
        if refusal is not None:
            return Outcome(route, Verdict.HELD, refusal)
        return Outcome(route, Verdict.REMOVED, "deleted at the source, and the target held its unchanged replica")

    def _unchanged(self, source: ObjectState | None) -> bool:
        now = self.at.store_of(self.source).head(self.key)
        if source is None or now is None:
            return source is now
        return Version.of(source) == Version.of(now)

    def _on_each(self, routes: Sequence[Route], call: Callable[[Route], T]) -> dict[Route, T]:
        """Call for every route side by side; one target's failure is its own outcome."""
        answers, errors = on_each(self.at.executor, routes, call)
        self.outcomes |= {route: Outcome.failed(route, error) for route, error in errors.items()}
        return answers
