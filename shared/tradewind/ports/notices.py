"""Telling people and systems that a group's traffic was moved."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Notice:
    """That traffic was moved, or that it could not be."""

    id: str
    """The same for every try to tell it, so that whoever hears it twice can know."""
    group: str
    epoch: int
    what: str
    """`failover`, `shift`, `restore`, `rollback`, `manual`."""
    summary: str
    """One sentence for a person."""
    reason: str
    at: datetime
    """UTC."""
    by: str
    """The observer or the person who decided."""
    weights: dict[str, int]
    """Percent of the traffic by endpoint, from now on."""

    def as_document(self) -> dict[str, JsonValue]:
        """Return the notice as JSON, as every address is told it."""
        return {
            "id": self.id,
            "group": self.group,
            "epoch": self.epoch,
            "what": self.what,
            "summary": self.summary,
            "reason": self.reason,
            "at": self.at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "by": self.by,
            "weights": {**self.weights},
        }


class Notifier(Protocol):
    """One address that is told."""

    def tell(self, notice: Notice) -> None:
        """Tell it; signed or authenticated. Told twice does no harm.

        Raises:
            StoreUnavailableError: The address cannot be reached, or says so.
            ConfigurationError: It refuses what it is told, or who tells it.
        """
