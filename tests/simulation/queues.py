"""A queue whose deliveries the simulation chooses."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from simulation.turns import SECOND, Turns
from tradewind.ports import Message

VISIBILITY = 30 * SECOND
"""Microseconds for which a message is hidden that somebody works on."""


@dataclass(slots=True)
class Waiting:
    """A message in the queue."""

    body: str
    attributes: dict[str, str]
    visible_at: int
    attempts: int = 0


class SimulatedQueue:
    """See `ports.Queue`; each call lets others act first.

    Args:
        turns: Whose turn it is.
        check: Called before each call takes effect; raises what the queue's cloud suffers from.
        deliveries: Returns how late a message comes that is sent, in microseconds, for each time that it comes.
    """

    def __init__(self, turns: Turns, check: Callable[[], None], deliveries: Callable[[], Iterable[int]]) -> None:
        self._turns = turns
        self._check = check
        self._deliveries = deliveries
        self.waiting: dict[str, Waiting] = {}
        self._sent = 0

    def add(self, body: str, *, delay: int = 0, attributes: Mapping[str, str] | None = None) -> None:
        """Put a message in, as the cloud itself does, to be seen after `delay` microseconds."""
        self._sent += 1
        self.waiting[str(self._sent)] = Waiting(body, dict(attributes or {}), self._turns.clock.elapsed + delay)

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message."""
        self._turns.pause()
        self._check()
        for delay in self._deliveries():
            self.add(body, delay=delay, attributes=attributes)
        self._turns.note("send", answer=body)

    def visible(self) -> list[str]:
        """Return the ids of the messages that can be received."""
        now = self._turns.clock.elapsed
        return [name for name, held in self.waiting.items() if held.visible_at <= now]

    def take(self, name: str) -> Message:
        """Receive one message."""
        held = self.waiting[name]
        held.attempts += 1
        held.visible_at = self._turns.clock.elapsed + VISIBILITY
        return Message(held.body, name, held.attempts, held.attributes, f"{name}/{held.attempts}")

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages, without waiting."""
        self._turns.pause()
        self._check()
        return [self.take(name) for name in self.visible()[:limit]]

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good."""
        self._turns.pause()
        self._check()
        self.waiting.pop(message.id, None)

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again, unless somebody else has received it meanwhile."""
        self._turns.pause()
        self._check()
        held = self.waiting.get(message.id)
        if held is not None and message.receipt == f"{message.id}/{held.attempts}":
            held.visible_at = self._turns.clock.elapsed + int(delay * SECOND)

    def depth(self) -> int:
        """Return how many messages wait or are being worked on."""
        return len(self.waiting)
