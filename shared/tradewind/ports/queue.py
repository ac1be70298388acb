"""The queue port, as the sandbox and the tools use it; in the clouds the platform delivers to the handlers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

REASON = "tradewind-reason"
"""Attribute of a dead-lettered message: why no redelivery can help, in words."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it was received."""

    body: str
    id: str = ""
    attempt: int = 1
    """How often it was delivered, this time included, as far as the queue knows."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    receipt: str = ""
    """What the queue needs to acknowledge this delivery."""


class Queue(Protocol):
    """At-least-once delivery, unordered. Errors are those of `tradewind.errors`, as for the object store."""

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message. Returns when the queue has it."""

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages, waiting up to `wait` seconds for the first.

        Each stays invisible to other receivers until it is acknowledged, released, or its visibility timeout ends.
        """

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good. Acknowledging twice is no error."""

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again after `delay` seconds (whole ones count); it is one more attempt.

        No error if it is visible already, or somebody else has received it.
        """

    def depth(self) -> int:
        """Return roughly how many messages wait, those being worked on included; for people, not for decisions."""
