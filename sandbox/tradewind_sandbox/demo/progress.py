"""What the demo has seen so far, and how it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from rich.console import Group, RenderableType
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class Arrival:
    """One replica that was read back and compared."""

    key: str
    origin: str
    target: str
    bytes: int
    crc32c: str
    """Eight hexadecimal digits, of the bytes that were read at the target."""
    delay_ms: float
    """From the end of the upload to the comparison."""


@dataclass(slots=True)
class Progress:
    """Uploads, arrivals and failures; the only state of the demo."""

    sites: tuple[str, ...]
    expected: int
    """Replicas, over all targets."""
    uploads: dict[str, int] = field(default_factory=dict)
    """Objects uploaded at each site."""
    uploaded_bytes: int = 0
    arrivals: list[Arrival] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def routes(self) -> Iterable[tuple[str, str]]:
        """Yield every pair of an origin and a target."""
        return ((origin, target) for origin in self.sites for target in self.sites if origin != target)

    def render(self, files: int, waiting: Mapping[str, int]) -> RenderableType:
        """Draw the state.

        Args:
            files: Objects that are uploaded at each site.
            waiting: Messages in each site's queue.
        """
        routes = Table(box=None, pad_edge=False)
        for name in ("from", "to", "arrived", "", "delay p50", "max"):
            routes.add_column(name, justify="right" if name in ("arrived", "delay p50", "max") else "left")
        for origin, target in self.routes():
            delays = [a.delay_ms for a in self.arrivals if (a.origin, a.target) == (origin, target)]
            shown = (f"{median(delays):,.0f} ms", f"{max(delays):,.0f} ms") if delays else ("", "")
            bar = ProgressBar(total=files, completed=len(delays), width=24)
            routes.add_row(origin, target, f"{len(delays)}/{files}", bar, *shown)
        sites = Table(box=None, pad_edge=False)
        for name in ("site", "uploaded", "received", "in its queue"):
            sites.add_column(name, justify="left" if name == "site" else "right")
        for site in self.sites:
            received = sum(a.target == site for a in self.arrivals)
            sites.add_row(site, str(self.uploads.get(site, 0)), str(received), str(waiting.get(site, 0)))
        share = Text(f"{len(self.arrivals)} of {self.expected} replicas read back and equal", style="bold")
        return Group(routes, Text(), sites, Text(), share, *(Text(each, style="red") for each in self.failures))
