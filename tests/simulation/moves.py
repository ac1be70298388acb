"""How traffic moved in a world, and whether it may have: the facts, and what must hold of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from simulation.landscape import Shown
from simulation.scenes import EVERY, PRIMARY, Scene
from simulation.sightings import Judge, Sightings, good, poor
from simulation.turns import SECOND
from tradewind.failover.routing import Kind, Routing, State
from tradewind.records import Document


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a majority of the control stores held from some moment on."""

    elapsed: int
    routing: Routing
    revision: int


@dataclass(slots=True)
class Moves:
    """All that happened to the traffic of a group."""

    scene: Scene
    chosen: list[Chosen] = field(default_factory=list)
    """Every change that a majority accepted, in order."""
    revision: int = 0
    first: Mapping[str, int] = field(default_factory=dict)
    """What the director showed in the beginning."""

    def choose(self, elapsed: int, revision: int, value: Document) -> None:
        """Note what a majority holds."""
        if revision > self.revision:
            self.revision = revision
            self.chosen.append(Chosen(elapsed, Routing.of(value), revision))

    def until(self, elapsed: int) -> Iterator[Chosen]:
        """Yield what was chosen up to a moment."""
        return (each for each in self.chosen if each.elapsed <= elapsed)

    @property
    def epochs(self) -> dict[int, Chosen]:
        """The first that was chosen of each epoch."""
        first: dict[int, Chosen] = {}
        for each in self.chosen:
            first.setdefault(each.routing.epoch, each)
        return first


def faults(moves: Moves, shown: list[Shown], sightings: Sightings) -> Iterator[str]:
    """Yield what was wrong with how traffic moved."""
    yield from epochs_go_on(moves)
    yield from directors_follow(moves, shown)
    yield from nobody_acts_late(moves, shown)
    yield from majorities_move_traffic(moves, sightings)
    yield from traffic_rests(moves)


def epochs_go_on(moves: Moves) -> Iterator[str]:
    """Each change begins the next epoch or leaves it, and an epoch has one set of weights."""
    for one, other in pairwise(moves.chosen):
        if other.routing.epoch < one.routing.epoch:
            yield f"epoch {other.routing.epoch} was chosen after {one.routing.epoch}"
    for each in moves.chosen:
        if each.routing.weights != moves.epochs[each.routing.epoch].routing.weights:
            yield f"epoch {each.routing.epoch} has two sets of weights"


def directors_follow(moves: Moves, shown: list[Shown]) -> Iterator[str]:
    """What the director shows goes from epoch to later epoch, and each was elected with these weights."""
    for one, other in pairwise(shown):
        if other.traffic.epoch <= one.traffic.epoch:
            yield f"{other.by} let the director show epoch {other.traffic.epoch} after {one.traffic.epoch}"
    for each in shown:
        elected = moves.epochs.get(each.traffic.epoch)
        if elected is None or elected.elapsed > each.elapsed:
            yield f"{each.by} acted on epoch {each.traffic.epoch}, which was not elected"
        elif elected.routing.weights != each.traffic.weights:
            yield f"{each.by} let the director show {dict(each.traffic.weights)} for epoch {each.traffic.epoch}"


def nobody_acts_late(moves: Moves, shown: list[Shown]) -> Iterator[str]:
    """Whoever acts on an epoch has made sure, since it read the director, that it is the present one."""
    for each in shown:
        later = [one.elapsed for one in moves.chosen if one.routing.epoch > each.traffic.epoch]
        if later and later[0] < each.began:
            yield (
                f"{each.by} read the director at {each.began / SECOND:.3f} s and published epoch {each.traffic.epoch}, "
                f"though the next one was chosen at {later[0] / SECOND:.3f} s"
            )


def majorities_move_traffic(moves: Moves, sightings: Sightings) -> Iterator[str]:
    """Observers take traffic only from what a majority saw failing, and bring it only to what a majority saw well."""
    for epoch, each in moves.epochs.items():

        def few(name: str, judge: Judge, until: int = each.elapsed) -> bool:
            return not sightings.majority_saw(name, judge, until)

        if is_decided(each.routing):
            yield from _leaves(epoch, each.routing, few, spills=moves.scene.policy.strategy == "bursting")
            new = (
                name for name, weight in each.routing.weights.items() if weight and not each.routing.before.get(name)
            )
            yield from (
                f"epoch {epoch} brought traffic to {name}, which no majority saw well"
                for name in new
                if few(name, good)
            )


Few = Callable[[str, Judge], bool]


def _leaves(epoch: int, routing: Routing, few: Few, *, spills: bool) -> Iterator[str]:
    if routing.kind is not Kind.FAILOVER:
        return
    unseen = [name for name in routing.leaving if few(name, poor)]
    if unseen and (not spills or unseen == list(routing.leaving)):  # who spills less sends less to those who are well
        yield f"epoch {epoch} took the traffic from {unseen}, which no majority saw failing"
    stays = any(routing.weights.get(name) for name, weight in routing.before.items() if weight)
    relieved = spills and routing.weights.get(PRIMARY)  # nothing spills any more: who had some of it has nothing now
    if stays and not relieved and len(routing.leaving) - len(unseen) > 1:
        yield f"epoch {epoch} took the traffic from {routing.leaving}, which are of two clouds"


def is_decided(routing: Routing) -> bool:
    """Say whether observers began an epoch because of what they saw, and not because a move did not pass."""
    detected = bool(routing.steps) and routing.steps[0].state is State.DETECTED
    return detected and routing.kind in {Kind.FAILOVER, Kind.SHIFT, Kind.RESTORE}


def traffic_rests(moves: Moves) -> Iterator[str]:
    """Observers move traffic only when the cooldown after the last move is over, to the second with even clocks."""
    scene, slack = moves.scene, 1
    if scene.shift:
        if scene.twice:
            return  # then a look says little of how much time went by
        slack = EVERY + 1
    settled: dict[int, int] = {}
    for each in moves.chosen:
        if each.routing.state is State.SETTLED:
            settled.setdefault(each.routing.epoch, each.elapsed)
    for epoch, each in moves.epochs.items():
        routing = each.routing
        before = moves.epochs.get(epoch - 1)
        if not is_decided(routing) or before is None:
            continue
        if before.routing.kind is Kind.INITIAL or epoch - 1 not in settled:
            continue
        if (rest := each.elapsed - settled[epoch - 1]) < (scene.policy.cooldown - slack) * SECOND:
            yield f"epoch {epoch} began {rest / SECOND:.0f} s after the one before it, and the cooldown is longer"
