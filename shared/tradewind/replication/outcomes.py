"""How the work on one key ended at one target."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.errors import TradewindError
from tradewind.replication.decide import Verdict
from tradewind.replication.routes import Route


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended at one target."""

    route: Route
    verdict: Verdict
    reason: str
    size: int | None = None
    """Bytes written, where something was written."""
    crc32c: int | None = None
    proof: str | None = None
    """The checksum of the source's store that the bytes were compared with."""
    replaced: bool = False
    """Whether something else was there before."""
    error: TradewindError | None = None

    @classmethod
    def failed(cls, route: Route, error: TradewindError) -> Outcome:
        """Return the outcome of a target at which `error` was met."""
        return cls(route, Verdict.FAILED, str(error), error=error)
