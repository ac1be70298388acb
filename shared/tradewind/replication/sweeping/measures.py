"""What a completed sweep says as metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tradewind.fleet import Rule
from tradewind.replication.tally import Tally, TargetTally

BEYOND_RPO = "BacklogBeyondRpo"
"""Of a site: rules that start there and have something that waits for longer than their `rpo_seconds`."""
ROUNDS = "SweepRounds"
"""Of a site: calls of its timer. Where none is told, nothing is swept there, however well all else looks."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One number."""

    name: str
    unit: Literal["Count", "Bytes", "Seconds"]
    value: float
    dimensions: dict[str, str]

    def as_fields(self) -> dict[str, Any]:
        """Return it as the fields of a structured log line."""
        return asdict(self)


def measures_of(rule: Rule, tally: Tally) -> Iterator[Measure]:
    """Yield what a tally of `rule` says of each target."""
    for target, of in tally.targets.items():
        dimensions = {"Rule": rule.name, "Target": target}
        yield Measure("InSync", "Count", of.objects, dimensions)
        yield Measure("InSyncBytes", "Bytes", of.size, dimensions)
        yield Measure("Backlog", "Count", of.backlog, dimensions)
        yield Measure("BacklogBytes", "Bytes", of.backlog_size, dimensions)
        yield Measure("Stuck", "Count", of.stuck, dimensions)
        yield Measure("OldestBacklogSeconds", "Seconds", of.oldest or 0.0, dimensions)
        for finding, count in of.findings.items():
            yield Measure(f"Found{finding.title()}", "Count", count, dimensions)


def beyond_rpo(rule: Rule, tally: Tally) -> bool:
    """Say whether something has waited for longer than the rule allows."""
    return any(_waits(of) > rule.rpo_seconds for of in tally.targets.values())


def _waits(of: TargetTally) -> float:
    return of.oldest or 0.0
