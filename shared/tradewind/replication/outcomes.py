"""How the work on one key ended at one target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tradewind.errors import ConflictError, OverBudgetError, PermanentError, TradewindError, TransientError
from tradewind.replication.contents.saving import Saving
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
    saving: Saving | None = None
    """What did not have to be sent, because the target held the same content."""

    @classmethod
    def failed(cls, route: Route, error: TradewindError) -> Outcome:
        """Return the outcome of a target at which `error` was met."""
        return cls(route, Verdict.FAILED, str(error), error=error)

    @property
    def measures(self) -> Sequence[tuple[str, Literal["Count", "Bytes"], float]]:
        """Return what it adds to the metrics: names, units and values."""
        counted: list[tuple[str, Literal["Count", "Bytes"], float]] = [(self.verdict.name.title(), "Count", 1)]
        if self.saving is not None:
            counted += [("SavedBytes", "Bytes", self.saving.size), ("SavedDollars", "Count", self.saving.dollars)]
        return counted

    def require_done(self, key: str) -> None:
        """Return unless something kept `key` from its target.

        Raises:
            TradewindError: What kept it; whether it will ever come is in the family.
        """
        if self.error is not None:
            raise self.error
        told = f"{key!r} does not come from {self.route.source} to {self.route.target}: {self.reason}"
        if self.verdict is Verdict.STARTED:
            raise TransientError(told, hint="It arrives by itself, in parts")
        if self.verdict is Verdict.DEFERRED:
            raise OverBudgetError(told)
        if self.verdict is Verdict.HELD:
            raise TransientError(told, hint="Answer the delete guard")
        if self.verdict is Verdict.CONFLICT:
            raise ConflictError(told, hint="Remove or rename one of the two objects, then redrive the message")
        if self.verdict is Verdict.FAILED:
            raise PermanentError(told, hint="Upload the object again, or redrive its dead letter")
        if self.verdict is Verdict.REFUSED:
            raise PermanentError(told, hint="Change where such data may be, or what the rule covers")
