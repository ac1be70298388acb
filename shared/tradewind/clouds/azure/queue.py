"""Queues on Azure Queue Storage.

Messages are base64 text, as Event Grid writes them and the Functions host expects them. They have no attributes; where
some are given, body and attributes travel together as a small JSON envelope.

Source: https://learn.microsoft.com/azure/storage/queues/scalability-targets (a message has at most 64 KiB, encoded)
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.identity import open_credential
from tradewind.errors import PermanentError
from tradewind.fleet import AzureSite
from tradewind.ports import Message

if TYPE_CHECKING:
    from azure.storage.queue import QueueClient, QueueMessage

LIMIT = 64 * 1024
"""Bytes of an encoded message."""
BATCH = 32
VISIBILITY = 60
"""Seconds for which a received message is hidden from others."""
FOR_EVER = -1
"""Time to live. The service's default of 7 days would lose dead letters that nobody looked at."""
POLL = 0.5
"""Seconds between two looks at an empty queue; the service has no long polling."""
CONNECT_TIMEOUT, READ_TIMEOUT, RETRIES = 5, 20, 2
LOST = ("MessageNotFound", "PopReceiptMismatch")
ENVELOPE = frozenset({"tradewind", "body", "attributes"})


def open_queue(site: AzureSite, credentials: Mapping[str, str] | None, name: str) -> StorageQueue:
    """Return a queue of a site.

    Raises:
        CredentialsError: The secret has no fields that Azure knows.
    """
    from azure.storage.queue import LinearRetry, QueueClient  # noqa: PLC0415 - only who talks to queues pays

    uri = f"azq://{site.account}/{name}"
    given = site.queues.endpoint if site.queues else None
    client = QueueClient(
        given or f"https://{site.account}.queue.core.windows.net",
        name,
        credential=open_credential(site.account, credentials, subject=uri),
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retry_policy=LinearRetry(backoff=1, retry_total=RETRIES, random_jitter_range=1),
        user_agent="tradewind",
    )
    return StorageQueue(client, uri)


class StorageQueue:
    """One queue (see `ports.Queue`).

    Args:
        client: Without encoding policies of its own.
        uri: How to call the queue in errors.
    """

    def __init__(self, client: QueueClient, uri: str) -> None:
        self._client = client
        self._uri = uri

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message.

        Raises:
            PermanentError: The message is larger than the service takes.
        """
        text = json.dumps({"tradewind": 1, "body": body, "attributes": dict(attributes)}) if attributes else body
        encoded = base64.b64encode(text.encode()).decode()
        if len(encoded) > LIMIT:
            raise PermanentError(
                f"Could not send a message to {self._uri}: {len(encoded)} bytes are more than the {LIMIT} of one"
            )
        with translate("send", f"a message to {self._uri}"):
            self._client.send_message(encoded, time_to_live=FOR_EVER)

    def receive(self, *, limit: int = 10, wait: float = 0.0) -> Sequence[Message]:
        """Return up to `limit` messages, of which the service gives out at most 32 at a time."""
        end = time.monotonic() + wait
        while not (found := self._look(min(limit, BATCH))):
            left = end - time.monotonic()
            if left <= 0:
                break
            time.sleep(min(POLL, left))
        return [_message(one) for one in found]

    def _look(self, limit: int) -> list[QueueMessage]:
        with translate("receive", f"messages from {self._uri}"):
            pages = self._client.receive_messages(
                messages_per_page=limit, max_messages=limit, visibility_timeout=VISIBILITY
            ).by_page()
            return list(next(pages, []))

    def acknowledge(self, message: Message) -> None:
        """Remove a received message for good, unless it is gone, or somebody else has received it meanwhile."""
        with translate("acknowledge", f"a message of {self._uri}"), _unless_lost():
            self._client.delete_message(message.id, message.receipt)

    def release(self, message: Message, *, delay: float = 0.0) -> None:
        """Make a received message visible again, if it is not already."""
        with translate("release", f"a message of {self._uri}"), _unless_lost():
            self._client.update_message(message.id, message.receipt, visibility_timeout=int(delay))

    def depth(self) -> int:
        """Return roughly how many messages wait or are hidden."""
        with translate("count", f"the messages of {self._uri}"):
            return int(self._client.get_queue_properties().approximate_message_count or 0)


@contextmanager
def _unless_lost() -> Iterator[None]:
    """Pass over that a message is gone, or that its receipt is not valid any more: it is somebody else's now."""
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - loaded already when it is used

    try:
        yield
    except HttpResponseError as error:
        if getattr(error, "error_code", None) not in LOST:
            raise


def _message(received: QueueMessage) -> Message:
    body, attributes = _open(_decode(str(received.content)))
    return Message(body, str(received.id), int(received.dequeue_count or 1), attributes, str(received.pop_receipt))


def _decode(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except ValueError:
        return text  # somebody sent plain text; that is for whoever reads it to judge


def _open(text: str) -> tuple[str, dict[str, str]]:
    try:
        value: object = json.loads(text)
    except (ValueError, RecursionError):
        return text, {}
    if not isinstance(value, dict) or value.keys() != ENVELOPE or not isinstance(value["attributes"], dict):
        return text, {}
    return str(value["body"]), {name: str(one) for name, one in value["attributes"].items()}
