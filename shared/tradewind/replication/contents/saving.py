"""What a copy inside a target has saved."""

from __future__ import annotations

from dataclasses import dataclass

from tradewind.facts.prices import GIB


@dataclass(frozen=True, slots=True)
class Saving:
    """Bytes that did not have to be sent."""

    size: int
    """Bytes."""
    dollars: float
    """By the rule's contract, or else by list prices."""

    @classmethod
    def of(cls, size: int, price: float) -> Saving:
        """Return what `size` bytes would have cost at `price` dollars for a GiB."""
        return cls(size, size / GIB * price)

    def told(self) -> str:
        """Return it in words."""
        return f"{self.size:,} bytes and ${self.dollars:,.4f} of egress saved"
