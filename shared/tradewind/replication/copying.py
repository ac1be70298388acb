"""The copy loop: bring one key at several targets to what it is at its source.

It reads the source once for all targets, writes them concurrently, each under the condition that was read, and confirms
the source afterwards. Whoever runs it twice, late, or beside itself does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from tradewind.checksums import crc32c, md5, prove
from tradewind.errors import (
    IntegrityError,
    NotFoundError,
    ObjectTooLargeError,
    PreconditionFailedError,
    TradewindError,
)
from tradewind.ports import Download, ObjectState, ObjectStore
from tradewind.replication.decide import Copy, Keep, Pull, Remove, Verdict, decide
from tradewind.replication.provenance import Provenance, Version, digest, fingerprint, stamped
from tradewind.replication.routes import Route

MAX_OBJECT = 64 * 1024 * 1024
"""Bytes of the largest object that one function holds in memory."""
ROUNDS = 8
"""How often the loop looks again before it leaves the key to a later delivery."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended at one target."""

    route: Route
    verdict: Verdict
    reason: str
    size: int | None = None
    """Bytes written, where something was written."""
    crc32c: int | None = None
    proof: str | None = None
    """The checksum of the source's store that the bytes were compared with."""
    error: TradewindError | None = None

    @classmethod
    def failed(cls, route: Route, error: TradewindError) -> Outcome:
        """Return the outcome of a target at which `error` was met."""
        return cls(route, Verdict.FAILED, str(error), error=error)


@dataclass(frozen=True, slots=True)
class _Payload:
    """The whole source object, compared with what its store keeps."""

    state: ObjectState
    body: bytes
    crc32c: int
    proof: str


@dataclass(slots=True)
class CopyLoop:
    """The work on one key, from one source to several targets.

    Args:
        key: The key, the same at every site.
        source: Store of the routes' common source.
        targets: The store of each route's target.
        executor: Runs the calls to several targets side by side.
        refused: Routes on which nothing may be copied, with the reason; what is there may be removed.
    """

    key: str
    source: ObjectStore
    targets: Mapping[Route, ObjectStore]
    executor: Executor
    refused: Mapping[Route, str] = field(default_factory=dict)
    outcomes: dict[Route, Outcome] = field(default_factory=dict)
    pulls: list[Route] = field(default_factory=list)
    """Routes whose target's object wins; the caller copies those the other way round."""

    def run(self, *, assume_absent: bool) -> None:
        """Work until every target has an outcome or is to be pulled from.

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
        return [route for route in self.targets if route not in self.outcomes and route not in self.pulls]

    def _fail(self, routes: Sequence[Route], error: TradewindError) -> None:
        self.outcomes |= {route: Outcome.failed(route, error) for route in routes}

    def _turn(self, routes: list[Route], *, unseen: bool) -> None:
        # Targets before the source: a target that is found in sync was so at the moment when the source was read.
        seen = dict.fromkeys(routes) if unseen else self._on_each(routes, lambda r: self.targets[r].head(self.key))
        with ExitStack() as stack:
            download = self._open(stack)
            if download is None and unseen:
                return
            source = download.state if download else None
            copies, removals = self._decide(source, seen)
            payload = self._read(download) if download and copies else None
        done = self._on_each(list(copies), lambda r: self._write(r, payload, copies[r])) if payload else {}
        done |= self._on_each(list(removals), lambda r: self._remove(r, removals[r]))
        acted = {route: outcome for route, outcome in done.items() if outcome is not None}
        if acted and self._unchanged(source):
            self.outcomes |= acted

    def _open(self, stack: ExitStack) -> Download | None:
        try:
            return stack.enter_context(self.source.get(self.key))
        except NotFoundError:
            return None

    def _decide(
        self, source: ObjectState | None, seen: Mapping[Route, ObjectState | None]
    ) -> tuple[dict[Route, str | None], dict[Route, str]]:
        """Sort the targets into what is to be written and what is to be removed, each with its condition."""
        copies: dict[Route, str | None] = {}
        removals: dict[Route, str] = {}
        for route, target in seen.items():
            try:
                decision = decide(route.rule, route.source, route.target, source, target)
            except TradewindError as error:
                self._fail([route], error)
                continue
            match decision:
                case Copy() | Pull() if route in self.refused:
                    self.outcomes[route] = Outcome(route, Verdict.REFUSED, self.refused[route])
                case Copy(expect):
                    copies[route] = expect
                case Remove(token):
                    removals[route] = token
                case Pull():
                    self.pulls.append(route)
                case Keep(verdict, reason):
                    self.outcomes[route] = Outcome(route, verdict, reason)
        return copies, removals

    def _read(self, download: Download) -> _Payload:
        state = download.state
        if state.size > MAX_OBJECT:
            raise ObjectTooLargeError(
                f"{self.key!r} has {state.size:,} bytes, and up to {MAX_OBJECT:,} are copied in one piece",
                hint="Redrive the message with a version of tradewind that copies in parts",
            )
        body = b"".join(download.chunks)
        if len(body) != state.size:
            raise IntegrityError(f"{len(body):,} of {state.size:,} bytes of {self.key!r} arrived")
        crc = crc32c(body)
        return _Payload(state, body, crc, prove(body, state.checksums, crc=crc, subject=repr(self.key)))

    def _write(self, route: Route, payload: _Payload, expect: str | None) -> Outcome | None:
        """Write one target; None if it is no longer what was seen."""
        store = self.targets[route]
        checksum = md5(payload.body) if store.checksum == "md5" else None
        provenance = Provenance(
            origin=route.source,
            version=Version.of(payload.state),
            size=payload.state.size,
            crc32c=payload.crc32c,
            key=fingerprint(self.key),
            md5=checksum,
            metadata=digest(payload.state.metadata),
        )
        metadata = stamped(payload.state.metadata, provenance)
        store.check_metadata(metadata)
        try:
            store.put(self.key, payload.body, metadata=metadata, crc32c=payload.crc32c, md5=checksum, expect=expect)
        except PreconditionFailedError:
            return None
        return Outcome(
            route, Verdict.COPIED, "written", size=len(payload.body), crc32c=payload.crc32c, proof=payload.proof
        )

    def _remove(self, route: Route, expect: str) -> Outcome | None:
        """Delete at one target; None if it is no longer what was seen."""
        try:
            self.targets[route].delete(self.key, expect=expect)
        except (PreconditionFailedError, NotFoundError):
            return None
        return Outcome(route, Verdict.REMOVED, "deleted at the source, and the target held its unchanged replica")

    def _unchanged(self, source: ObjectState | None) -> bool:
        now = self.source.head(self.key)
        if source is None or now is None:
            return source is now
        return Version.of(source) == Version.of(now)

    def _on_each(self, routes: Sequence[Route], call: Callable[[Route], T]) -> dict[Route, T]:
        """Call for every route side by side; one target's failure is its own outcome."""
        calls = {route: self.executor.submit(call, route) for route in routes[1:]}
        answers: dict[Route, T] = {}
        for route in routes:
            try:
                answers[route] = calls[route].result() if route in calls else call(route)
            except TradewindError as error:
                self._fail([route], error)
        return answers
