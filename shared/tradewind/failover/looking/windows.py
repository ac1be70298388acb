"""What the last looks at an endpoint say together: how many failed, and how long the others took. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from tradewind.failover.views import Sample

WINDOW = 60
"""So many looks are remembered."""
LATELY = 20
"""So many of them say whether an endpoint fails too often: enough that one or two that got lost do not count."""


@dataclass(frozen=True, slots=True)
class Latency:
    """How long good answers took, in seconds."""

    p50: float
    p95: float
    p99: float


def remembered(samples: Sequence[Sample], latest: Sample) -> tuple[Sample, ...]:
    """Return the window once `latest` was seen, too; what is older than the window is forgotten."""
    return (*samples, latest)[-WINDOW:]


def quantile(values: Sequence[float], share: float) -> float:
    """Return the least of `values` that at least `share` of them do not exceed (nearest rank, nothing interpolated).

    Args:
        values: In any order; at least one.
        share: More than 0, at most 1.
    """
    # Rounded first, since 0.95 x 20 is a little more than 19 in floating point.
    return sorted(values)[ceil(round(share * len(values), 9)) - 1]


def latency(samples: Sequence[Sample]) -> Latency | None:
    """Return how long the good answers took, or None if there were none.

    Failed looks are left out: how long they took says what the probe's timeout is, and they are counted elsewhere.
    """
    if not (taken := [sample.seconds for sample in samples if sample.good]):
        return None
    return Latency(p50=quantile(taken, 0.5), p95=quantile(taken, 0.95), p99=quantile(taken, 0.99))


def error_rate(samples: Sequence[Sample]) -> float:
    """Return the share of failed looks, 0 to 1; 0 if there were none at all."""
    return sum(not sample.good for sample in samples) / len(samples) if samples else 0.0


def fails_often(samples: Sequence[Sample], above: float) -> bool:
    """Say whether more than the share `above` of the last looks failed; with too few looks, nobody can say so."""
    return len(samples) >= LATELY and error_rate(samples[-LATELY:]) > above
