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
    taken: list[Message] = []
    try:
        while len(taken) < limit and (more := queue.receive(limit=min(10, limit - len(taken)), wait=1.0)):
            taken += more
    finally:
        for message in taken:
            queue.release(message)
    return [_letter(message) for message in taken]


def redrive(dead_letters: Queue, notifications: Queue, *, wanted: Callable[[DeadLetter], bool]) -> int:
    """Send dead letters to work again, and return how many.

    A crash between the two steps leaves a message in both queues, which does no harm: work is safe to repeat.
    """
    sent = 0
    unwanted: list[Message] = []
    try:
        while messages := dead_letters.receive(limit=10, wait=1.0):
            for message in messages:
                if not wanted(_letter(message)):
                    unwanted.append(message)
                    continue
                kept = {name: value for name, value in message.attributes.items() if not name.startswith(OURS)}
                notifications.send(message.body, attributes=kept or None)
                dead_letters.acknowledge(message)
                sent += 1
    finally:
        for message in unwanted:
            dead_letters.release(message)
    return sent
