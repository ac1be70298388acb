"""Where data may be."""

from tradewind.compliance.gate import JurisdictionGate

__all__ = ["JurisdictionGate"]
