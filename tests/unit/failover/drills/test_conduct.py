"""A drill from beginning to end, over a group that is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Event
from time import monotonic

import pytest

from rigs.world import PLAIN
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import StoreUnavailableError
from tradewind.failover.drills.artifacts import Artifacts
from tradewind.failover.drills.conduct import Drill, Pace, Scene
from tradewind.failover.drills.measure import figures, loss
from tradewind.failover.drills.timeline import Moment, Request
from tradewind.failover.routing import Kind, Routing, State
from tradewind.ports.traffic import Traffic

AWS, GCP = {"aws": 100, "gcp": 0}, {"aws": 0, "gcp": 100}
PACE = Pace(steady=0.02, longest=0.5, look=0.001)


@dataclass(slots=True)
class Play:
    """A group whose traffic moves as soon as its primary is broken, and what breaks it."""

    moves: bool = True
    breaks: Callable[[], None] = lambda: None
    mends: Callable[[], None] = lambda: None
    serves: bool = True
    routing: Routing = field(
        default_factory=lambda: Routing(7, State.SETTLED, Kind.INITIAL, AWS, {}, "it is where it belongs", "a")
    )
    broken: bool = False
    said: list[str] = field(default_factory=list)
    stopped: Event = field(default_factory=Event)

    def inject(self) -> None:
        """Break the primary."""
        self.broken = True
        self.breaks()
        if self.moves:
            self.move(GCP)

    def lift(self) -> None:
        """Mend it."""
        self.mends()
        self.broken = False

    def restore(self) -> None:
        """Let the traffic go back."""
        self.move(AWS)

    def scene(self, artifacts: Artifacts | None = None) -> Scene:
        """Return what a drill of it works with."""
        begun = monotonic()
        return Scene(
            routing=lambda: self.routing,
            traffic=lambda: Traffic(self.routing.weights, self.routing.epoch, "token"),
            rounds=lambda: {"gcp": 1},
            well=lambda: not self.broken,
            restore=self.restore,
            fault=self,
            sender=lambda tell: Requests(self, tell, begun),
            artifacts=artifacts,
            clock=lambda: monotonic() - begun,
            say=self.said.append,
        )

    def move(self, weights: dict[str, int]) -> None:
        """Begin an epoch, and settle it."""
        self.routing = replace(self.routing, epoch=self.routing.epoch + 1, weights=weights, reason="it was asked for")


@dataclass(slots=True)
class Requests:
    """A load that is answered as long as somebody serves."""

    play: Play
    tell: Callable[[Request], None]
    begun: float

    def run(self) -> None:
        """Send a request each millisecond."""
        while not self.play.stopped.wait(0.001):
            at = monotonic() - self.begun
            self.tell(Request(at, at, "" if self.play.serves else "status 502"))

    def stop(self) -> None:
        """Send nothing more."""
        self.play.stopped.set()


def test_a_drill_breaks_waits_mends_and_restores() -> None:
    """The fault is lifted after the move, the traffic is back at the end, and every moment is on record."""
    play = Play()
    drill = Drill(play.scene(), PACE)

    drill.run()

    assert list(drill.timeline.moments) == list(Moment)
    assert (play.broken, play.routing.epoch, play.routing.weights) == (False, 9, AWS)
    assert figures(drill.timeline, 0.02).epochs == (8,)
    assert not drill.notes


def test_what_is_to_be_kept_stays_broken() -> None:
    """Whoever wants to look at it finds it as the fault left it."""
    play = Play()
    drill = Drill(play.scene(), replace(PACE, keep=True))

    drill.run()

    assert (play.broken, play.routing.weights) == (True, GCP)
    assert Moment.LIFTED not in drill.timeline.moments


def test_a_group_that_does_not_move_is_mended_all_the_same() -> None:
    """When the wait is over the fault is lifted, and the figures say that nothing moved."""
    play = Play(moves=False)
    drill = Drill(play.scene(), replace(PACE, longest=0.05))

    drill.run()

    assert not play.broken
    assert figures(drill.timeline, 0.02).epoch is None


def test_what_moves_while_it_is_mended_did_not_come_of_the_fault() -> None:
    """Stores that are back let the observers move traffic before all is mended; under the fault nothing had moved."""
    seen: list[int] = []
    recorded = Event()

    def looked() -> Routing:
        seen.append(play.routing.epoch)
        if seen.count(8) == 2:  # the look before this one is on record
            recorded.set()
        return play.routing

    def mends() -> None:
        play.move(GCP)
        assert recorded.wait(10)

    play = Play(moves=False, mends=mends)
    drill = Drill(replace(play.scene(), routing=looked), replace(PACE, longest=0.1))

    drill.run()

    found = figures(drill.timeline, 0.02)
    assert (found.epoch, found.detected, found.later[0]) == (None, None, 8)
    assert play.routing.weights == AWS, "and it goes back all the same"


@pytest.mark.parametrize("pace", [PACE, replace(PACE, keep=True)])
def test_an_interruption_leaves_nothing_broken(pace: Pace) -> None:
    """Ctrl-C in the middle of a fault mends it before the drill ends, whatever was to be kept."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    play = Play(breaks=interrupt)

    with pytest.raises(KeyboardInterrupt):
        Drill(play.scene(), pace).run()

    assert not play.broken


def test_nothing_is_broken_that_does_not_work() -> None:
    """A load that is not answered before the fault ends the drill with the reason."""
    play = Play(serves=False, breaks=lambda: pytest.fail("it was broken"))
    drill = Drill(play.scene(), PACE)

    drill.run()

    assert "requests were lost before the fault" in drill.notes[0]
    assert list(drill.timeline.moments) == [Moment.END]


def test_a_move_that_is_under_way_is_not_disturbed() -> None:
    """A group that is not settled is left alone."""
    play = Play(breaks=lambda: pytest.fail("it was broken"))
    play.routing = replace(play.routing, state=State.REDIRECTED)
    drill = Drill(play.scene(), PACE)

    drill.run()

    assert drill.notes[0] == "epoch 7 was still REDIRECTED"


def test_a_register_that_nobody_can_read_breaks_nothing() -> None:
    """Where it cannot be seen what happens, nothing is made to happen."""

    def silent() -> Routing:
        raise StoreUnavailableError("no majority answers")

    play = Play(breaks=lambda: pytest.fail("it was broken"))
    drill = Drill(replace(play.scene(), routing=silent), PACE)

    drill.run()

    assert drill.notes[0] == "the register could not be read: no majority answers"


def test_what_was_uploaded_is_looked_for_elsewhere() -> None:
    """Bytes that another store hands out are proven; what it has of an earlier drill, or not at all, is lost."""
    here, there = MemoryStore(), MemoryStore()
    artifacts = Artifacts(here, {"gcp": there}, "models/drill/")

    def copy(store: MemoryStore, number: int) -> None:
        key = f"models/drill/{number:05}"
        with here.get(key) as download:
            body = b"".join(download.chunks)
        present = store.head(key)
        store.put(
            key,
            body,
            metadata=PLAIN,
            crc32c=artifacts.uploaded[number].crc32c,
            md5=None,
            expect=present.token if present else None,
        )

    first = Artifacts(here, {}, "models/drill/")
    first.uploaded.append(first.upload())
    artifacts.uploaded += first.uploaded
    copy(there, 0)
    artifacts.uploaded.clear()

    def arrive() -> None:
        copy(there, 1)
        copy(there, 2)

    play = Play(breaks=arrive)
    drill = Drill(play.scene(artifacts), PACE)
    drill.run()

    assert [bool(each.proven_at) for each in drill.artifacts[:4]] == [False, True, True, False]
    assert loss(drill.artifacts, drill.timeline.moments[Moment.FAULT]).objects == len(drill.artifacts) - 2
