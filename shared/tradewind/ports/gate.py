"""The compliance gate port: may these bytes go there?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Movement:
    """What is about to be moved, before a byte of it is read."""

    rule: str
    classification: str
    source_site: str
    source_jurisdiction: str
    target_site: str
    target_jurisdiction: str
    key: str


@dataclass(frozen=True, slots=True)
class Admission:
    """The gate's answer."""

    allowed: bool
    reason: str
    """One sentence for the audit log and the operator."""


class Gate(Protocol):
    """Answers before the first byte is read."""

    def admit(self, movement: Movement) -> Admission:
        """Say whether `movement` is allowed. Pure: the same question has the same answer."""
