"""What large copies survive: workers that are killed, and a source that is replaced in the middle."""

from __future__ import annotations

import os
import random
import tempfile
import threading
from pathlib import Path
from statistics import median
from typing import Any

from bench import clouds, workers
from bench.cases.large import BLOCK, GIB
from bench.clouds import CONTROL, Clouds, Dialect, Network
from bench.results import Result, less, more

EVERY = 2.0
"""Seconds between two deaths."""
WORKERS = 8
RATE = 40.0
KEY = "faults/model.bin"
SOURCE: Dialect = "s3"
TARGET: Dialect = "gcs"
ALLOWED = 0.15
"""Share of the bytes that may be sent twice."""


def run(rounds: int, *, quick: bool) -> Result:
    """Measure what faults cost, and require that they do no harm."""
    size = GIB if quick else 4 * GIB
    result = Result("faults", min(rounds, 2))
    network = Network(workers=WORKERS, pace=RATE)
    with (
        tempfile.TemporaryDirectory() as name,
        clouds.start(Path(name), network, {SOURCE: SOURCE, TARGET: TARGET}) as local,
    ):
        folder, blocks = Path(name), (os.urandom(BLOCK), os.urandom(BLOCK))
        local.stores[SOURCE].generate(KEY, blocks[0], size)
        killed = [_kill(local, folder, size) for _ in range(min(rounds, 2))]
        twice = median(each["twice"] for each in killed)
        replaced = [_replace(local, folder, size // 2, blocks) for _ in range(min(rounds, 2))]
    direction = f"{SOURCE} > {TARGET}"
    result.tables = {"bytes": size, "workers": WORKERS, "every": EVERY, "killed": killed, "replaced": replaced}
    result.rows = [
        less("faults", direction, "share of bytes sent twice, a worker killed every 2 s", twice, "allowed", ALLOWED),
        more(
            "faults",
            direction,
            "copies that were right after their source was replaced",
            len(replaced),
            "begun",
            len(replaced),
        ),
    ]
    return result


def _kill(local: Clouds, folder: Path, size: int) -> dict[str, Any]:
    """Copy while a random worker is killed again and again, each replaced by another."""
    _forget(local)
    ended, deaths = threading.Event(), 0
    with workers.start(local, folder, SOURCE, TARGET, WORKERS, apart=True) as ours:

        def reap() -> None:
            nonlocal deaths
            while not ended.wait(EVERY):
                ours.replace(random.randrange(len(ours.running)))  # noqa: S311 - a fault, not a secret
                deaths += 1

        reaper = threading.Thread(target=reap)
        reaper.start()
        try:
            seconds = ours.copy(SOURCE, {KEY: size}).seconds
        finally:
            ended.set()
            reaper.join()
        redelivered = ours.queue.redelivered
    received = local.stores[TARGET].counts()["received"]
    _require_equal(local)
    return {"seconds": seconds, "deaths": deaths, "redelivered": redelivered, "twice": max(0, received - size) / size}


def _replace(local: Clouds, folder: Path, size: int, blocks: tuple[bytes, bytes]) -> dict[str, Any]:
    """Replace the source in the middle of a copy, and announce that as its store would."""
    _forget(local)
    source = local.stores[SOURCE]
    source.generate(KEY, blocks[0], size)
    with workers.start(local, folder, SOURCE, TARGET, WORKERS, apart=True) as ours:
        middle = size / (WORKERS * RATE * 1e6) / 2

        def change() -> None:
            source.generate(KEY, blocks[1], size)
            ours.announce(SOURCE, KEY, size)

        timer = threading.Timer(middle, change)
        timer.start()
        seconds = ours.copy(SOURCE, {KEY: size}).seconds
        timer.join()
    received = local.stores[TARGET].counts()["received"]
    _require_equal(local)
    source.generate(KEY, blocks[0], size)
    return {"seconds": seconds, "received": received, "size": size}


def _forget(local: Clouds) -> None:
    for store in local.stores.values():
        store.clear(bucket=CONTROL)
        store.counts()
    local.stores[TARGET].clear()


def _require_equal(local: Clouds) -> None:
    source, target = (local.stores[site].digests(KEY) for site in (SOURCE, TARGET))
    if source != target:
        raise SystemExit(f"{SOURCE} > {TARGET}: the target does not hold what the source does")
