"""Waiting until the model servers have what they serve."""

from __future__ import annotations

import time

from tradewind_sandbox.addresses import Endpoints
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.names import HEALTH, MODEL_SERVERS

_LOOK = 0.1
"""Seconds between two looks."""


def wait_until_serving(endpoints: Endpoints, timeout: float) -> None:
    """Return when every model server says that it is well.

    Raises:
        SandboxError: One did not within `timeout` seconds; with what it said last.
    """
    if not endpoints.serving:
        raise SandboxError("This sandbox serves no models", hint="Start it without --no-serving")
    end = time.monotonic() + timeout
    for name in MODEL_SERVERS.values():
        while said := _complaint(endpoints.serving[name] + HEALTH):
            if time.monotonic() > end:
                raise SandboxError(f"{name} does not serve after {timeout:.0f} s: {said}")
            time.sleep(_LOOK)


def _complaint(url: str) -> str:
    import httpx  # noqa: PLC0415 - only who waits pays for it

    try:
        answer = httpx.get(url, timeout=1.0, trust_env=False)
    except httpx.TransportError as error:
        return str(error) or type(error).__name__
    return "" if answer.is_success else answer.text
