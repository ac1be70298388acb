"""What a drill's report says: as JSON, and for a person. Pure, but for writing the files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from itertools import chain, count
from pathlib import Path

from tradewind.failover.drills.measure import Figures, Loss
from tradewind.failover.drills.plot import picture
from tradewind.failover.drills.timeline import Moment, Timeline
from tradewind.records import Document


@dataclass(frozen=True, slots=True)
class Objectives:
    """What a group is measured by."""

    every_seconds: float
    """A tick: observers look so often."""
    rto_seconds: float
    rpo_seconds: float


class Expected(StrEnum):
    """What should come of a fault."""

    MOVE = "move"
    STAY = "stay"
    """What serves is well, so nothing moves, and nobody notices."""


@dataclass(frozen=True, slots=True)
class DrillReport:
    """One drill."""

    group: str
    fault: str
    began: datetime
    """UTC."""
    load: float
    """Requests a second that were sent."""
    objectives: Objectives
    figures: Figures
    loss: Loss
    timeline: Timeline
    notes: tuple[str, ...] = ()
    """What did not go as it should, in sentences."""
    expected: Expected = Expected.MOVE

    @property
    def failures(self) -> tuple[str, ...]:
        """Say in sentences why the drill is not passed; nothing if it is."""
        return tuple(self._failures())

    @property
    def good(self) -> bool:
        """Say whether it is passed."""
        return not self.failures

    def _failures(self) -> Iterator[str]:
        figures, objectives = self.figures, self.objectives
        if self.expected is Expected.STAY:
            yield from self._disturbances()
        elif figures.epoch is None:
            yield "no traffic was moved"
        elif figures.settled is None:
            yield f"epoch {figures.epoch} was not settled"
        if figures.failed["after"]:
            yield f"{figures.failed['after']:,} requests were lost after the move was settled"
        if figures.rto is None:
            yield "requests did not succeed again"
        elif figures.rto > objectives.rto_seconds:
            yield f"recovery took {figures.rto:.1f} s, and the objective is {objectives.rto_seconds:g} s"
        if self.loss.seconds > objectives.rpo_seconds:
            yield (
                f"what was acknowledged {self.loss.seconds:.1f} s before the fault is nowhere else, "
                f"and the objective is {objectives.rpo_seconds:g} s"
            )
        yield from self.notes

    def _disturbances(self) -> Iterator[str]:
        if self.figures.epoch is not None:
            yield f"traffic was moved (epoch {self.figures.epoch}), and what served was well"
        if during := self.figures.failed["during"]:
            yield f"{during:,} requests were lost, and what served was well"

    def document(self) -> Document:
        """Return the report as JSON values. Its names are documented, and stay."""
        figures, loss = self.figures, self.loss
        return {
            "group": self.group,
            "fault": self.fault,
            "began": self.began.isoformat(timespec="seconds"),
            "expected": self.expected.value,
            "passed": self.good,
            "failures": list(self.failures),
            "tick_seconds": self.objectives.every_seconds,
            "load_per_second": self.load,
            "detected_ticks": self._ticks(figures.detected),
            "elected_ticks": self._ticks(figures.elected),
            "redirect_ticks": self._ticks(figures.redirected),
            "settled_ticks": self._ticks(figures.settled),
            "rounds": dict(figures.rounds),
            "rto_s": _rounded(figures.rto),
            "rto_objective_s": self.objectives.rto_seconds,
            "requests": figures.requests,
            "failed_requests": figures.lost,
            "failed_by_phase": dict(figures.failed),
            "failed_by_reason": dict(figures.reasons),
            "rpo_bytes": loss.bytes if loss.measured else None,
            "rpo_objects": loss.objects if loss.measured else None,
            "rpo_s": _rounded(loss.seconds) if loss.measured else None,
            "rpo_objective_s": self.objectives.rpo_seconds,
            "uploaded_objects": loss.uploaded,
            "uploaded_bytes": loss.uploaded_bytes,
            "epoch_before": figures.epoch_before,
            "epoch": figures.epoch,
            "epochs": list(figures.epochs),
            "later_epochs": list(figures.later),
            "restored_s": _rounded(figures.restored),
            "steps": [
                {**asdict(step), "state": step.state.value, "at": _rounded(step.at), "ticks": self._ticks(step.at)}
                for step in figures.steps
            ],
            "moments": {moment.value: _rounded(at) for moment, at in self.timeline.moments.items()},
            "unanswered": dict(self.timeline.unanswered),
        }

    def _ticks(self, seconds: float | None) -> float | None:
        return None if seconds is None else round(seconds / self.objectives.every_seconds, 2)

    def markdown(self, plot: str) -> str:
        """Return what a person reads.

        Args:
            plot: File name of the picture, beside this.
        """
        verdict = "passed" if self.good else "NOT passed"
        rows = "\n".join(f"| {name} | {value} |" for name, value in self.rows().items())
        steps = "\n".join(
            f"| {step.epoch} | {step.state.value} | {self._told(step.at)} | {step.by} | {step.note} |"
            for step in self.figures.steps
        )
        ticks = f"A tick is {self.objectives.every_seconds:g} s; {self.load:g} requests a second."
        lines = [
            f"# Drill of {self.group}, {self.began:%Y-%m-%d %H:%M:%S} UTC: {verdict}",
            f"Fault: `{self.fault}`. Traffic should {self.expected}. {ticks}",
            *(f"- {sentence}" for sentence in self.failures),
            f"| | |\n| --- | --- |\n{rows}",
            f"![What was answered and lost, and where traffic went]({plot})",
        ]
        if steps:
            lines.append(f"| epoch | state | after the fault | by | |\n| --- | --- | --- | --- | --- |\n{steps}")
        return "\n\n".join(lines) + "\n"

    def rows(self) -> Mapping[str, str]:
        """Return the figures in words."""
        figures = self.figures
        return {
            "detected after": self._told(figures.detected),
            "elected after": self._told(figures.elected),
            "redirected after": self._told(figures.redirected),
            "settled after": self._told(figures.settled),
            "recovery time": f"{_seconds(figures.rto)} (objective {self.objectives.rto_seconds:g} s)",
            "requests": f"{figures.requests:,}, of which {figures.lost:,} were lost"
            + "".join(f"; {count:,} {_PHASES[phase]}" for phase, count in figures.failed.items() if count),
            "recovery point": self._lost(),
            "epoch": f"{figures.epoch_before} -> {figures.epoch}"
            if figures.epochs
            else f"{figures.epoch_before}, still",
            "epochs since the mending began": ", ".join(map(str, figures.later)) or "none",
            "restored within": _seconds(figures.restored),
        }

    def _lost(self) -> str:
        loss = self.loss
        if not loss.measured:
            return "not measured"
        return (
            f"{loss.objects:,} of {loss.uploaded:,} objects ({loss.bytes:,} bytes) are nowhere else"
            + (f", the oldest of them {loss.seconds:.1f} s" if loss.objects else "")
            + f" (objective {self.objectives.rpo_seconds:g} s)"
        )

    def _told(self, seconds: float | None) -> str:
        return "never" if seconds is None else f"{seconds:.2f} s ({self._ticks(seconds)} ticks)"

    def marks(self) -> Mapping[str, float]:
        """Return what happened when, for the picture, in seconds since the drill's beginning."""
        fault = self.timeline.moments.get(Moment.FAULT)
        marks = {moment.value: at for moment, at in self.timeline.moments.items() if moment is not Moment.END}
        if fault is not None:
            figures = self.figures
            reached = {"detected": figures.detected, "elected": figures.elected, "redirected": figures.redirected}
            reached["settled"] = figures.settled
            marks |= {name: fault + after for name, after in reached.items() if after is not None}
        return marks

    def save(self, folder: Path) -> Path:
        """Write the report's three files, and return the one with the JSON."""
        folder.mkdir(parents=True, exist_ok=True)
        dated = f"{self.began:%Y%m%dT%H%M%SZ}-{self.group}"
        names = chain([dated], (f"{dated}-{number}" for number in count(2)))
        name = next(name for name in names if not (folder / f"{name}.json").exists())
        title = f"Drill of {self.group}: {self.fault}, {self.began:%Y-%m-%d %H:%M:%S} UTC"
        (folder / f"{name}.svg").write_text(picture(self.timeline, self.marks(), title))
        (folder / f"{name}.md").write_text(self.markdown(f"{name}.svg"))
        file = folder / f"{name}.json"
        file.write_text(json.dumps(self.document(), indent=2) + "\n")
        return file


_PHASES = {
    "before": "before the fault",
    "during": "until the move was settled",
    "after": "after that",
    "restore": "since the mending began",
}


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)


def _seconds(seconds: float | None) -> str:
    return "never" if seconds is None else f"{seconds:.2f} s"
