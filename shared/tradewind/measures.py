"""What functions tell of themselves in numbers; each cloud's handler hands them to that cloud's metrics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Measure:
    """One number."""

    name: str
    unit: Literal["Count", "Bytes", "Seconds", "Percent"]
    value: float
    dimensions: dict[str, str]

    def as_fields(self) -> dict[str, Any]:
        """Return it as the fields of a structured log line."""
        return asdict(self)
