"""What lasts for a while and is fetched anew before it ends: keys and tokens."""

from __future__ import annotations

import logging
from collections.abc import Callable
from threading import Lock
from time import time
from typing import Generic, TypeVar

PAUSE = 30.0
"""Seconds from a renewal that failed to the next attempt, while what there is still lasts."""
log = logging.getLogger(__name__)

Value = TypeVar("Value")


class Renewed(Generic[Value]):
    """One value, fetched by one thread for all.

    A renewal that fails is no failure as long as the value lasts: whoever gives out tokens may be away for minutes, and
    each token is renewed minutes before it ends for this reason.

    Args:
        fetch: Gets another, and when it ends, in seconds since 1970.
        early: Seconds before its end at which it is replaced.
    """

    def __init__(self, fetch: Callable[[], tuple[Value, float]], *, early: float) -> None:
        self._fetch = fetch
        self._early = early
        self._lock = Lock()
        self._value: Value | None = None
        self._until = self._retried = 0.0

    def value(self) -> Value:
        """Return a value that has not ended; errors of `fetch` pass if there is none."""
        with self._lock:
            now = time()
            kept = self._value if now < self._until else None
            if kept is not None and now < max(self._until - self._early, self._retried):
                return kept
            try:
                self._value, self._until = self._fetch()
            except Exception:
                if kept is None:
                    raise
                log.warning("keys or a token could not be renewed; those that last are used", exc_info=True)
                self._retried = now + PAUSE
                return kept
            return self._value

    def forget(self) -> None:
        """Drop the value, which was refused, and fetch another next time."""
        with self._lock:
            self._value = None
