"""What observers look at and act on: endpoints that fall and return, wrong clocks, and what directs traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import ParamSpec, TypeVar

from simulation.control import Mishaps
from simulation.processes import Processes, Promise
from simulation.scenes import ENDPOINTS
from simulation.turns import KilledError
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.errors import PreconditionFailedError, SafetyStopError, StoreUnavailableError
from tradewind.fleet import Endpoint
from tradewind.ports import Answer, Notice, Traffic

P = ParamSpec("P")
T = TypeVar("T")
GOOD = Answer("", 0.05)
SLOW = Answer("", 0.9)
FALLEN = Answer("connection refused", 0.001)
CUT = Answer("no answer within 2 s", 2.0)
MOST_AT_ONCE = 24
"""Looks of others, at most, between two of one process."""
_MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class AtOnce(Executor):
    """Runs what is submitted to its end, before anything else of the process that asks."""

    processes: Processes

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` and return what came of it."""
        promise: Promise[T] = Promise(self.processes)
        try:
            promise.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            promise.set_exception(error)
        return promise


@dataclass(slots=True)
class Clock:
    """An observer's clock."""

    processes: Processes
    wrong: int
    """Microseconds."""

    def read(self) -> datetime:
        """Return what it shows."""
        return _MIDNIGHT + timedelta(microseconds=self.processes.elapsed + self.wrong)


@dataclass(frozen=True, slots=True)
class Look:
    """One probe."""

    elapsed: int
    good: bool
    late: bool
    by: str = ""
    """The process."""
    verifies: bool = False
    """Whether it is asked because traffic was moved there, and not in turn."""


@dataclass(slots=True)
class Endpoints:
    """How the endpoints are, and who has seen what of them."""

    fallen: set[str] = field(default_factory=set)
    slow: set[str] = field(default_factory=set)
    cut: set[tuple[str, str]] = field(default_factory=set)
    """Observers, and the endpoints that they do not reach."""
    load: float = 50
    """Requests a second, of all together."""
    weights: Callable[[], Mapping[str, int]] = dict
    looks: dict[tuple[str, str], list[Look]] = field(default_factory=dict)
    """By observer and endpoint, in order."""
    told: dict[str, set[str]] = field(default_factory=dict)
    """By process, to which stores its view came that are not lost; what another one looked at nobody may know."""

    def answer(self, observer: str, name: str) -> Answer:
        """Return what an observer hears of an endpoint."""
        if name in self.fallen:
            return FALLEN
        if (observer, name) in self.cut:
            return CUT
        load = self.load * self.weights().get(name, 0) / 100
        return Answer("", 0.9 if name in self.slow else 0.05, load)


@dataclass(frozen=True, slots=True)
class SimulatedProber:
    """How one observer asks endpoints: at once, since nobody else hears of it before the view is told."""

    observer: str
    endpoints: Endpoints
    processes: Processes
    names: Mapping[str, str]
    """By URL."""

    def probe(self, endpoint: Endpoint) -> Answer:
        """Return what came of it."""
        name = self.names[endpoint.url]
        answer = self.endpoints.answer(self.observer, name)
        acting = self.processes.acting
        by, looks = acting.process.name if acting else "", self.endpoints.looks.setdefault((self.observer, name), [])
        again = bool(by) and any(look.by == by for look in looks[-MOST_AT_ONCE:])
        late = answer.seconds > endpoint.latency_ms / 1000
        looks.append(Look(self.processes.elapsed, answer.good, late=late, by=by, verifies=again))
        return answer


@dataclass(frozen=True, slots=True)
class Shown:
    """What a director showed from some moment on."""

    elapsed: int
    began: int
    """When its publisher had read the director last, before it published."""
    by: str
    traffic: Traffic


@dataclass(slots=True)
class SimulatedDirector:
    """What directs the traffic, as everybody reaches it, with all that can happen to a request on its way."""

    processes: Processes
    rng: Random
    mishaps: Mishaps
    inner: MemoryDirector = field(default_factory=lambda: MemoryDirector(ENDPOINTS))
    shown: list[Shown] = field(default_factory=list)
    unwritable: bool = False
    """Whether it can be read only."""
    careful: bool = False
    """Whether it changes only what it is forced to change, once it shows something."""
    _read: dict[str, int] = field(default_factory=dict)

    def read(self) -> Traffic:
        """Return what is published."""
        heard = self._arrive("read")
        traffic = self.inner.read()
        self._read[self._name()] = self.processes.elapsed
        self._answer("read", heard=heard)
        return traffic

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Publish the weights, if what is published is still `expect`."""
        name = self._name()
        began = self._read.get(name, 0)

        def put() -> Traffic:
            return self._put(Shown(0, began, name, Traffic(weights, epoch, "")), expect, force=force)

        if self.processes.acting and self.rng.random() < self.mishaps.overdue:
            self._repeat(put)
            raise self._silence("publish", "is overdue")
        heard = self._arrive("publish")
        try:
            traffic = put()
            fate = self.rng.random()
            if fate < self.mishaps.resent:
                self.processes.note("publish", "director", f"epoch {epoch}", "resent")
                traffic = put()
            elif fate < self.mishaps.resent + self.mishaps.twice:
                self._repeat(put)
        except (PreconditionFailedError, SafetyStopError):
            if not heard:
                raise KilledError from None
            raise
        self._answer("publish", heard=heard)
        return traffic

    def _put(self, wanted: Shown, expect: Traffic, *, force: bool) -> Traffic:
        before, epoch, weights = self.inner.read(), wanted.traffic.epoch, wanted.traffic.weights
        if self.careful and not force and before.epoch and (before.epoch, before.weights) != (epoch, weights):
            self.processes.note("publish", "director", f"epoch {epoch}", "is stopped")
            message = "too much of the zone"
            raise SafetyStopError(message)
        try:
            traffic = self.inner.publish(weights, epoch=epoch, expect=expect)
        except PreconditionFailedError:
            self.processes.note("publish", "director", f"epoch {epoch}", "refused")
            raise
        if traffic.token != before.token:
            self.shown.append(replace(wanted, elapsed=self.processes.elapsed, traffic=traffic))
        self.processes.note("publish", "director", f"epoch {epoch}", dict(weights))
        return traffic

    def _repeat(self, put: Callable[[], Traffic]) -> None:
        """Let the same request come once more, some time later."""

        def again() -> None:
            self.processes.request(1.0)
            with suppress(PreconditionFailedError, SafetyStopError, StoreUnavailableError):
                put()

        self.processes.start("network", again)

    def _name(self) -> str:
        acting = self.processes.acting
        return acting.process.name if acting else "world"

    def _arrive(self, what: str) -> bool:
        heard = self.processes.request(self.mishaps.late)
        if self.inner.away or (self.processes.acting and self.rng.random() < self.mishaps.lost):
            raise self._silence(what, "never arrives")
        if self.unwritable and what == "publish":
            raise self._silence(what, "is refused")
        return heard

    def _answer(self, what: str, *, heard: bool) -> None:
        if not heard:
            raise KilledError
        if self.processes.acting and self.rng.random() < self.mishaps.unanswered:
            raise self._silence(what, "is not answered")

    def _silence(self, what: str, why: str) -> StoreUnavailableError:
        self.processes.note(what, "director", answer=why)
        return StoreUnavailableError("the director does not answer")


@dataclass(slots=True)
class Pager:
    """Who is told."""

    processes: Processes
    notices: list[Notice] = field(default_factory=list)
    away: bool = False

    def tell(self, notice: Notice) -> None:
        """Remember what was told."""
        self.processes.request(0)
        if self.away:
            self.processes.note("is told", "pager", answer="does not answer")
            message = "the pager does not answer"
            raise StoreUnavailableError(message)
        self.notices.append(notice)
