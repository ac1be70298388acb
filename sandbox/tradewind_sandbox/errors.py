"""The one error of the sandbox."""

from __future__ import annotations

from tradewind.errors import TradewindError


class SandboxError(TradewindError):
    """A part of the sandbox could not be started, found or stopped; the message ends with what its log says."""
