"""What the demo found, as `report.json` and as a table."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from rich.table import Table

from tradewind.failover.drills.report import DrillReport
from tradewind_sandbox.demo.progress import Progress


@dataclass(frozen=True, slots=True)
class Echo:
    """An object that was written more often than once at one site."""

    key: str
    site: str
    writes: int


@dataclass(frozen=True, slots=True)
class DemoReport:
    """The whole result; it is good if the three lists are empty, and the drill was passed."""

    progress: Progress
    echoes: Sequence[Echo]
    missing: Sequence[tuple[str, str, str]]
    """Key, origin, target."""
    seconds: float
    """From the first upload until every queue was empty."""
    drill: DrillReport | None = None
    """What came of killing a cloud; None if nothing is served that could move."""

    @property
    def good(self) -> bool:
        """Say whether everything arrived whole, once, and the drill was passed."""
        whole = not (self.echoes or self.missing or self.progress.failures)
        return whole and (self.drill is None or self.drill.good)

    def save(self, path: Path) -> None:
        """Write `report.json`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self._content(), indent=2) + "\n")

    def table(self) -> Table:
        """Return the delays of each direction."""
        table = Table("from", "to", "objects", "bytes", "delay p50", "max", title="From upload to verified replica")
        for origin, target in self.progress.routes():
            found = [a for a in self.progress.arrivals if (a.origin, a.target) == (origin, target)]
            delays = [arrival.delay_ms for arrival in found] or [float("nan")]
            size = sum(arrival.bytes for arrival in found)
            row = (f"{len(found):,}", f"{size:,}", f"{median(delays):,.0f} ms", f"{max(delays):,.0f} ms")
            table.add_row(origin, target, *row)
        return table

    def _content(self) -> Mapping[str, object]:
        arrivals = self.progress.arrivals
        delays = sorted(arrival.delay_ms for arrival in arrivals)
        return {
            "objects": [asdict(arrival) for arrival in arrivals],
            "echoes": [asdict(echo) for echo in self.echoes],
            "failures": list(self.progress.failures)
            + [f"{key} from {origin} did not arrive at {target}" for key, origin, target in self.missing],
            "totals": {
                "uploads": sum(self.progress.uploads.values()),
                "uploaded_bytes": self.progress.uploaded_bytes,
                "replicas": len(arrivals),
                "replica_bytes": sum(arrival.bytes for arrival in arrivals),
                "expected": self.progress.expected,
                "missing": len(self.missing),
                "delay_p50_ms": median(delays) if delays else None,
                "delay_max_ms": delays[-1] if delays else None,
                "seconds": round(self.seconds, 3),
            },
            "drill": self.drill.document() if self.drill else None,
        }


def echoes(writes: Iterable[tuple[tuple[str, str], int]], prefix: str) -> list[Echo]:
    """Return what was written more often than once, of the keys that start with `prefix`.

    Args:
        writes: How often each object was written, by site and key, as the stores' own logs say.
        prefix: The demo's keys; each is uploaded once and should be written once at every other site.
    """
    return [Echo(key, site, count) for (site, key), count in sorted(writes) if key.startswith(prefix) and count > 1]
