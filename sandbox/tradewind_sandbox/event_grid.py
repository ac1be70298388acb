"""`python -m tradewind_sandbox.event_grid`: turns Azurite's journal into Event Grid events on a storage queue.

The events have the schema that https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage states, and come
as Event Grid sends them to a queue: one event a message, in base64, at least once, in no particular order.
"""

from __future__ import annotations

import argparse
import base64
import json
import logging
import os
import signal
import threading
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

from azure.core.exceptions import AzureError
from azure.storage.queue import QueueClient

from tradewind_sandbox.journal import Entry, read

_log = logging.getLogger(__name__)
_BATCH = 32
_THREADS = 4
_POLL = 0.05
"""Seconds between two looks at the journal."""
_RETRY = 0.5
"""Seconds to wait when the queue does not answer."""
_UNESCAPED = "/!$&'()*+,;=:@~"
"""Besides letters, digits, `-`, `.` and `_`; https://www.rfc-editor.org/rfc/rfc3986#section-3.3."""
_TOPIC = (
    "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/tradewind"
    "/providers/Microsoft.Storage/storageAccounts/{account}"
)


@dataclass(frozen=True, slots=True)
class Change:
    """What a request did to a blob."""

    account: str
    container: str
    blob: str
    """As the user spelled it (decoded)."""
    api: str
    """As Event Grid names the operation; empty if it announces nothing."""


def change(entry: Entry) -> Change | None:
    """Say which blob a journal's entry speaks of, and what was done to it; None if it speaks of none."""
    url = urlsplit(entry["url"])
    account, _, rest = url.path.removeprefix("/").partition("/")
    container, _, blob = rest.partition("/")
    query = parse_qs(url.query, keep_blank_values=True)
    if not blob or "restype" in query:
        return None
    return Change(account, unquote(container), unquote(blob), _api(entry, query))


def event(entry: Entry, what: Change, sequence: int) -> dict[str, object]:
    """Return the event that Event Grid would send.

    Args:
        entry: The journal's.
        what: What it means.
        sequence: Grows with each event of the account.
    """
    deleted = what.api == "DeleteBlob"
    path = f"{quote(what.container)}/{quote(what.blob, safe=_UNESCAPED)}"
    data: dict[str, object] = {
        "api": what.api,
        "clientRequestId": entry["clientRequestId"],
        "requestId": entry["requestId"],
        "eTag": entry["etag"].strip('"'),
        "contentType": entry["contentType"] or "application/octet-stream",
        "blobType": entry["blobType"] or "BlockBlob",
        "url": f"https://{what.account}.blob.core.windows.net/{path}",
        "sequencer": f"{sequence:032X}",
        "storageDiagnostics": {"batchId": str(uuid.uuid4())},
    }
    # Of a committed block list or a copy the request does not tell the size.
    if what.api == "PutBlob":
        data["contentLength"] = int(entry["contentLength"] or 0)
    return {
        "topic": _TOPIC.format(account=what.account),
        "subject": f"/blobServices/default/containers/{what.container}/blobs/{what.blob}",
        "eventType": f"Microsoft.Storage.Blob{'Deleted' if deleted else 'Created'}",
        "id": str(uuid.uuid4()),
        "data": data,
        "dataVersion": "",
        "metadataVersion": "1",
        "eventTime": entry["time"],
    }


class EventGrid:
    """Follows a journal and announces what concerns one container, until it is stopped.

    The offset up to which everything was announced is kept in a file beside the journal, so that nothing is lost when
    this process ends at any moment; what was announced just before is announced again.
    """

    def __init__(self, journal: Path, container: str, queue: QueueClient) -> None:
        self._journal = journal
        self._container = container
        self._queue = queue
        self._offset_file = offset_file(journal)
        self._offset = announced(journal)
        self._workers = ThreadPoolExecutor(_THREADS)

    def run(self, stopping: threading.Event) -> None:
        """Announce until `stopping` is set."""
        pause = 0.0
        while not stopping.wait(pause):
            batch = list(islice(read(self._journal, self._offset), _BATCH))
            try:
                self._announce(batch)
            except AzureError as error:
                _log.warning("the queue does not answer: %s", error)
                pause = _RETRY
            else:
                pause = 0.0 if batch else _POLL

    def _announce(self, batch: Sequence[tuple[Entry, int]]) -> None:
        if not batch:
            return
        list(self._workers.map(self._send, *zip(*batch, strict=True)))
        self._offset = batch[-1][1]
        scratch = self._offset_file.with_suffix(".new")
        scratch.write_text(str(self._offset))
        scratch.replace(self._offset_file)

    def _send(self, entry: Entry, offset: int) -> None:
        what = change(entry)
        if what is None or not what.api or what.container != self._container:
            return
        text = json.dumps(event(entry, what, offset))
        self._queue.send_message(base64.b64encode(text.encode()).decode())


def offset_file(journal: Path) -> Path:
    """Return where it is kept how much of a journal was announced."""
    return journal.with_suffix(".announced")


def announced(journal: Path) -> int:
    """Return up to which byte a journal was announced."""
    file = offset_file(journal)
    return int(file.read_text()) if file.exists() else 0


def _api(entry: Entry, query: Mapping[str, Sequence[str]]) -> str:
    operation = query.get("comp", [""])[0]
    match entry["method"], operation:
        case "PUT", "":
            return "CopyBlob" if entry["copySource"] else "PutBlob"
        case "PUT", "blocklist":
            return "PutBlockList"
        case "DELETE", "" if "snapshot" not in query:
            return "DeleteBlob"
    return ""


def main() -> None:
    """Announce until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.event_grid", description="Event Grid.")
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--container", required=True)
    parser.add_argument("--queue", required=True)
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("azure.core.pipeline.policies.http_logging_policy").setLevel(logging.WARNING)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    connection = os.environ["TRADEWIND_STORAGE"]
    queue = QueueClient.from_connection_string(
        connection, options.queue, retry_total=0, connection_timeout=2, read_timeout=10
    )
    EventGrid(options.journal, options.container, queue).run(stopping)


if __name__ == "__main__":
    main()
