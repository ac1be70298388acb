"""Run the cases, each as often as `--rounds` says, and write what they found."""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import report, results
from bench.cases import again, cold, delay, faults, large, others, scaling, small, sparse
from bench.results import Result

CASES: Mapping[str, Callable[..., Result]] = {
    "small": small.far,
    "small-near": small.near,
    "model": small.model,
    "large": large.run,
    "scaling": scaling.run,
    "faults": faults.run,
    "sparse": sparse.run,
    "again": again.run,
    "delay": delay.run,
    "cold": cold.run,
    "others": others.run,
}

DIRECTED = ("small", "small-near", "large")


def main() -> None:
    """Run."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="turns of each program, of which the median counts")
    parser.add_argument("--cases", default=",".join(CASES), help="which, by commas; the default is all of them")
    parser.add_argument(
        "--quick", action="store_true", help="one turn of everything, on less data: does it work at all?"
    )
    parser.add_argument("--directions", help='of small and large objects, as in "s3>gcs,gcs>azure"; the default is all')
    parser.add_argument("--processes", type=int, help="of functions that work on small objects")
    parser.add_argument("--no-report", action="store_true", help="leave docs/performance.md as it is")
    options = parser.parse_args()
    rounds = 1 if options.quick else options.rounds
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that no store is left behind
    console = Console()
    for name in options.cases.split(","):
        begin = time.perf_counter()
        more: dict[str, Any] = {}
        if options.processes and name.startswith("small"):
            more["processes"] = options.processes
        if options.directions and name in DIRECTED:
            more["directions"] = [tuple(each.split(">")) for each in options.directions.split(",")]
        result = CASES[name](rounds, quick=options.quick, **more)
        result.save()
        _show(console, result, time.perf_counter() - begin)
    results.summarise()
    if not options.quick and not options.no_report:
        report.write()


def _show(console: Console, result: Result, seconds: float) -> None:
    table = Table(
        "direction", "metric", "tradewind", "peer", "value", "ratio", title=f"{result.case} ({seconds:.0f} s)"
    )
    for row in result.rows:
        shown = f"{row.ours:,.3g}", row.peer, f"{row.peer_value:,.3g}", f"{row.ratio:.2f}"
        table.add_row(row.direction, row.metric, *shown)
    console.print(table)


if __name__ == "__main__":
    main()
