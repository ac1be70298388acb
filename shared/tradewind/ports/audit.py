"""The audit log port: one record for each decision about one key at one target."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AuditRecord:
    """What was decided, about what, and why."""

    time: datetime
    rule: str
    key: str
    source_site: str
    target_site: str
    verdict: str
    reason: str
    size: int | None = None
    """Bytes written, where something was written."""
    crc32c: str | None = None
    """Eight hexadecimal digits."""
    proof: str | None = None
    """What the bytes were compared with at the source, or `unproven`."""
    saved: int | None = None
    """Bytes that did not have to be sent, because the target held the same content."""
    saved_usd: float | None = None
    """What they would have cost."""
    event: str = ""
    """Id of the event that led here."""


class AuditLog(Protocol):
    """Append-only."""

    def record(self, record: AuditRecord) -> None:
        """Append `record`; returns when it is handed to the platform's log."""
