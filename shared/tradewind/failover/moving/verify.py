"""Whether what traffic was moved to serves as it should. Pure but for the asking."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

from tradewind.failover.looking.probing import Prober, look_often
from tradewind.fleet import Endpoint
from tradewind.ports import Answer

ASKED: Final = 5
"""How often each endpoint is asked."""
PASSES: Final = 0.8
"""A score of this, or more, passes."""
_SHARES: Final = (0.4, 0.3, 0.3)
"""How much availability, latency and the error rate count."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one endpoint did, from 0 to 1."""

    availability: float
    """1 if it answers at all."""
    latency: float
    """The share of the answers that came within the endpoint's objective."""
    errors: float
    """The share of the answers that were good."""
    reason: str
    """Why the last bad answer was bad; "" if none was."""

    @property
    def total(self) -> float:
        """All three as one figure."""
        parts = (self.availability, self.latency, self.errors)
        return sum(share * part for share, part in zip(_SHARES, parts, strict=True))

    @property
    def passes(self) -> bool:
        """Say whether the endpoint may keep the traffic."""
        return self.total >= PASSES

    def __str__(self) -> str:
        said = f"{self.total:.2f} (availability {self.availability:.2f}, latency {self.latency:.2f}"
        return f"{said}, good answers {self.errors:.2f})" + (f": {self.reason}" if self.reason else "")


UNASKED: Final = Score(0.0, 0.0, 0.0, "it was not asked, since every thread was busy")


def score(answers: Sequence[Answer], endpoint: Endpoint) -> Score:
    """Return how an endpoint did, by one answer or more."""
    good = [answer for answer in answers if answer.good]
    soon = [answer for answer in good if answer.seconds * 1000 <= endpoint.latency_ms]
    bad = [answer.reason for answer in answers if not answer.good]
    return Score(
        availability=1.0 if good else 0.0,
        latency=len(soon) / len(answers),
        errors=len(good) / len(answers),
        reason=bad[-1] if bad else "",
    )


def examine(endpoints: Mapping[str, Endpoint], prober: Prober, executor: Executor) -> Mapping[str, Score]:
    """Ask each endpoint some times at once, and return how they did; no longer is waited than for a look.

    One that could not be asked, because every thread was busy, has not passed.
    """
    answers = look_often(endpoints, ASKED, prober, executor)
    return {name: score(answers[name], endpoint) if answers[name] else UNASKED for name, endpoint in endpoints.items()}
