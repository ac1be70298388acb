"""Time, processor time and memory of a program and of all that it starts."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

INTERVAL = 0.05
"""Seconds between two looks at memory."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a program took."""

    seconds: float
    cpu: float
    """Seconds of processor time, of the program and of what it started."""


def run(command: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None) -> Usage:
    """Run a program to its end.

    Raises:
        SystemExit: It failed; with what it said.
    """
    begin = time.perf_counter()
    process = subprocess.Popen(command, env=env, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    with process.stdout or open(os.devnull) as output:  # noqa: PTH123 - there is a pipe, which mypy does not know
        said = output.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{said[-4000:]}")
    return Usage(time.perf_counter() - begin, used.ru_utime + used.ru_stime)


class Memory:
    """The most memory that the children of this process held at one moment, as long as this watches.

    Pages that several of them share are counted once; those that others on the machine share with them, too. Looking
    takes processor time, so what is timed is not watched, and the other way round.
    """

    def __init__(self, skip: Sequence[int]) -> None:
        self._skip = frozenset(skip)
        self._ended = threading.Event()
        self.peak = 0
        """Bytes."""
        self.largest = 0
        """Bytes of the largest single process, shared pages included."""

    def _watch(self) -> None:
        here = psutil.Process()
        while not self._ended.wait(INTERVAL):
            found: list[tuple[int, int]] = []
            for child in here.children():
                with suppress(psutil.Error):
                    if child.pid not in self._skip:
                        found += [self._of(each.pid) for each in (child, *child.children(recursive=True))]
            # Their own pages, and the files that they have mapped, which are the same programs and libraries.
            own, files = (list(column) for column in zip(*found, strict=True)) if found else ([0], [0])
            self.peak = max(self.peak, sum(own) + max(files))

    def _of(self, pid: int) -> tuple[int, int]:
        """Return the bytes of a process's own pages, each divided by who shares it, and of mapped files."""
        try:
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # it has ended
            return 0, 0
        found = {line.split()[0]: int(line.split()[1]) * 1024 for line in lines[1:]}
        self.largest = max(self.largest, found.get("Rss:", 0))
        return found.get("Pss_Anon:", 0), found.get("Rss:", 0) - found.get("Anonymous:", 0)

    @classmethod
    @contextmanager
    def watched(cls) -> Iterator[Memory]:
        """Watch what is started in the block."""
        memory = cls([child.pid for child in psutil.Process().children()])
        thread = threading.Thread(target=memory._watch, daemon=True)
        thread.start()
        try:
            yield memory
        finally:
            memory._ended.set()
            thread.join()


def middle(usages: Sequence[Usage]) -> Usage:
    """Return the medians."""
    return Usage(median(each.seconds for each in usages), median(each.cpu for each in usages))
