"""Loading the model out of the site's own bucket, whenever it is another one there."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from pathlib import Path

from tradewind.checksums import crc32c
from tradewind_sandbox.clients import Client
from tradewind_sandbox.names import MODEL
from tradewind_sandbox.serving.classifier import Classifier
from tradewind_sandbox.serving.shipped import SERVED

_log = logging.getLogger(__name__)
WAITING, LOADED = 0.5, 2.0
"""Seconds between two looks into the bucket: while there is no model, and when there is one."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory, and which objects it is."""

    classifier: Classifier
    versions: dict[str, str]
    """Of the objects that it was loaded from, by key."""
    crc32c: str
    """Of the network's bytes: eight hexadecimal digits."""


class Loader:
    """Keeps the model in memory that is in a bucket.

    A bucket that is away changes nothing for a server that has its model: that is what it has it for.

    Args:
        client: Of the site.
        folder: Where the model's files are kept while it is loaded.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._folder = folder
        self._complaint = ""
        self.now: Loaded | None = None

    def run(self, stopping: threading.Event) -> None:
        """Look again and again until `stopping` is set."""
        while True:
            self.look()
            if stopping.wait(WAITING if self.now is None else LOADED):
                return

    def look(self) -> None:
        """Look into the bucket once, and load what is new there."""
        try:
            found = self._client.versions(MODEL)
            wanted = {key: found[key] for key in (MODEL + name for name in SERVED) if key in found}
            if len(wanted) == len(SERVED) and (self.now is None or self.now.versions != wanted):
                self.now = self._load(wanted)
                _log.info("loaded %s", wanted)
            self._complaint = ""
        except Exception as error:  # noqa: BLE001 - of three SDKs and a runtime: the server goes on with what it has
            self._complain(f"{type(error).__name__}: {error}")

    def _load(self, versions: dict[str, str]) -> Loaded:
        """Read the model's objects and load them. One that changes meanwhile is seen by the next look."""
        self._folder.mkdir(parents=True, exist_ok=True)
        bodies = {}
        for name in SERVED:
            body = self._client.get(MODEL + name)
            if body is None:
                raise FileNotFoundError(MODEL + name)
            (self._folder / name).write_bytes(body)
            bodies[name] = body
        return Loaded(Classifier(self._folder), versions, f"{crc32c(bodies[SERVED[-1]]):08x}")

    def _complain(self, what: str) -> None:
        """Log a complaint, once for as long as it stays the same."""
        if what != self._complaint:
            _log.warning("the model could not be looked for: %s", what)
        self._complaint = what
