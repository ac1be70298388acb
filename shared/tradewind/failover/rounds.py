"""One round after the other, for as long as a function may run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from time import monotonic, sleep

from tradewind.failover.observer import Round


def keep_on(
    look: Callable[[], Round],
    *,
    every: float,
    seconds: float,
    clock: Callable[[], float] = monotonic,
    pause: Callable[[float], None] = sleep,
) -> Iterator[Round]:
    """Yield rounds: one at once, and one whenever `every` seconds are over, as long as it begins within `seconds`.

    A round that takes longer than that puts off those after it, and is not made up for.
    """
    began = clock()
    due = 0.0
    while due < seconds:
        pause(max(0.0, began + due - clock()))
        yield look()
        passed = clock() - began
        due = max(due + every, passed - passed % every)
