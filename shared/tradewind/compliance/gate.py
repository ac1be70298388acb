"""A gate that knows, for each classification, the jurisdictions in which its data may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.fleet import Classification
from tradewind.ports import Admission, Movement


@dataclass(frozen=True, slots=True)
class JurisdictionGate:
    """Admits a movement if the target's jurisdiction is allowed for the data; what is not known is refused."""

    classifications: Mapping[str, Classification]

    def admit(self, movement: Movement) -> Admission:
        """Say whether `movement` is allowed."""
        known = self.classifications.get(movement.classification)
        if known is None:
            return Admission(
                allowed=False, reason=f"classification {movement.classification!r} is not in the fleet file"
            )
        where = movement.target_jurisdiction
        if known.jurisdictions == "any":
            return Admission(allowed=True, reason=f"{movement.classification!r} data may be anywhere")
        if known.allows(where):
            return Admission(allowed=True, reason=f"{movement.classification!r} data may be in {where}")
        allowed = ", ".join(known.jurisdictions) or "nowhere else"
        return Admission(
            allowed=False, reason=f"{movement.classification!r} data may not be in {where}; allowed: {allowed}"
        )
