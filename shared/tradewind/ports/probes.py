"""How an endpoint is, as it answers itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of one probe."""

    reason: str
    """Why it is no good answer, in words; "" for a good one."""
    seconds: float
    """Until the answer was there, or until it was given up."""
    load: float | None = None
    """Requests a second that the endpoint says to answer; None where it does not say."""

    @property
    def good(self) -> bool:
        """Say whether the endpoint answered as it should."""
        return not self.reason
