"""Processes that do several things at once: whose turn it is, what waits for what, and what became of the dead.

Lighter than `turns`, since suites that are run a million times live here: a process is a greenlet of its own and one
more for each request that it has under way, and each stops before everything that others could see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Executor, Future
from dataclasses import dataclass, field
from math import ceil
from random import Random
from typing import Any, Generic, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast, overload

from greenlet import getcurrent, greenlet

from simulation.turns import SECOND, KilledError, Line

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True, eq=False)
class Process:
    """One invocation of a function, or one person's command."""

    name: str
    born: int = 0
    """Microseconds since the world began."""
    dead: bool = False
    over: bool = False
    """It died, or came to its end."""


@dataclass(slots=True, eq=False)
class Task:
    """One thread of a process."""

    process: Process
    light: greenlet
    waits: frozenset[Future[Any]] = frozenset()
    """What it waits for; nothing while it acts."""
    needs: int = 0
    """So many of these are enough."""
    until: int = 0
    """Microseconds since the world began; it waits no longer."""


Note: TypeAlias = tuple[int, str, str, str, str, object]
"""What a line says: when, who, what, where, on what, and what came of it."""


@dataclass(frozen=True, slots=True)
class Schedule(Sequence[Line]):
    """All that happened, which is put into words only when somebody reads it."""

    notes: tuple[Note, ...]

    def __len__(self) -> int:
        return len(self.notes)

    @overload
    def __getitem__(self, at: int) -> Line: ...
    @overload
    def __getitem__(self, at: slice) -> Schedule: ...
    def __getitem__(self, at: int | slice) -> Line | Schedule:
        if isinstance(at, slice):
            return Schedule(self.notes[at])
        elapsed, who, what, site, key, answer = self.notes[at]
        return Line(elapsed, who, what, site, key, str(answer))


class Waited(NamedTuple, Generic[T]):
    """What `concurrent.futures.wait` returns."""

    done: set[Future[T]]
    not_done: set[Future[T]]


class Promise(Future[T]):
    """What a thread will have come to; whoever asks for it lets others act until then. It needs no locks."""

    def __init__(self, processes: Processes) -> None:  # the locks of a real one are most of what it costs
        self._processes = processes
        self._over = False
        self._error: BaseException | None = None
        self._value: T | None = None

    def done(self) -> bool:
        """Say whether the thread came to its end."""
        return self._over

    def cancelled(self) -> bool:
        """Say that it never is: every thread is begun at once."""
        return False

    def cancel(self) -> bool:
        """Leave it to itself."""
        return False

    def set_result(self, result: T) -> None:
        """Note what came of it."""
        self._value, self._over = result, True

    def set_exception(self, exception: BaseException | None) -> None:
        """Note what was raised."""
        self._error, self._over = exception, True

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """Return what was raised."""
        self._await(timeout)
        return self._error

    def result(self, timeout: float | None = None) -> T:
        """Return what the thread came to."""
        self._await(timeout)
        if self._error is not None:
            raise self._error
        return cast("T", self._value)

    def _await(self, timeout: float | None) -> None:
        if not self._over:
            self._processes.wait((self,), timeout)
        if not self._over:
            raise TimeoutError


@dataclass(slots=True)
class Processes(Executor):
    """Starts processes, and lets one thread of one of them make its next step.

    It is the executor of all of them: what is submitted becomes a thread of whoever acts.

    Args:
        rng: Decides whose turn it is.
        haste: How probable it is that a thread makes a request and goes on before anybody else acts.
    """

    rng: Random
    haste: float = 0
    elapsed: int = 0
    """Microseconds since the world began."""
    ready: list[Task] = field(default_factory=list)
    late: list[Task] = field(default_factory=list)
    """Requests that are under way for longer than others."""
    waiting: list[Task] = field(default_factory=list)
    acting: Task | None = None
    log: list[Note] = field(default_factory=list)
    home: greenlet = field(default_factory=getcurrent)

    # --- what the world asks for --------------------------------------------------------------------------------------

    def start(self, name: str, work: Callable[[], object]) -> Process:
        """Start a process; it does nothing before its first turn."""
        process = Process(name, self.elapsed)

        def whole() -> None:
            work()
            process.over = True

        self.ready.append(self._thread(process, whole))
        return process

    @property
    def idle(self) -> bool:
        """Say whether nothing is left that could act."""
        return not (self.ready or self.late or self.waiting)

    def step(self) -> None:
        """Let one thread go on to its next stop; if none can, let time pass until one can."""
        if not self.ready and not self._expire() and self.late:
            self.hurry()
        if not self.ready:
            return
        at = int(self.rng.random() * len(self.ready))
        task = self.ready[at]
        self.ready[at] = self.ready[-1]
        self.ready.pop()
        self.acting = task
        try:
            task.light.switch()
        finally:
            self.acting = None

    def hurry(self) -> None:
        """Let a late request go on."""
        self.ready.append(self.late.pop(int(self.rng.random() * len(self.late))))

    def kill(self, process: Process) -> None:
        """End a process. What it has under way may still take effect; nothing that follows from it will."""
        self.note("crashes", who=process.name)
        process.dead = process.over = True
        for task in [each for each in self.waiting if each.process is process]:
            self._wake(task)

    def drop(self, task: Task) -> None:
        """End a thread of a dead process that will not go on; one that only hung would keep its world for ever."""
        self.acting = task
        try:
            task.light.throw()
        finally:
            self.acting = None

    def expire(self, task: Task) -> None:
        """Let so much time pass that a thread waits no longer."""
        self.elapsed = max(self.elapsed, task.until)
        self._wake(task)

    # --- what threads ask for -----------------------------------------------------------------------------------------

    def pause(self) -> None:
        """Let others act; return when it is this thread's turn."""
        task = self.acting
        if task is None:
            return
        self.ready.append(task)
        self._leave(task.light)
        if task.process.dead:
            raise KilledError

    def request(self, lateness: float) -> bool:
        """Be under way to a store: let others act. What was under way arrives though its process died.

        Args:
            lateness: How probable it is that the way is long.

        Returns:
            Whether anybody is there to hear the answer.
        """
        task = self.acting
        if task is None:
            return True
        if task.process.dead:
            raise KilledError
        late = self.rng.random() < lateness
        if not late and self.haste and self.rng.random() < self.haste:
            return True
        (self.late if late else self.ready).append(task)
        self._leave(task.light)
        return not task.process.dead

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Start a thread of the process that acts, which goes as far as its first request.

        If it is the world that asks, it goes to its end.
        """
        future: Future[T] = Promise(self)

        def work() -> None:
            try:
                result = fn(*args, **kwargs)
            except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
                future.set_exception(error)
            else:
                future.set_result(result)
            self._tell(future)

        task = self.acting
        if task is None:
            work()
        else:
            self.acting = self._thread(task.process, work, beside=getcurrent())
            self.acting.light.switch()
            self.acting = task
        return future

    def wait(
        self, futures: Iterable[Future[T]], timeout: float | None = None, return_when: str = ALL_COMPLETED
    ) -> Waited[T]:
        """Stand in for `concurrent.futures.wait`."""
        asked = set(futures)
        undone = [each for each in asked if not each.done()]
        needs = 1 if return_when == FIRST_COMPLETED else len(asked)
        if undone and len(asked) - len(undone) < needs and self.acting is not None:
            task = self.acting
            task.waits, task.needs = frozenset(undone), needs - len(asked) + len(undone)
            task.until = self.elapsed + ceil((86_400 if timeout is None else timeout) * SECOND)
            self.waiting.append(task)
            self._leave(task.light)
            if task.process.dead:
                raise KilledError
        done = {each for each in asked if each.done()}
        return Waited(done, asked - done)

    def sleep(self, seconds: float) -> None:
        """Stand in for `time.sleep`."""
        self.wait((Promise[None](self),), seconds)

    def monotonic(self) -> float:
        """Stand in for `time.monotonic`."""
        return self.elapsed / SECOND

    def note(self, what: str, site: str = "", key: str = "", answer: object = "", *, who: str = "") -> None:
        """Write down what happened; nobody may change `answer` afterwards."""
        actor = who or (self.acting.process.name if self.acting else "world")
        self.log.append((self.elapsed, actor, what, site, key, answer))

    # --- how ----------------------------------------------------------------------------------------------------------

    def _thread(self, process: Process, work: Callable[[], None], beside: greenlet | None = None) -> Task:
        def run() -> None:
            try:
                if not process.dead:
                    work()
            except KilledError:
                return

        return Task(process, greenlet(run, beside or self.home))

    def _leave(self, light: greenlet) -> None:
        """Let others act; the first to do so is whoever started this thread."""
        starter, light.parent = light.parent, self.home
        starter.switch()

    def _tell(self, future: Future[T]) -> None:
        """Let whoever waits for it go on, if that is all it waits for."""
        for task in self.waiting:
            if future in task.waits:
                task.needs -= 1
                if task.needs <= 0:
                    self._wake(task)
                return

    def _wake(self, task: Task) -> None:
        self.waiting.remove(task)
        task.waits = frozenset()
        self.ready.append(task)

    def _expire(self) -> bool:
        """Let time pass until the first of those who wait waits no longer."""
        if not self.waiting:
            return False
        self.expire(min(self.waiting, key=lambda task: task.until))
        return True
