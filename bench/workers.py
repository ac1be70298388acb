"""Function instances that work on large objects, as processes of their own that can be killed at any moment."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from bench import events
from bench.clouds import Clouds, Dialect
from bench.measure import Usage
from bench.queueing import Messages, serve

PATIENCE = 900.0
"""Seconds that a copy may take."""


@dataclass(slots=True)
class Workers:
    """The workers of one source site.

    Args:
        clouds: Where the objects are.
        folder: For fleet files and logs.
        source: The site that they serve.
        target: Where their rule copies to.
        queue: Their queue.
        port: Where they find it.
        threads: Messages that each works on at a time.
        apart: Whether each has a network of its own.
    """

    clouds: Clouds
    folder: Path
    source: str
    target: str
    queue: Messages
    port: int
    threads: int
    apart: bool
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)
    ended: float = 0.0
    """Seconds of processor time that workers took which have ended."""

    def add(self, number: int) -> None:
        """Start one more; it is ready some time later."""
        self.running.append(self._started(number))

    def _started(self, number: int) -> subprocess.Popen[bytes]:
        fleet = self.clouds.describe(self.folder, self.source, [self.target], number + 1 if self.apart else 0)
        env = {**os.environ, "TRADEWIND_FLEET": str(fleet), "TRADEWIND_SITE": self.source}
        command = [sys.executable, "-m", "bench.worker", str(self.port), "--threads", str(self.threads), "--quiet"]
        with (self.folder / f"worker-{number}.log").open("ab") as log:
            return subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stderr=log)

    def replace(self, index: int) -> None:
        """Kill one, as a crash does, and start another in its place."""
        process = self.running[index]
        self.ended += _cpu(process.pid)
        process.send_signal(signal.SIGKILL)
        process.wait()
        self.running[index] = self._started(index)

    def announce(self, dialect: Dialect, key: str, size: int) -> None:
        """Put the event of one object into the queue."""
        body, attributes = events.message(dialect, key, size)
        if attributes:  # as the platform pushes what has them
            body = json.dumps(
                {"specversion": "1.0", "type": events.PUSHED, "id": "1", "data": events.push(body, attributes)}
            )
        self.queue.send(body)

    def cpu(self) -> float:
        """Return the seconds of processor time that all of them have taken."""
        return self.ended + sum(_cpu(process.pid) for process in self.running)

    def copy(self, dialect: Dialect, objects: Mapping[str, int]) -> Usage:
        """Announce objects, sizes by key, and wait until there is nothing left to do."""
        cpu, begin = self.cpu(), time.perf_counter()
        for key, size in objects.items():
            self.announce(dialect, key, size)
        self.queue.wait_until_done(PATIENCE)
        return Usage(time.perf_counter() - begin, self.cpu() - cpu)


@contextmanager
def start(
    clouds: Clouds, folder: Path, source: str, target: str, count: int, *, threads: int = 1, apart: bool = False
) -> Iterator[Workers]:
    """Run `count` workers that are ready (see `Workers`)."""
    with serve() as (queue, port):
        workers = Workers(clouds, folder, source, target, queue, port, threads, apart)
        try:
            for number in range(count):
                workers.add(number)
            queue.wait_until_ready(count)
            yield workers
        finally:
            for process in workers.running:
                process.kill()
                process.wait()


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system
