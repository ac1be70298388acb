"""What clients of a register were told, and whether that can be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from simulation.linear import Told, wrong
from simulation.wishes import Plan, operations
from tradewind.records import Document
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Outcome, Reading, Unchanged


@dataclass(slots=True)
class Findings:
    """What clients were told, and what of it was wrong at first sight."""

    told: Told = field(default_factory=Told)
    wrong: list[str] = field(default_factory=list)
    revisions: list[tuple[int, int]] = field(default_factory=list)
    """Which revision had how many changes, the replacements of stores not counted."""
    moments: int = 0

    def moment(self) -> int:
        """Return the number of the next event."""
        self.moments += 1
        return self.moments

    def look(self, reading: Reading, began: int, keep: int) -> None:
        """Note a reading, and see whether it agrees with itself."""
        value = operations(reading.value)
        self.told.see(value, began, self.moment())
        self.revisions.append((reading.revision, len(value)))
        history = [each.operation.id for each in reading.history]
        made = tuple(each for each in history if not each.startswith("replace-"))
        if made != value[len(value) - len(made) :]:
            self.wrong.append(f"the history {made} of {value}")
        if [each.revision for each in reading.history] != list(
            range(reading.revision - len(history) + 1, reading.revision + 1)
        ):
            self.wrong.append(f"revision {reading.revision} and the history {reading.history}")
        if len(history) < min(keep, reading.revision):
            self.wrong.append(f"{history} is all that is remembered of revision {reading.revision}")


@dataclass(frozen=True, slots=True)
class Written:
    """What a store was given to keep, in a few words."""

    acceptor: Document

    def __str__(self) -> str:
        it = self.acceptor
        config, content = it["config"] or {"version": 0}, it["content"] or {"value": None}
        counters = f"promised {_short(it['promised'])}, accepted {_short(it['accepted'])}"
        made = " ".join(operations(content["value"])) or "nothing"
        ready = "" if it["ready"] else ", not ready"
        return f"{counters}: {made} (config {config['version']}, life {it['incarnation'][:4]}{ready})"


@dataclass(frozen=True, slots=True)
class Heard:
    """What a client was told, in a few words."""

    outcome: Outcome | Reading

    def __str__(self) -> str:
        match self.outcome:
            case Reading(value, revision):
                return f"{revision}: {' '.join(operations(value))}"
            case Done(reading) | Unchanged(reading):
                return f"{type(self.outcome).__name__} {Heard(reading)}"
            case Indeterminate(_, seen, reason):
                return f"Indeterminate, seen {seen}: {reason}"
            case NoMajority(silent):
                return f"NoMajority: {dict(silent)}"


def _short(ballot: list[int | str] | None) -> str:
    return f"{ballot[0]}/{str(ballot[1])[:4]}" if ballot else "-"


def faults(findings: Findings, plan: Plan) -> Iterator[str]:
    """Yield what was wrong with what clients were told."""
    yield from findings.wrong
    told = findings.told
    yield from wrong(told)
    order = max((each.value for each in told.seen), key=len, default=())
    revised = sorted(set(findings.revisions))
    yield from (
        f"revision {one[0]} has {one[1]} changes, and revision {other[0]} has {other[1]}"
        for one, other in pairwise(revised)
        if one[0] == other[0] or one[1] > other[1]
    )
    even = {deed.operation for deeds in plan.deeds for deed in deeds if deed.even}
    yield from (f"{name} was made though {at} others were" for at, name in enumerate(order) if name in even and at % 2)
