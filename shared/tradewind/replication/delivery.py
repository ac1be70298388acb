"""Settling one message: done, back to the queue, or to the dead letters with its reason."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

from tradewind.errors import BadEventError, PermanentError, TradewindError
from tradewind.ports import REASON, Message, Notification, Queue
from tradewind.replication import requests
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts import tasks
from tradewind.replication.parts.tasks import PartTask

log = logging.getLogger(__name__)
FIRST_DELAY = 5.0
"""Seconds before the second delivery; each further delay is twice as long."""
_Work: TypeAlias = tuple[str, Callable[..., Sequence[Outcome]]]
LONGEST_DELAY = 900.0
"""Seconds; with 50 deliveries an outage of ten hours loses no message to the dead letters."""


class Replicates(Protocol):
    """What turns a notification, or a part task, into outcomes (see `Replicator`)."""

    def replicate(self, notification: Notification, *, attempt: int = 1) -> Sequence[Outcome]:
        """Replicate what `notification` speaks of."""

    def carry(self, task: PartTask, *, attempt: int = 1) -> Sequence[Outcome]:
        """Bring parts of a large object to their target."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """Works off messages, each of which may carry several notifications.

    Args:
        decode: Turns a message into notifications.
        replicator: Works on them.
        notifications: Opens the queue that the messages come from.
        dead_letters: Opens the queue for what no redelivery can mend.
        last_attempt: The delivery after which the platform gives a message up.
    """

    decode: Callable[[Message], Sequence[Notification]]
    replicator: Replicates
    notifications: Callable[[], Queue]
    dead_letters: Callable[[], Queue]
    last_attempt: int

    def deliver(self, message: Message) -> Sequence[Outcome]:
        """Work off one message.

        When this returns, the message is settled: its work is done, or it is among the dead letters.

        Raises:
            TradewindError: It cannot be done now; the message must be delivered again.
        """
        outcomes: list[Outcome] = []
        failed: list[tuple[str, TradewindError]] = []
        work: Sequence[_Work] = []
        try:
            work = self._work(message)
        except TradewindError as error:
            failed.append(("", error))
        for key, call in work:
            try:
                ended = call(attempt=message.attempt)
            except TradewindError as error:
                failed.append((key, error))
            else:
                outcomes += ended
                failed += [(key, outcome.error) for outcome in ended if outcome.error is not None]
        hopeful = [error for _, error in failed if not isinstance(error, BadEventError | PermanentError)]
        if hopeful and message.attempt < self.last_attempt:
            log.warning(
                "delivery %d of message %s failed and will be repeated: %s", message.attempt, message.id, hopeful[0]
            )
            self._hand_back(message)
            raise hopeful[0]
        if failed:
            self._bury(message, failed)
        return outcomes

    def _work(self, message: Message) -> Sequence[_Work]:
        """Return what a message asks for: keys, and what is to be called for each."""
        if tasks.is_part_task(message):
            task = tasks.decode(message)
            return [(task.key, partial(self.replicator.carry, task))]
        return [(each.key, partial(self.replicator.replicate, each)) for each in self.decode(message)]

    def _hand_back(self, message: Message) -> None:
        """Make the message visible again soon, where the platform would leave it to its visibility timeout."""
        if message.receipt:
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2 ** (message.attempt - 1))
            with suppress(TradewindError):  # then the visibility timeout brings it back
                self.notifications().release(message, delay=delay)

    def _bury(self, message: Message, failed: Sequence[tuple[str, TradewindError]]) -> None:
        """Dead-letter a message; of a request for many keys, only those that failed."""
        reasons = "; ".join(dict.fromkeys(f"{type(error).__name__}: {error}" for _, error in failed))
        attributes = {
            **message.attributes,
            REASON: reasons[:1000],
            "tradewind-message": message.id,
            "tradewind-attempt": str(message.attempt),
        }
        log.error("message %s is dead-lettered: %s", message.id, reasons)
        self.dead_letters().send(requests.narrowed(message, [key for key, _ in failed if key]), attributes=attributes)
