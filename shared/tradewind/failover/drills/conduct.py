"""A drill from beginning to end: a steady load, a fault, the move, and the way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Event
from typing import Protocol, TypeVar

from tradewind.errors import TradewindError
from tradewind.failover.drills.artifacts import Artifacts
from tradewind.failover.drills.measure import epoch_before, figures
from tradewind.failover.drills.timeline import Artifact, Look, Moment, Request, Rounds, Shown, Timeline
from tradewind.failover.routing import Routing, State
from tradewind.ports.traffic import Traffic

UPLOADS = 10
"""Objects that are uploaded in the steady phase."""
T = TypeVar("T")


class Fault(Protocol):
    """Something that is broken on purpose."""

    def inject(self) -> None:
        """Break it."""

    def lift(self) -> None:
        """Mend it; nothing to mend is no error."""


class Sender(Protocol):
    """What sends the load."""

    def run(self) -> None:
        """Send, and return after `stop`, when all that was sent has ended."""

    def stop(self) -> None:
        """Send nothing more."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a drill works with. Each may raise TradewindError, which ends nothing.

    Args:
        routing: Reads the group's register.
        traffic: Reads what the director shows.
        rounds: Returns how often each observer looked.
        well: Says whether a majority sees well what the traffic left.
        restore: Asks for the traffic to go back.
        fault: What is broken.
        sender: Makes the load, given whom to tell of each request.
        artifacts: What is uploaded at the site that will be lost; None: nothing is.
        clock: Returns the seconds since the drill's beginning.
        say: Told in a sentence what happens.
    """

    routing: Callable[[], Routing]
    traffic: Callable[[], Traffic]
    rounds: Callable[[], dict[str, int]]
    well: Callable[[], bool]
    restore: Callable[[], None]
    fault: Fault
    sender: Callable[[Callable[[Request], None]], Sender]
    artifacts: Artifacts | None
    clock: Callable[[], float]
    say: Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a drill's phases are, in seconds."""

    steady: float = 5.0
    """Before the fault, and again after the move: the load must be answered all that while."""
    longest: float = 300.0
    """For so long the move is waited for, and the way back."""
    look: float = 0.2
    """Between two looks at the register and the director."""
    keep: bool = False
    """Leave everything broken at the end, and the traffic where it went."""


@dataclass(slots=True)
class Drill:
    """One drill; what it finds is in `timeline`, `artifacts` and `notes` when `run` has returned."""

    scene: Scene
    pace: Pace
    timeline: Timeline = field(default_factory=Timeline)
    artifacts: Sequence[Artifact] = ()
    notes: list[str] = field(default_factory=list)
    _over: Event = field(default_factory=Event)

    def run(self) -> None:
        """Run it. What ends it early (Ctrl-C, an error) leaves nothing broken."""
        with self._watched():
            if not self._steady():
                self.notes.append("it was not steady before, so nothing was broken")
                return
            try:
                self._break()
                self._after()
            except BaseException:
                self._lift()
                raise
            if not self.pace.keep:
                self._lift()
                self._back()

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """Send the load and look at everything meanwhile."""
        timeline, scene = self.timeline, self.scene
        sender = scene.sender(timeline.requests.append)
        with ThreadPoolExecutor(4, "drill") as threads:
            running = [
                threads.submit(sender.run),
                threads.submit(
                    self._poll, "register", scene.routing, lambda at, it: timeline.looks.append(Look(at, it))
                ),
                threads.submit(
                    self._poll, "director", scene.traffic, lambda at, it: timeline.shown.append(Shown(at, it))
                ),
                threads.submit(
                    self._poll, "observers", scene.rounds, lambda at, it: timeline.rounds.append(Rounds(at, it))
                ),
            ]
            try:
                yield
            finally:
                self._mark(Moment.END)
                self._over.set()
                sender.stop()
            for each in running:
                each.result()

    def _poll(self, name: str, ask: Callable[[], T], keep: Callable[[float, T], None]) -> None:
        while not self._over.is_set():
            try:
                answer = ask()
                keep(self.scene.clock(), answer)
            except TradewindError as error:
                self.timeline.unanswered[name] = error.message
            self._over.wait(self.pace.look)

    def _steady(self) -> bool:
        """Wait while nothing happens but uploads, and say whether all was well."""
        self.scene.say(f"steady for {self.pace.steady:g} s")
        begun = self.scene.clock()
        for number in range(1, UPLOADS + 1):
            self._upload()
            due = begun + number * self.pace.steady / UPLOADS
            self._over.wait(max(due - self.scene.clock(), 0))
        sent, looks = self.timeline.requests, self.timeline.looks
        # A slow machine, or a register that takes its time, has said nothing yet.
        self._until(lambda: bool(sent and (looks or "register" in self.timeline.unanswered)))
        lost = sum(not each.good for each in sent)
        if lost or not sent:
            self.notes.append(f"{lost:,} of {len(sent):,} requests were lost before the fault")
        if not looks:
            self.notes.append(
                f"the register could not be read: {self.timeline.unanswered.get('register', 'no answer')}"
            )
        elif looks[-1].routing.state is not State.SETTLED:
            self.notes.append(f"epoch {looks[-1].routing.epoch} was still {looks[-1].routing.state}")
        return not self.notes

    def _upload(self) -> None:
        if (artifacts := self.scene.artifacts) is not None:
            try:
                one = artifacts.upload()
                artifacts.uploaded.append(replace(one, at=self.scene.clock()))
            except TradewindError as error:
                self.notes.append(f"nothing could be uploaded: {error.message}")

    def _break(self) -> None:
        self._mark(Moment.FAULT)
        self.scene.say("the fault begins")
        self.scene.fault.inject()
        self._mark(Moment.BROKEN)

    def _after(self) -> None:
        """Wait for the move, and look what it left behind."""
        fault = self.timeline.moments[Moment.FAULT]
        before = epoch_before(self.timeline.looks, fault)
        if self._until(lambda: self._at_rest(before)):
            self.scene.say(f"epoch {self._last.epoch} is settled: {self._last.reason}")
            self._until(lambda: figures(self.timeline, self.pace.steady).rto is not None)
        if self.scene.artifacts is not None:
            self.artifacts = self.scene.artifacts.look()

    def _lift(self) -> None:
        # Before it is: mending takes its time, and what happens meanwhile is not what came of the fault.
        self._mark(Moment.LIFTED)
        self.scene.say("the fault is lifted")
        self.scene.fault.lift()

    def _back(self) -> None:
        """Have the traffic go back, if it had left."""
        moments = self.timeline.moments
        first = [look for look in self.timeline.looks if look.at < moments[Moment.FAULT]][-1].routing
        moved = self._last
        if moved.epoch == first.epoch:
            return
        if not self._until(lambda: self.scene.well() or self._last.epoch > moved.epoch):
            self.notes.append("what the traffic had left was not seen well again, so it does not go back")
            return
        self._mark(Moment.ASKED)
        if self._last.epoch == moved.epoch:
            self.scene.say("the traffic goes back")
            self.scene.restore()
        if self._until(lambda: self._at_rest(moved.epoch) and dict(self._last.weights) == dict(first.weights)):
            self._mark(Moment.RESTORED)
            self._over.wait(min(self.pace.steady, 2.0))
        else:
            self.notes.append("the traffic did not go back in time")

    @property
    def _last(self) -> Routing:
        return self.timeline.looks[-1].routing

    def _at_rest(self, before: int) -> bool:
        return self._last.epoch > before and self._last.state is State.SETTLED

    def _until(self, reached: Callable[[], bool]) -> bool:
        """Wait until something is so, and say whether it came to be in time."""
        end = self.scene.clock() + self.pace.longest
        while self.scene.clock() < end:
            try:
                if reached():
                    return True
            except TradewindError as error:
                self.timeline.unanswered["observers"] = error.message
            self._over.wait(self.pace.look)
        return False

    def _mark(self, moment: Moment) -> None:
        self.timeline.moments[moment] = self.scene.clock()
