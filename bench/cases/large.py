"""One large object, each direction."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import clouds, prices, workers
from bench.clouds import BUCKET, CONTROL, DIRECTIONS, Clouds, Dialect
from bench.measure import Memory, Usage, middle
from bench.peers import Rclone
from bench.results import Result, less, more

GIB = 1024**3
BLOCK = 509 * 1024 * 1024
"""Bytes that the source repeats; a prime number of MiB, so that no two parts are alike and none can be mistaken."""
KEY = "large/model.bin"
PROGRAMS = ("tradewind", "rclone")
PROCESSES, THREADS = 2, 2
STREAMS = str(PROCESSES * THREADS)


LONG: Sequence[tuple[Dialect, Dialect]] = (("s3", "gcs"), ("gcs", "s3"))
"""Directions of the 8 GiB."""
LONG_ROUNDS = 3
"""Turns of these, at most."""


@dataclass(frozen=True, slots=True)
class Work:
    """Objects of one size."""

    size: int
    rounds: int
    directions: Sequence[tuple[Dialect, Dialect]]


class _Contest:
    """Both programs in one direction."""

    def __init__(self, local: Clouds, folder: Path, direction: tuple[Dialect, Dialect], size: int) -> None:
        self.local, self.folder, self.size = local, folder, size
        self.source, self.target = direction

    def turn(self, program: str) -> tuple[Usage, Mapping[Dialect, Mapping[str, Any]]]:
        """Copy the object, and require that it arrived."""
        target = self.local.stores[self.target]
        for store in self.local.stores.values():
            store.clear(bucket=CONTROL)
        target.clear()
        sites: tuple[Dialect, Dialect] = (self.source, self.target)
        for site in sites:
            self.local.stores[site].counts()
        if program == "rclone":
            place = f"{BUCKET}/{KEY}"
            streams = ("--multi-thread-streams", STREAMS)
            usage = Rclone(self.local)("copyto", *streams, f"{self.source}:{place}", f"{self.target}:{place}")
        else:
            with workers.start(self.local, self.folder, self.source, self.target, PROCESSES, threads=THREADS) as ours:
                usage = ours.copy(self.source, {KEY: self.size})
        counts = {site: self.local.stores[site].counts() for site in sites}
        if self.local.stores[self.source].digests(KEY) != target.digests(KEY):
            raise SystemExit(f"{self.source} > {self.target}: {program} brought other bytes")
        return usage, counts


def _measure(contest: _Contest, rounds: int) -> Mapping[str, Mapping[str, Any]]:
    timed: dict[str, list[Usage]] = {program: [] for program in PROGRAMS}
    found: dict[str, dict[str, Any]] = {}
    contest.turn(PROGRAMS[0])  # not measured: here the stores get from the kernel the memory that later turns use again
    for _ in range(rounds if rounds > 1 else 0):
        for program in PROGRAMS:
            timed[program].append(contest.turn(program)[0])
    for program in PROGRAMS:
        with Memory.watched() as memory:
            usage, counts = contest.turn(program)
        if rounds == 1:  # what takes minutes is not done twice, though watching takes a little of the time
            timed[program].append(usage)
        usage = middle(timed[program])
        found[program] = {
            "seconds": usage.seconds,
            "each": [each.seconds for each in timed[program]],
            "cpu": usage.cpu,
            "memory": memory.peak,
            "largest": memory.largest,
            "requests": {name: count for told in counts.values() for name, count in told["requests"].items()},
            "dollars": prices.dollars(counts),
        }
    return found


def compare(works: Sequence[Work]) -> Result:
    """Copy one object at a time by each program, in turns."""
    result = Result("large", works[0].rounds)
    case, block = result.case, os.urandom(BLOCK)
    with tempfile.TemporaryDirectory() as folder, clouds.start(Path(folder)) as local:
        for work in works:
            size, rounds = work.size, work.rounds
            for direction in work.directions:
                for store in local.stores.values():
                    store.clear()
                local.stores[direction[0]].generate(KEY, block, size)
                name = f"{direction[0]} > {direction[1]}, {size / GIB:g} GiB"
                found = _measure(_Contest(local, Path(folder), direction, size), rounds)
                result.tables[name] = found
                us, peer = found["tradewind"], found["rclone"]
                result.rows += [
                    more(case, name, "MB/s", size / us["seconds"] / 1e6, "rclone", size / peer["seconds"] / 1e6),
                    less(case, name, "CPU s per GB", us["cpu"] / size * 1e9, "rclone", peer["cpu"] / size * 1e9),
                    less(case, name, "peak memory, MB", us["memory"] / 1e6, "rclone", peer["memory"] / 1e6),
                    less(
                        case, name, "peak memory of one process, MB",
                        us["largest"] / 1e6, "rclone", peer["largest"] / 1e6,
                    ),
                ]  # fmt: skip
    return result


def run(rounds: int, *, quick: bool, directions: Sequence[tuple[Dialect, Dialect]] = DIRECTIONS) -> Result:
    """Measure 1 GiB in every direction, and 8 GiB in some, which takes long."""
    if quick:
        return compare([Work(GIB // 2, 1, directions)])
    few = [direction for direction in LONG if direction in directions]
    return compare([Work(GIB, rounds, directions), Work(8 * GIB, min(rounds, LONG_ROUNDS), few)])
