"""Whether what clients of one register were told fits one history: linearizability, of a value that lists its changes.

Each change appends its operation's id to the value, so whoever sees the value sees the whole order of changes. That
makes a check cheap that is exponential in general (Wing and Gong 1993): the order is given, and what is left is to find
a moment for each change, within the time in which it can have been made and consistent with what everybody saw when.
The earliest possible moments will do if any will. `test_linear.py` compares it with a search of all orders.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from math import inf
from typing import TypeAlias

Ids: TypeAlias = tuple[str, ...]
"""The operations that were applied, in order."""


@dataclass(frozen=True, slots=True)
class Seen:
    """That somebody saw the value, at some moment of a time."""

    value: Ids
    began: int
    ended: int


@dataclass(slots=True)
class Tried:
    """All that was told to whoever tried one operation, under one id."""

    began: float = inf
    """When the first try began that may have had an effect."""
    done: float = inf
    """When it was first known to be made."""


@dataclass(slots=True)
class Told:
    """All that clients were told. Moments are whole numbers, and no two events share one."""

    seen: list[Seen] = field(default_factory=list)
    tried: dict[str, Tried] = field(default_factory=dict)

    def see(self, value: Sequence[str], began: int, ended: int) -> None:
        """Note that the value was seen."""
        self.seen.append(Seen(tuple(value), began, ended))

    def may(self, operation: str, began: int) -> None:
        """Note that a try of an operation that began then may have an effect, now or later."""
        tried = self.tried.setdefault(operation, Tried())
        tried.began = min(tried.began, began)

    def did(self, operation: str, began: int, ended: int) -> None:
        """Note that an operation was known at `ended` to be made."""
        self.may(operation, began)
        tried = self.tried[operation]
        tried.done = min(tried.done, ended)


def wrong(told: Told) -> Iterator[str]:
    """Yield why no single history explains what was told; nothing if one does."""
    order = max((each.value for each in told.seen), key=len, default=())
    forks = [each for each in told.seen if order[: len(each.value)] != each.value]
    if forks:
        yield f"two histories: {order} and {forks[0].value}"
        return
    if len(set(order)) < len(order):
        yield f"an operation was applied twice: {order}"
        return
    if strangers := [each for each in order if each not in told.tried]:
        yield f"applied, though it was said that it had no effect: {strangers}"
        return
    if lost := [each for each, tried in told.tried.items() if tried.done < inf and each not in order]:
        yield f"said to be made, and never seen: {lost}"
        return
    yield from _untimely(order, told.tried, told.seen)


def _untimely(order: Ids, tried: Mapping[str, Tried], seen: Collection[Seen]) -> Iterator[str]:
    """Yield the changes for which no moment can be found, the earliest possible having been taken by those before."""
    after: list[float] = [tried[each].began for each in order]
    before: list[float] = [tried[each].done for each in order]
    for each in seen:
        known = len(each.value)
        if known < len(order):
            after[known] = max(after[known], each.began)
        if known:
            before[known - 1] = min(before[known - 1], each.ended)
    before = list(accumulate(reversed(before), min))[::-1]
    for operation, soonest, latest in zip(order, accumulate(after, max), before, strict=True):
        if soonest > latest:
            yield f"{operation} was made after {soonest} and before {latest}: something was seen too early or too late"
            return
