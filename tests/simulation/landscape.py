"""What observers look at and act on: endpoints that fall and return, wrong clocks, and what directs traffic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import ParamSpec, TypeVar

from simulation.control import Mishaps
from simulation.processes import Processes, Promise
from simulation.scenes import ENDPOINTS
from simulation.turns import KilledError
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.errors import PreconditionFailedError, StoreUnavailableError
from tradewind.fleet import Endpoint
from tradewind.ports import Answer, Notice, Traffic

P = ParamSpec("P")
T = TypeVar("T")
GOOD = Answer("", 0.05)
SLOW = Answer("", 0.9)
FALLEN = Answer("connection refused", 0.001)
CUT = Answer("no answer within 2 s", 2.0)
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
        look = Look(self.processes.elapsed, answer.good, late=answer.seconds > endpoint.latency_ms / 1000)
        self.endpoints.looks.setdefault((self.observer, name), []).append(look)
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
    _read: dict[str, int] = field(default_factory=dict)

    def read(self) -> Traffic:
        """Return what is published."""
        heard = self._arrive("read")
        traffic = self.inner.read()
        self._read[self._name()] = self.processes.elapsed
        self._answer("read", heard=heard)
        return traffic

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic) -> Traffic:
        """Publish the weights, if what is published is still `expect`."""
        name = self._name()
        heard = self._arrive("publish")
        before = self.inner.read()
        try:
            traffic = self.inner.publish(weights, epoch=epoch, expect=expect)
        except PreconditionFailedError:
            self.processes.note("publish", "director", f"epoch {epoch}", "refused")
            if not heard:
                raise KilledError from None
            raise
        if traffic.token != before.token:
            self.shown.append(Shown(self.processes.elapsed, self._read.get(name, 0), name, traffic))
        self.processes.note("publish", "director", f"epoch {epoch}", dict(weights))
        self._answer("publish", heard=heard)
        return traffic

    def _name(self) -> str:
        acting = self.processes.acting
        return acting.process.name if acting else "world"

    def _arrive(self, what: str) -> bool:
        heard = self.processes.request(self.mishaps.late)
        if self.inner.away or (self.processes.acting and self.rng.random() < self.mishaps.lost):
            self.processes.note(what, "director", answer="never arrives")
            message = "the director does not answer"
            raise StoreUnavailableError(message)
        return heard

    def _answer(self, what: str, *, heard: bool) -> None:
        if not heard:
            raise KilledError
        if self.processes.acting and self.rng.random() < self.mishaps.unanswered:
            self.processes.note(what, "director", answer="is not answered")
            message = "the director did not answer"
            raise StoreUnavailableError(message)


@dataclass(slots=True)
class Pager:
    """Who is told."""

    processes: Processes
    notices: list[Notice] = field(default_factory=list)

    def tell(self, notice: Notice) -> None:
        """Remember what was told."""
        self.processes.request(0)
        self.notices.append(notice)
