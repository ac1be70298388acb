"""Uploading at every site at once, and reading what arrives at the others."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from tradewind.checksums import crc32c
from tradewind_sandbox.clients import Client
from tradewind_sandbox.demo.progress import Arrival, Progress

LOOK = 0.1
"""Seconds between two looks at a target."""


@dataclass(slots=True)
class Exchange:
    """A set of files, uploaded once at each site under a prefix of its own.

    Args:
        clients: A client of each site, by the site's name.
        files: The bytes of each file, by its name.
        prefix: What every key starts with, before the site's name.
        progress: Told everything that happens.
    """

    clients: Mapping[str, Client]
    files: Mapping[str, bytes]
    prefix: str
    progress: Progress
    _uploaded: dict[str, float] = field(default_factory=dict)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def key(self, site: str, name: str) -> str:
        """Return the key under which `site`'s copy of a file is uploaded."""
        return f"{self.prefix}{site}/{name}"

    def start(self, executor: ThreadPoolExecutor) -> list[Future[None]]:
        """Start one upload per site and one watch per site; their futures end when all has arrived."""
        uploads = [executor.submit(self._upload, site) for site in self.clients]
        return uploads + [executor.submit(self._watch, site) for site in self.clients]

    def stop(self) -> None:
        """End the watches."""
        self._stopped.set()

    def missing(self) -> list[tuple[str, str, str]]:
        """Return what has not arrived: key, origin, target."""
        arrived = {(arrival.key, arrival.target) for arrival in self.progress.arrivals}
        return [
            (self.key(origin, name), origin, target)
            for origin, target in self.progress.routes()
            for name in self.files
            if (self.key(origin, name), target) not in arrived
        ]

    def _upload(self, site: str) -> None:
        for name, body in self.files.items():
            self.clients[site].put(self.key(site, name), body)
            self._uploaded[self.key(site, name)] = time.monotonic()
            self.progress.uploads[site] = self.progress.uploads.get(site, 0) + 1
            self.progress.uploaded_bytes += len(body)

    def _watch(self, target: str) -> None:
        """Read back every replica at `target` when it is listed."""
        expected = {
            self.key(origin, name): (origin, body)
            for origin in self.clients
            if origin != target
            for name, body in self.files.items()
        }
        while expected and not self._stopped.wait(LOOK):
            for key in self.clients[target].keys(self.prefix) & expected.keys() & self._uploaded.keys():
                origin, body = expected.pop(key)
                self._compare(key, origin, target, body)

    def _compare(self, key: str, origin: str, target: str, body: bytes) -> None:
        found = self.clients[target].get(key)
        delay = (time.monotonic() - self._uploaded[key]) * 1000
        if found != body:
            size = "nothing" if found is None else f"{len(found):,} bytes"
            self.progress.failures.append(f"{key} at {target} differs: {size} instead of {len(body):,} bytes")
            return
        arrival = Arrival(key, origin, target, len(body), f"{crc32c(found):08x}", round(delay, 1))
        self.progress.arrivals.append(arrival)
