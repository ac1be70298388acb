"""How many requests a second a server answers."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

WINDOW = 5.0
"""Seconds over which requests are counted."""


class Rate:
    """Counts what happens. May be used by several threads at once.

    Args:
        clock: Seconds, always rising.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._times: deque[float] = deque()
        self._lock = threading.Lock()

    def count(self) -> None:
        """Take note of one more."""
        with self._lock:
            self._times.append(self._clock())
            self._forget()

    def per_second(self) -> float:
        """Return how many there were a second, of late."""
        with self._lock:
            self._forget()
            return len(self._times) / WINDOW

    def _forget(self) -> None:
        oldest = self._clock() - WINDOW
        while self._times and self._times[0] <= oldest:
            self._times.popleft()
