"""Simulated control stores: records in memory, and all that can happen to a request on its way there and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar
from zlib import crc32

from simulation.processes import Processes
from simulation.turns import KilledError
from tradewind.errors import PreconditionFailedError, StoreUnavailableError
from tradewind.records import Document, Record

T = TypeVar("T")


@dataclass(slots=True)
class Mishaps:
    """How probable it is that something happens to one request."""

    lost: float = 0
    """It never arrives."""
    unanswered: float = 0
    """It takes effect, and its answer is lost."""
    resent: float = 0
    """The client's library sends it again, though it took effect, and hears only what became of that."""
    twice: float = 0
    """The network delivers it again, much later."""
    late: float = 0
    """It arrives when its sender may have given up."""
    overdue: float = 0
    """It arrives when its sender has given up for certain."""

    def heal(self) -> None:
        """Let nothing happen any more."""
        self.lost = self.unanswered = self.resent = self.twice = self.late = self.overdue = 0


@dataclass(slots=True)
class Bucket:
    """What one control store holds; it survives whoever writes there."""

    site: str
    by_content: bool
    """Whether its tokens are made of the bytes, as S3's ETags are; generations otherwise."""
    held: dict[str, Record] = field(default_factory=dict)
    away: bool = False
    unwritable: bool = False
    """Whether it can be read only."""
    writes: int = 0
    watch: Callable[[str], None] = lambda _: None
    """Called with the name of each record that was written."""
    spelled: bool = False
    """Whether documents pass through JSON, as they do at real stores; the slower half of the worlds."""

    def put(self, name: str, value: Document, expect: str | None) -> str:
        """Write a record if its token is `expect`, as a store does: at once."""
        held = self.held.get(name)
        if (held.token if held else None) != expect:
            message = f"{name} at {self.site} is not {expect}"
            raise PreconditionFailedError(message)
        self.writes += 1
        if self.spelled or self.by_content:
            body = json.dumps(value, sort_keys=True)
            token = f"{crc32(body.encode()):08x}" if self.by_content else str(self.writes)
            value = json.loads(body)
        else:
            token = str(self.writes)
        self.held[name] = Record(value, token)
        self.watch(name)
        return token


@dataclass(slots=True)
class SimulatedRecords:
    """A client of one control store; stands where `Records` stands."""

    bucket: Bucket
    processes: Processes
    rng: Random
    mishaps: Mishaps
    words: Callable[[Document], object] = lambda document: document
    """Says in the schedule what was written; only turned into text when somebody reads it."""
    cut: set[tuple[str, str]] = field(default_factory=set)
    """Which processes cannot reach which site."""

    def read(self, name: str) -> Record | None:
        """Return a record, or None if there is none."""
        return self._request("read", name, lambda: self.bucket.held.get(name))

    def write(self, name: str, value: Document, *, expect: str | None) -> str:
        """Write a record if its token is `expect`."""

        def put() -> str:
            return self.bucket.put(name, value, expect)

        def effect() -> str:
            token, fate = put(), self.rng.random() if self.processes.acting else 1.0
            self.processes.note("write", self.bucket.site, name, self.words(value))
            if fate < self.mishaps.resent:
                self.processes.note("write", self.bucket.site, name, "resent")
                token = put()
            elif fate < self.mishaps.resent + self.mishaps.twice:
                self._repeat(name, value, put)
            return token

        if self.mishaps.overdue and self.processes.acting and self.rng.random() < self.mishaps.overdue:
            self._repeat(name, value, put)
            raise self._silence("write", name, "is overdue")
        return self._request("write", name, effect)

    def _request(self, what: str, name: str, effect: Callable[[], T]) -> T:
        """Be under way, take effect, and be answered, unless something happens; the world meets with no mishaps."""
        if self.processes.acting is None and not self.bucket.away:
            return effect()
        heard = self.processes.request(self.mishaps.late)
        if self.bucket.unwritable and what == "write":
            raise self._silence(what, name, "is refused")
        if self.bucket.away or self.rng.random() < self.mishaps.lost or self._is_cut():
            raise self._silence(what, name, "never arrives")
        try:
            answer = effect()
        except PreconditionFailedError:
            self.processes.note(what, self.bucket.site, name, "condition failed")
            if heard:
                raise
        if not heard:
            raise KilledError
        if self.rng.random() < self.mishaps.unanswered:
            raise self._silence(what, name, "is not answered")
        return answer

    def _silence(self, what: str, name: str, why: str) -> StoreUnavailableError:
        self.processes.note(what, self.bucket.site, name, why)
        return StoreUnavailableError(f"{self.bucket.site} does not answer")

    def _is_cut(self) -> bool:
        acting = self.processes.acting
        return bool(self.cut) and acting is not None and (acting.process.name, self.bucket.site) in self.cut

    def _repeat(self, name: str, value: Document, put: Callable[[], str]) -> None:
        """Let the same request come once more, some time later."""

        def again() -> None:
            self.processes.request(1.0)
            with suppress(PreconditionFailedError):
                put()
                self.processes.note("write", self.bucket.site, name, self.words(value))

        self.processes.start("network", again)
