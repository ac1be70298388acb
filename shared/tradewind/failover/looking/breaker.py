"""The circuit breaker of an endpoint, as one observer keeps it. Pure: it is told of looks, and counts them."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.failover.views import Breaker


@dataclass(frozen=True, slots=True)
class Circuit:
    """A breaker, and how many looks there were since it became what it is."""

    state: Breaker = Breaker.CLOSED
    looks: int = 0


def turned(circuit: Circuit, *, good: bool, failing: int, rounds: int) -> Circuit:
    """Return what a breaker is after one more look.

    Closed, it opens when `rounds` looks in a row failed. Open, it waits for `rounds` looks whatever they say, so that
    an endpoint that comes and goes is not let in each time it comes; the first good one after that opens it half.
    Half open, `rounds` good looks close it, and one bad look opens it.

    Args:
        circuit: What it was.
        good: Whether this look was good.
        failing: How many looks in a row failed, this one included.
        rounds: The group's.
    """
    looks = circuit.looks + 1
    match circuit.state:
        case Breaker.CLOSED if failing >= rounds:
            return Circuit(Breaker.OPEN)
        case Breaker.OPEN if good and looks > rounds:
            return Circuit(Breaker.HALF_OPEN)
        case Breaker.HALF_OPEN if not good:
            return Circuit(Breaker.OPEN)
        case Breaker.HALF_OPEN if looks >= rounds:
            return Circuit(Breaker.CLOSED)
    return Circuit(circuit.state, looks)
