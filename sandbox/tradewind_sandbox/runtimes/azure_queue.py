"""The queue trigger: takes messages from a storage queue, runs the function on each, and keeps the failures."""

from __future__ import annotations

import base64
import binascii
import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime

from azure.core.exceptions import AzureError, ResourceExistsError, ResourceNotFoundError
from azure.functions.meta import Datum
from azure.functions.queue import QueueMessageInConverter
from azure.storage.queue import QueueClient, QueueMessage

from tradewind_sandbox.runtimes.azure_app import AppFunction, setting
from tradewind_sandbox.runtimes.azure_settings import QueueSettings

_log = logging.getLogger(__name__)
_SHORTEST_POLL = 0.1
"""Seconds, as in the real host; doubled while the queue is empty."""
_NEVER = -1
"""Poisoned messages do not expire."""


class QueueListener:
    """Feeds one function from its queue until it is stopped.

    Args:
        function: A function with a queue trigger.
        settings: What host.json says.
        lease: Seconds for which a message that is worked on is hidden from others; renewed while the function works.
            The real host takes ten minutes, this one less, so that what a killed host held is soon back.
    """

    def __init__(self, function: AppFunction, settings: QueueSettings, lease: int) -> None:
        self._function = function
        self._settings = settings
        self._lease = lease
        self._stopping = threading.Event()
        self._busy = 0
        self._changed = threading.Condition()
        places = settings.batch_size + settings.new_batch_threshold
        self._workers = ThreadPoolExecutor(places, thread_name_prefix=function.name)
        self._queue = self._client(function.text("queueName"))
        self._poison = self._client(f"{function.text('queueName')}-poison")
        self._thread = threading.Thread(target=self._run, name=f"poll {function.name}", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Finish what is under way, and take no more."""
        self._stopping.set()
        with self._changed:
            self._changed.notify_all()
        self._thread.join()
        self._workers.shutdown()

    def _client(self, name: str) -> QueueClient:
        connection = setting(self._function.text("connection"))
        # No retries and short timeouts: the listener itself asks again.
        return QueueClient.from_connection_string(
            connection, name, retry_total=0, connection_timeout=2, read_timeout=10, logging_enable=False
        )

    def _run(self) -> None:
        pause = _SHORTEST_POLL
        while not self._stopping.wait(pause):
            with self._changed:
                self._changed.wait_for(self._has_room)
            try:
                found = self._poll()
            except AzureError as error:
                _log.warning("the queue %s does not answer: %s", self._queue.queue_name, error)
                found = 0
            longest = max(_SHORTEST_POLL, self._settings.max_polling_interval)
            pause = 0.0 if found else min(longest, 2 * pause or _SHORTEST_POLL)

    def _has_room(self) -> bool:
        return self._stopping.is_set() or self._busy <= self._settings.new_batch_threshold

    def _poll(self) -> int:
        size = self._settings.batch_size
        batch = list(
            self._queue.receive_messages(messages_per_page=size, max_messages=size, visibility_timeout=self._lease)
        )
        with self._changed:
            self._busy += len(batch)
        for message in batch:
            self._workers.submit(self._work, message)
        return len(batch)

    def _work(self, message: QueueMessage) -> None:
        try:
            self._call(message)
        except AzureError as error:
            # Not settled: the message comes back when its lease ends.
            _log.warning("message %s could not be settled: %s", message.id, error)
        finally:
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _call(self, message: QueueMessage) -> None:
        try:
            argument = trigger_argument(message, decode(message.content, self._settings.message_encoding))
        except ValueError as error:
            self._bury(message, str(error))
            return
        with _Renewal(self._queue, message, self._lease):
            result = self._function.run(argument)
        if result.failed:
            self._keep(message)
        else:
            self._delete(message)

    def _keep(self, message: QueueMessage) -> None:
        if (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
            self._bury(message, f"it failed {message.dequeue_count} times")
            return
        timeout = int(self._settings.visibility_timeout)
        self._queue.update_message(message, visibility_timeout=timeout, content=message.content)

    def _bury(self, message: QueueMessage, reason: str) -> None:
        _log.error("message %s goes to %s: %s", message.id, self._poison.queue_name, reason)
        with suppress(ResourceExistsError):
            self._poison.create_queue()
        self._poison.send_message(message.content, time_to_live=_NEVER)
        self._delete(message)

    def _delete(self, message: QueueMessage) -> None:
        try:
            self._queue.delete_message(message)
        except ResourceNotFoundError:
            # Its lease ended and somebody else has it; the function must bear that.
            _log.warning("message %s was delivered again meanwhile", message.id)


class _Renewal:
    """Keeps a message hidden for as long as the block lasts."""

    def __init__(self, queue: QueueClient, message: QueueMessage, lease: int) -> None:
        self._queue = queue
        self._message = message
        self._lease = lease
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._done.wait(self._lease / 3):
            try:
                renewed = self._queue.update_message(
                    self._message, visibility_timeout=self._lease, content=self._message.content
                )
            except AzureError as error:
                _log.warning("message %s could not be renewed: %s", self._message.id, error)
            else:
                self._message.pop_receipt = renewed.pop_receipt


def decode(content: str, encoding: str) -> bytes:
    """Return a message's bytes as the host reads them.

    Raises:
        ValueError: The message is not in the encoding that host.json states.
    """
    if encoding == "none":
        return content.encode()
    try:
        return base64.b64decode(content, validate=True)
    except binascii.Error as error:
        raise ValueError("the message is not base64, as host.json says (extensions.queues.messageEncoding)") from error


def trigger_argument(message: QueueMessage, body: bytes) -> object:
    """Return what the function is called with, made by the SDK's own converter."""
    metadata = {
        "Id": Datum(str(message.id), "string"),
        "PopReceipt": Datum(str(message.pop_receipt), "string"),
        "DequeueCount": Datum(message.dequeue_count, "int"),
        "InsertionTime": Datum(_time(message.inserted_on), "string"),
        "ExpirationTime": Datum(_time(message.expires_on), "string"),
        "NextVisibleTime": Datum(_time(message.next_visible_on), "string"),
    }
    # The host hands text to the worker where it is text, else bytes.
    try:
        data = Datum(body.decode(), "string")
    except UnicodeDecodeError:
        data = Datum(body, "bytes")
    return QueueMessageInConverter.decode(data, trigger_metadata=metadata)


def _time(moment: datetime | None) -> str:
    return moment.isoformat() if moment else ""
