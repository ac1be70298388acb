"""Topics, subscriptions and undelivered messages, in a SQLite file: what was published survives a crash."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from google.pubsub_v1.types import PubsubMessage, Subscription

from tradewind_sandbox.pubsub.filters import matches

_SCHEMA = """
CREATE TABLE IF NOT EXISTS topics (name TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS subscriptions (name TEXT PRIMARY KEY, topic TEXT NOT NULL, definition BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS messages (
    row INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription TEXT NOT NULL,
    message BLOB NOT NULL,
    visible_at REAL NOT NULL,
    attempts INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS next_message ON messages (subscription, visible_at, row);
"""


_LOOK = 0.02
"""Seconds between two looks, where another process may have published."""


class UnknownNameError(LookupError):
    """There is no such topic or subscription."""


class NameTakenError(ValueError):
    """There is such a topic or subscription already."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way to one subscriber."""

    ack_id: str
    message: PubsubMessage
    attempt: int


class Storage:
    """Everything that the emulator knows.

    Every method is atomic, durable when it returns, and safe between threads and between processes.

    Args:
        path: The SQLite file; made if it is not there.
        now: The clock, in seconds since the epoch.
    """

    def __init__(self, path: Path | str, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._changed = threading.Condition()
        self._closed = False
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        # Enough for a crash of this process, which is all that the sandbox stages; the disk is not waited for.
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = OFF")
        self._db.executescript(_SCHEMA)

    def create_topic(self, name: str) -> None:
        """Add a topic, or raise NameTakenError."""
        with self._changed:
            if self.has_topic(name):
                raise NameTakenError(name)
            self._db.execute("INSERT INTO topics VALUES (?)", (name,))

    def has_topic(self, name: str) -> bool:
        """Say whether there is a topic of that name."""
        with self._changed:
            return self._db.execute("SELECT 1 FROM topics WHERE name = ?", (name,)).fetchone() is not None

    def topics(self) -> list[str]:
        """Return the topics' names."""
        with self._changed:
            return [name for (name,) in self._db.execute("SELECT name FROM topics ORDER BY name")]

    def delete_topic(self, name: str) -> None:
        """Remove a topic; its subscriptions keep what they hold."""
        with self._changed:
            if self._db.execute("DELETE FROM topics WHERE name = ?", (name,)).rowcount == 0:
                raise UnknownNameError(name)

    def create_subscription(self, subscription: Subscription) -> None:
        """Add a subscription, or raise NameTakenError, or UnknownNameError for its topic, or UnknownFilterError."""
        matches(subscription.filter, {})
        with self._changed:
            if not self.has_topic(subscription.topic):
                raise UnknownNameError(subscription.topic)
            if self._definitions("name = ?", subscription.name):
                raise NameTakenError(subscription.name)
            row = (subscription.name, subscription.topic, Subscription.serialize(subscription))
            self._db.execute("INSERT INTO subscriptions VALUES (?, ?, ?)", row)
            self._changed.notify_all()

    def subscription(self, name: str) -> Subscription:
        """Return a subscription, or raise UnknownNameError."""
        with self._changed:
            found = self._definitions("name = ?", name)
        if not found:
            raise UnknownNameError(name)
        return found[0]

    def subscriptions(self) -> list[Subscription]:
        """Return every subscription."""
        with self._changed:
            return self._definitions("1 = ?", 1)

    def delete_subscription(self, name: str) -> None:
        """Remove a subscription with its messages."""
        with self._changed:
            if self._db.execute("DELETE FROM subscriptions WHERE name = ?", (name,)).rowcount == 0:
                raise UnknownNameError(name)
            self._db.execute("DELETE FROM messages WHERE subscription = ?", (name,))
            self._changed.notify_all()

    def publish(self, topic: str, messages: Iterable[PubsubMessage]) -> list[str]:
        """Give each message an id and a time, hand it to every subscription of `topic`, and return the ids."""
        with self._changed:
            if not self.has_topic(topic):
                raise UnknownNameError(topic)
            with self._transaction():
                ids = [self._insert(topic, message) for message in messages]
            self._changed.notify_all()
        return ids

    def lease(
        self, name: str, limit: int, seconds: float, *, wait: float = 0.0, wanted: Callable[[], bool] = lambda: True
    ) -> list[Delivery]:
        """Return up to `limit` messages that nobody works on, hidden from others for `seconds`.

        A message that was delivered as often as the subscription's dead-letter policy allows goes there instead.

        Args:
            name: The subscription.
            limit: At most so many.
            seconds: The acknowledgement deadline.
            wait: Wait so many seconds for the first message.
            wanted: Says whether the caller is still there; a message is not taken for one who left.
        """
        end = time.monotonic() + wait
        with self._changed:
            while not self._closed and wanted():
                subscription = self.subscription(name)
                deliveries = self._take(subscription, limit, seconds)
                left = end - time.monotonic()
                if deliveries or left <= 0:
                    return deliveries
                self._changed.wait(min(left, _LOOK))
        return []

    def acknowledge(self, ack_ids: Sequence[str]) -> None:
        """Remove delivered messages for good; an id that is not known any more is no error."""
        with self._changed:
            self._db.executemany("DELETE FROM messages WHERE row = ?", [(int(ack_id),) for ack_id in ack_ids])
            self._changed.notify_all()

    def postpone(self, ack_ids: Sequence[str], seconds: float) -> None:
        """Make delivered messages visible again in `seconds` from now; 0 gives them back at once."""
        rows = [(self._now() + seconds, int(ack_id)) for ack_id in ack_ids]
        with self._changed:
            self._db.executemany("UPDATE messages SET visible_at = ? WHERE row = ?", rows)
            self._changed.notify_all()

    def release_all(self, name: str) -> None:
        """Make every message of a subscription visible at once: whoever had leased some is known to be gone."""
        with self._changed:
            self._db.execute("UPDATE messages SET visible_at = ? WHERE subscription = ?", (self._now(), name))
            self._changed.notify_all()

    def depth(self, name: str) -> int:
        """Return how many messages of a subscription are not acknowledged."""
        with self._changed:
            row = self._db.execute("SELECT COUNT(*) FROM messages WHERE subscription = ?", (name,)).fetchone()
            return int(row[0])

    def close(self) -> None:
        """Answer every waiting `lease` with nothing, now and later."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _definitions(self, where: str, value: str | int) -> list[Subscription]:
        rows = self._db.execute(f"SELECT definition FROM subscriptions WHERE {where}", (value,))  # noqa: S608 - a constant
        return [Subscription.deserialize(definition) for (definition,) in rows]

    def _insert(self, topic: str, message: PubsubMessage) -> str:
        (last,) = self._db.execute(
            "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'messages'"
        ).fetchone()
        stored = PubsubMessage(message)
        stored.message_id = f"{int(last) + 1:016d}"
        stored.publish_time = datetime.fromtimestamp(self._now(), UTC)
        body = PubsubMessage.serialize(stored)
        for subscription in self._definitions("topic = ?", topic):
            if not matches(subscription.filter, stored.attributes):
                continue
            row = (subscription.name, body, self._now())
            self._db.execute(
                "INSERT INTO messages (subscription, message, visible_at, attempts) VALUES (?, ?, ?, 0)", row
            )
        return str(stored.message_id)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        with self._db:
            yield

    def _take(self, subscription: Subscription, limit: int, seconds: float) -> list[Delivery]:
        with self._transaction():
            return self._take_within(subscription, limit, seconds)

    def _take_within(self, subscription: Subscription, limit: int, seconds: float) -> list[Delivery]:
        now = self._now()
        query = (
            "SELECT row, message, attempts FROM messages"
            " WHERE subscription = ? AND visible_at <= ? ORDER BY visible_at, row LIMIT ?"
        )
        found = self._db.execute(query, (subscription.name, now, limit)).fetchall()
        policy = subscription.dead_letter_policy
        deliveries = []
        for row, body, attempts in found:
            message = PubsubMessage.deserialize(body)
            if policy.dead_letter_topic and attempts >= policy.max_delivery_attempts:
                self._bury(subscription, row, message, attempts)
                continue
            self._db.execute(
                "UPDATE messages SET visible_at = ?, attempts = attempts + 1 WHERE row = ?", (now + seconds, row)
            )
            deliveries.append(Delivery(str(row), message, attempts + 1))
        return deliveries

    def _bury(self, subscription: Subscription, row: int, message: PubsubMessage, attempts: int) -> None:
        # https://cloud.google.com/pubsub/docs/handling-failures: what the service adds to a forwarded message.
        message.attributes["CloudPubSubDeadLetterSourceDeliveryCount"] = str(attempts)
        message.attributes["CloudPubSubDeadLetterSourceSubscription"] = subscription.name.rsplit("/", 1)[-1]
        message.attributes["CloudPubSubDeadLetterSourceSubscriptionProject"] = subscription.name.split("/")[1]
        self.publish(subscription.dead_letter_policy.dead_letter_topic, [message])
        self._db.execute("DELETE FROM messages WHERE row = ?", (row,))
