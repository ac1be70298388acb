"""A queue in memory, for the tests of what works off queues."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from tradewind.ports import Message

VISIBILITY = 30.0
"""Seconds for which a received message is hidden from others."""
LOOK = 0.05
"""Seconds between two looks whether a hidden message is visible again."""


@dataclass(slots=True)
class _Held:
    body: str
    attributes: dict[str, str]
    visible_at: float
    attempts: int = 0


class MemoryQueue:
    """Keeps messages for the life of the process (see `ports.Queue`).

    Args:
        clock: Seconds, from any moment on; hand one in to let visibility end without waiting.
        visibility: Seconds for which a received message is hidden from others.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic, visibility: float = VISIBILITY) -> None:
        self._clock = clock
        self._visibility = visibility
        self._held: dict[str, _Held] = {}
        self._ids = count(1)
        self._changed = threading.Condition()

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message."""
        with self._changed:
            self._held[str(next(self._ids))] = _Held(body, dict(attributes or {}), self._clock())
            self._changed.notify_all()

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages; `wait` is real time, whatever the clock says."""
        until = time.monotonic() + wait
        with self._changed:
            while not self._visible() and (left := until - time.monotonic()) > 0:
                self._changed.wait(min(left, LOOK) if self._held else left)  # nobody tells when a delay is over
            return [self._take(name) for name in self._visible()[:limit]]

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good."""
        with self._changed:
            self._held.pop(message.id, None)

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again, unless somebody else has received it meanwhile."""
        with self._changed:
            held = self._held.get(message.id)
            if held is not None and message.receipt == f"{message.id}/{held.attempts}":
                held.visible_at = self._clock() + delay
                self._changed.notify_all()

    def depth(self) -> int:
        """Return how many messages wait or are being worked on."""
        with self._changed:
            return len(self._held)

    def _visible(self) -> list[str]:
        now = self._clock()
        return [name for name, held in self._held.items() if held.visible_at <= now]

    def _take(self, name: str) -> Message:
        held = self._held[name]
        held.attempts += 1
        held.visible_at = self._clock() + self._visibility
        return Message(held.body, name, held.attempts, dict(held.attributes), f"{name}/{held.attempts}")
