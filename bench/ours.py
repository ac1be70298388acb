"""tradewind as it is measured: function processes that are handed messages."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import events
from bench.clouds import Clouds, Dialect
from bench.measure import Usage


@contextmanager
def function(
    clouds: Clouds,
    folder: Path,
    source: Dialect,
    targets: Sequence[str],
    objects: Mapping[str, int],
    *,
    warm: int,
    threads: int,
    processes: int,
) -> Iterator[subprocess.Popen[str]]:
    """Run a function's process that is ready to work off one message for each of `objects` (sizes by key).

    Args:
        clouds: Where the objects are.
        folder: For the fleet file and the messages.
        source: The site that the function serves.
        targets: Where to.
        objects: What is announced, in order; the first `warm` of them are worked off before it is ready.
        warm: See `objects`.
        threads: Messages at a time, of all processes together.
        processes: Among which the messages are shared.
    """
    fleet = clouds.describe(folder, source, targets)
    messages = folder / "messages"
    messages.write_text("\n".join(json.dumps(events.message(source, key, size)) for key, size in objects.items()))
    command = [sys.executable, "-m", "bench.function", str(messages), "--warm", str(warm)]
    command += ["--threads", str(threads), "--processes", str(processes)]
    env = {**os.environ, "TRADEWIND_FLEET": str(fleet), "TRADEWIND_SITE": source}
    process = subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        _line(process)
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()


def go(process: subprocess.Popen[str]) -> Usage:
    """Let a function's process work, and return what that took."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    told = json.loads(_line(process))
    return Usage(told["seconds"], told["cpu"])


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    if not (line := process.stdout.readline()):
        raise SystemExit(f"the function's process ended with {process.wait()}")
    return line
