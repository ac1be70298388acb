"""Many objects at once, each direction: small ones, and the files of a real model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import clouds, ours, prices, workers
from bench.clouds import DIRECTIONS, Clouds, Dialect, Network
from bench.measure import Memory, Usage, middle
from bench.peers import Rclone
from bench.results import Result, less, more

AT_ONCE = 16
"""Objects that each program copies at a time."""
WARM = 32
PROGRAMS = ("tradewind", "rclone")
_TUNED = ("--transfers", str(AT_ONCE), "--checkers", str(AT_ONCE))


@dataclass(slots=True)
class Contest:
    """Both programs in one direction.

    Args:
        local: The stores.
        folder: For files of a run.
        sizes: Bytes of each object, by its key.
        processes: Function processes.
        queued: Hand the messages over by a queue, to which the functions can send part tasks, too.
    """

    local: Clouds
    folder: Path
    sizes: Mapping[str, int]
    processes: int
    queued: bool = False

    def prepare(self, direction: tuple[Dialect, Dialect], files: Path) -> None:
        """Put the objects at the source; the target is empty."""
        for store in self.local.stores.values():
            store.clear()
            store.clear(bucket=clouds.CONTROL)
        rclone = Rclone(self.local)
        rclone.upload(files, direction[0], "data")
        with tempfile.TemporaryDirectory(dir=self.folder) as warm:
            for number in range(WARM):
                Path(warm, f"{number:02d}").write_bytes(os.urandom(1024))
            rclone.upload(Path(warm), direction[0], "warm")

    @contextmanager
    def turn(self, program: str, direction: tuple[Dialect, Dialect]) -> Iterator[Any]:
        """Make `program` ready; yields what makes it copy everything."""
        source, target = direction
        for each in (self.local.stores[source], self.local.stores[target]):
            each.clear(bucket=clouds.CONTROL)
        self.local.stores[target].clear()
        if program == "rclone":
            yield lambda: Rclone(self.local).copy(source, target, "data", *_TUNED)
            return
        announced = {f"warm/{number:02d}": 1024 for number in range(WARM)}
        if self.queued:
            with workers.start(
                self.local, self.folder, source, target, self.processes, threads=AT_ONCE // self.processes
            ) as ready:
                ready.copy(source, announced)
                yield lambda: ready.copy(source, {f"data/{key}": size for key, size in self.sizes.items()})
            return
        announced |= {f"data/{key}": size for key, size in self.sizes.items()}
        with ours.function(
            self.local, self.folder, source, [target], announced,
            warm=WARM, threads=AT_ONCE, processes=self.processes,
        ) as process:  # fmt: skip
            yield lambda: ours.go(process)

    def require_equal(self, direction: tuple[Dialect, Dialect]) -> None:
        """Compare every byte at the target with the source's.

        Raises:
            SystemExit: They differ.
        """
        source, target = (self.local.stores[site].digests("data/") for site in direction)
        if source != target or len(source) != len(self.sizes):
            raise SystemExit(f"{direction}: the target does not hold what the source does")


def _measure(contest: Contest, direction: tuple[Dialect, Dialect], rounds: int) -> Mapping[str, Mapping[str, Any]]:
    timed: dict[str, list[Usage]] = {program: [] for program in PROGRAMS}
    for _ in range(rounds):
        for program in PROGRAMS:
            with contest.turn(program, direction) as copy:
                timed[program].append(copy())
            contest.require_equal(direction)
    found: dict[str, dict[str, Any]] = {}
    for program in PROGRAMS:  # once more, not timed: what each requests, and its memory
        with Memory.watched() as memory, contest.turn(program, direction) as copy:
            for site in direction:
                contest.local.stores[site].counts()
            copy()
        counts: dict[Dialect, Mapping[str, Any]] = {site: contest.local.stores[site].counts() for site in direction}
        usage = middle(timed[program])
        requests = {name: count for site in direction for name, count in counts[site]["requests"].items()}
        found[program] = {
            "seconds": usage.seconds,
            "each": [each.seconds for each in timed[program]],
            "cpu": usage.cpu,
            "memory": memory.peak,
            "requests": requests,
            "per_object": sum(requests.values()) / len(contest.sizes),
            "dollars": prices.dollars(counts),
        }
    return found


def compare(
    case: str, files: Path, rounds: int, directions: Sequence[tuple[Dialect, Dialect]] = DIRECTIONS,
    *, network: Network = clouds.NEAR, processes: int = 2, queued: bool = False,
) -> Result:  # fmt: skip
    """Copy a folder's files in each direction by each program, in turns."""
    result = Result(case, rounds)
    sizes = {str(path.relative_to(files)): path.stat().st_size for path in files.rglob("*") if path.is_file()}
    count, size = len(sizes), sum(sizes.values())
    with tempfile.TemporaryDirectory() as folder, clouds.start(Path(folder), network) as local:
        contest = Contest(local, Path(folder), sizes, processes, queued)
        for direction in directions:
            contest.prepare(direction, files)
            found = _measure(contest, direction, rounds)
            name = f"{direction[0]} > {direction[1]}"
            result.tables[name] = found
            us, peer = found["tradewind"], found["rclone"]
            cpu, cpu_peer = us["cpu"] / count * 1e3, peer["cpu"] / count * 1e3
            result.rows += [
                more(case, name, "objects/s", count / us["seconds"], "rclone", count / peer["seconds"]),
                less(case, name, "CPU s per 1,000 objects", cpu, "rclone", cpu_peer),
                less(case, name, "CPU s per GB", us["cpu"] / size * 1e9, "rclone", peer["cpu"] / size * 1e9),
                less(case, name, "peak memory, MB", us["memory"] / 1e6, "rclone", peer["memory"] / 1e6),
                less(case, name, "requests per object", us["per_object"], "rclone", peer["per_object"]),
                less(
                    case, name, "request dollars per million objects",
                    us["dollars"] / count * 1e6, "rclone", peer["dollars"] / count * 1e6,
                ),
            ]  # fmt: skip
    result.tables = {"objects": count, "bytes": size, "delay": network.delay, "directions": result.tables}
    return result
