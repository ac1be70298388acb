"""Whose turn it is: workers that stop before every call, one clock, and a log of what happened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from greenlet import getcurrent, greenlet

SECOND = 1_000_000
"""Microseconds."""
_START = datetime(2026, 1, 1, tzinfo=UTC)


class KilledError(BaseException):
    """The process of this worker is gone; nothing of it may act any more."""


@dataclass(slots=True)
class Clock:
    """The time of the simulated world."""

    elapsed: int = 0
    """Microseconds since the world began."""

    def read(self, *, skew: int = 0, coarse: bool = False) -> datetime:
        """Return what a clock shows that is wrong by `skew` microseconds, in whole seconds if it is coarse."""
        shown = self.elapsed + skew
        return _START + timedelta(microseconds=shown - shown % SECOND if coarse else shown)


@dataclass(slots=True)
class Line:
    """One thing that happened."""

    elapsed: int
    who: str
    what: str
    site: str = ""
    key: str = ""
    answer: str = ""

    def __str__(self) -> str:
        where = f"{self.site:<2} {self.key}".rstrip()
        said = f" -> {self.answer}" if self.answer else ""
        return f"{self.elapsed / SECOND:10.3f} s  {self.who:<6} {self.what:<12} {where}{said}"


@dataclass(slots=True, eq=False)
class Worker:
    """One invocation of a function."""

    number: int
    born: int
    """Microseconds."""
    light: greenlet
    dead: bool = False
    asleep: int = 0
    """Turns of others before its next one."""


@dataclass(slots=True)
class Turns:
    """Starts workers, lets one of them make its next call, and ends them."""

    clock: Clock
    log: list[Line] = field(default_factory=list)
    live: list[Worker] = field(default_factory=list)
    acting: Worker | None = None
    started: int = 0
    mishaps: int = 0
    """Workers that died, and calls that failed without a reason or whose answer was lost."""

    def start(self, work: Callable[[], None]) -> Worker:
        """Start a worker; it does nothing before its first turn."""

        def run() -> None:
            try:
                work()
            except KilledError:
                return

        self.started += 1
        worker = Worker(self.started, self.clock.elapsed, greenlet(run, getcurrent()))
        self.live.append(worker)
        return worker

    def go_on(self, worker: Worker) -> None:
        """Let a worker make one call."""
        self.acting = worker
        try:
            worker.light.switch()
        finally:
            self.acting = None
            if worker.light.dead:
                self.live.remove(worker)

    def kill(self, worker: Worker, why: str) -> None:
        """End a worker before its next call. Whatever it still tries on its way out has no effect."""
        self.mishaps += 1
        self.log.append(Line(self.clock.elapsed, f"w{worker.number}", why))
        worker.dead = True
        self.go_on(worker)

    def pause(self) -> None:
        """Be asked for before every call: let others act, and return when it is this worker's turn."""
        worker = self.acting
        if worker is None:
            return
        if not worker.dead:
            worker.light.parent.switch()
        if worker.dead:
            raise KilledError

    def note(self, what: str, site: str = "", key: str = "", answer: str = "", *, who: str = "") -> None:
        """Write down what happened."""
        worker = self.acting
        actor = who or (f"w{worker.number}" if worker else "world")
        self.log.append(Line(self.clock.elapsed, actor, what, site, key, answer))
