"""Looking at dead letters, and sending them to work again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tradewind.ports import REASON, Message, Queue

OURS = "tradewind-"
"""Attributes that start with this were added when the message was dead-lettered."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One message that no redelivery could help."""

    id: str
    reason: str
    body: str


def _letter(message: Message) -> DeadLetter:
    gave_up = "the platform gave it up after too many deliveries; the audit log has the errors"
    return DeadLetter(message.id, message.attributes.get(REASON, gave_up), message.body)


def read_letters(queue: Queue, *, limit: int) -> list[DeadLetter]:
    """Return up to `limit` dead letters and leave them where they are."""
    taken = _take(queue, limit)
    for message in taken:
        queue.release(message)
    return [_letter(message) for message in taken]


def redrive(
    dead_letters: Queue, notifications: Queue, *, wanted: Callable[[DeadLetter], bool], limit: int = 1000
) -> int:
    """Send dead letters to work again, and return how many.

    Only letters that were there before the first is sent are looked at: one whose reason was not mended is back at
    once, and would be sent round for ever. A crash on the way leaves a message in both queues, which does no harm:
    work is safe to repeat.

    Args:
        dead_letters: Where they are.
        notifications: Where they go.
        wanted: Picks them.
        limit: At most so many are looked at.
    """
    sent = 0
    for message in _take(dead_letters, limit):
        if not wanted(_letter(message)):
            dead_letters.release(message)
            continue
        kept = {name: value for name, value in message.attributes.items() if not name.startswith(OURS)}
        notifications.send(message.body, attributes=kept or None)
        dead_letters.acknowledge(message)
        sent += 1
    return sent


def _take(queue: Queue, limit: int) -> list[Message]:
    """Receive up to `limit` different messages."""
    taken: dict[str, Message] = {}
    while len(taken) < limit:
        received = queue.receive(limit=min(10, limit - len(taken)), wait=1.0)
        fresh = {message.id: message for message in received if message.id not in taken}
        taken |= {message.id: message for message in received}  # the newest receipt is the one that counts
        if not fresh:
            break
    return list(taken.values())
