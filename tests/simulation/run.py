"""Run many seeds of a suite, or show all that happens in one: `python -m simulation.run --help`."""

from __future__ import annotations

import argparse
import gc
import logging
import os
import sys
import time
from collections.abc import Iterator
from functools import partial
from multiprocessing import Pool

from simulation.suites import SUITES, Result

CHUNK = 50
"""Seeds that a process takes at a time."""
SHOWN = 500
"""Lines of the first failing seed's schedule that are shown unasked."""
QUIET = 5.0
"""Seconds between two lines of progress."""


def _failing(suite: str, seed: int) -> Result | None:
    logging.disable(logging.CRITICAL)
    result = SUITES[suite](seed)
    return result if result.failures else None


def _results(suite: str, seeds: range) -> Iterator[Result | None]:
    """Yield the failures in the order of the seeds, on all cores."""
    # A world leaves many cycles behind, up to 0.7 MB. To look for them after every few hundred objects takes a fifth of
    # the time; after 2,000 worlds, next to nothing.
    with Pool(os.cpu_count(), gc.set_threshold, (200_000, 10, 4)) as pool:
        yield from pool.imap(partial(_failing, suite), seeds, chunksize=CHUNK)


def run(suite: str, seeds: range, *, enough: int) -> list[Result]:
    """Run seeds until `enough` of them failed; says how far it is."""
    failures: list[Result] = []
    began = told = time.monotonic()
    done = 0
    for done, failed in enumerate(_results(suite, seeds), start=1):
        if failed:
            failures.append(failed)
            print(f"seed {failed.seed}: {failed.failures[0]}", flush=True)
        if len(failures) >= enough:
            break
        if time.monotonic() - told > QUIET:
            told = time.monotonic()
            print(f"{done:,} of {len(seeds):,} seeds, {len(failures)} failed", file=sys.stderr, flush=True)
    took = time.monotonic() - began
    print(
        f"{suite}: {done:,} seeds from {seeds.start} in {took:.0f} s on {os.cpu_count()} cores, {len(failures)} failed"
    )
    return failures


def show(suite: str, result: Result, *, most: int) -> None:
    """Print what happened under one seed, what was wrong with it, and how to see it again."""
    print(f"\nseed {result.seed}: {result.world}")
    for number, line in enumerate(result.schedule[:most], start=1):
        print(f"{number:5} {line}")
    if len(result.schedule) > most:
        print(f"      and {len(result.schedule) - most:,} more")
    for failure in result.failures:
        print(f"FAILED {failure}")
    print(f"replay: make simulate SUITE={suite} SEED={result.seed}")


def main() -> int:
    """Parse the command line, and return 1 if a seed failed."""
    parser = argparse.ArgumentParser(prog="make simulate", description=__doc__)
    parser.add_argument("--suite", choices=sorted(SUITES), default="replication")
    parser.add_argument("--seeds", type=int, default=1000, help="how many")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="show this one only")
    parser.add_argument("--failures", type=int, default=5, help="stop after so many failed")
    chosen = parser.parse_args()
    if chosen.seed is not None:
        logging.disable(logging.CRITICAL)
        result = SUITES[chosen.suite](chosen.seed)
        show(chosen.suite, result, most=len(result.schedule))
        return 1 if result.failures else 0
    failures = run(chosen.suite, range(chosen.first, chosen.first + chosen.seeds), enough=chosen.failures)
    if failures:
        show(chosen.suite, failures[0], most=SHOWN)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
