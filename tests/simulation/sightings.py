"""Who had seen what of the endpoints at some moment, told by their looks alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from simulation.landscape import Look
from simulation.scenes import EVERY, SITES, Policy
from simulation.turns import SECOND

WINDOW = 7 * EVERY * SECOND
"""A view may be stale when it is read, and counts until it is stale by that."""
OFTEN = 20
"""An endpoint fails often if more than half of so many looks failed."""
Judge = Callable[[Look], bool]


def good(look: Look) -> bool:
    """Say whether an endpoint answered rightly."""
    return look.good


def bad(look: Look) -> bool:
    """Say whether it did not."""
    return not look.good


def poor(look: Look) -> bool:
    """Say whether it did not, or answered too late."""
    return not look.good or look.late


@dataclass(frozen=True, slots=True)
class Sightings:
    """All looks of a world.

    Args:
        looks: By observer and endpoint, in order.
        told: Processes whose view came to a store. What others saw may count, or not.
    """

    policy: Policy
    looks: Mapping[tuple[str, str], Sequence[Look]]
    told: Collection[str]

    def majority_saw(self, name: str, judge: Judge, until: int, rounds: int | None = None) -> bool:
        """Say whether a majority saw an endpoint so for enough looks in a row, or, if it is bad, often enough."""
        row = self.policy.rounds if rounds is None else rounds
        return self._majority(lambda observer: self._saw(observer, name, judge, until, row))

    def majority_saw_stand(self, name: str, until: int) -> bool:
        """Say whether a majority saw, not long ago, that an endpoint was not down."""
        return self._majority(lambda observer: self._saw_stand(observer, name, until))

    def reached(self, observer: str, name: str, since: int, until: int) -> bool:
        """Say whether an observer was answered by an endpoint, rightly and in time, between two moments."""
        looks = self.looks.get((observer, name), ())
        return any(since <= look.elapsed <= until and not poor(look) for look in looks)

    def _majority(self, saw: Callable[[str], bool]) -> bool:
        observers = list(SITES)[: self.policy.observers]
        return 2 * sum(map(saw, observers)) > len(observers)

    def _saw(self, observer: str, name: str, judge: Judge, until: int, rounds: int) -> bool:
        row, lately = 0, deque[bool](maxlen=OFTEN)
        for look in self._in_turn(observer, name, until):
            if judge(look):
                row += 1
            elif look.by in self.told:
                row = 0
            if look.by in self.told or not look.good:
                lately.append(not look.good)
            often = len(lately) == OFTEN and 2 * sum(lately) > OFTEN and judge is not good
            if look.elapsed >= until - WINDOW and (row >= rounds or often):
                return True
        return False

    def _saw_stand(self, observer: str, name: str, until: int) -> bool:
        failing = 0
        for look in self._in_turn(observer, name, until):
            if look.good:
                failing = 0
            elif look.by in self.told:
                failing += 1
            if look.elapsed >= until - WINDOW and failing < self.policy.rounds:
                return True
        return False

    def _in_turn(self, observer: str, name: str, until: int) -> Iterator[Look]:
        for look in self.looks.get((observer, name), ()):
            if look.elapsed > until:
                return
            if not look.verifies:
                yield look
