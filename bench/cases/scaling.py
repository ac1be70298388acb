"""One large object moved by 1 to 16 workers, each behind a network of its own."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from statistics import median

from bench import clouds, workers
from bench.cases.large import BLOCK, GIB
from bench.clouds import CONTROL, Dialect, Network
from bench.results import Result, more

COUNTS = (1, 2, 4, 8, 16)
RATE = 40.0
"""MB/s in each direction that one worker's network carries, as a function's does."""
KEY = "scaling/model.bin"
SOURCE: Dialect = "s3"
TARGET: Dialect = "gcs"
THREADS = 2
"""Parts that a worker has in hand, so that its network is not idle between two of them."""


def run(rounds: int, *, quick: bool) -> Result:
    """Measure how much faster more workers are."""
    size, counts = (GIB // 4, (1, 4)) if quick else (2 * GIB, COUNTS)
    result = Result("scaling", min(rounds, 2))
    network = Network(workers=max(counts), pace=RATE, discard=True)
    seconds: dict[int, list[float]] = {count: [] for count in counts}
    with (
        tempfile.TemporaryDirectory() as folder,
        clouds.start(Path(folder), network, {SOURCE: SOURCE, TARGET: TARGET}) as local,
    ):
        local.stores[SOURCE].generate(KEY, os.urandom(BLOCK), size)
        for _ in range(min(rounds, 2)):
            for count in counts:
                seconds[count].append(_copy(local, Path(folder), size, count))
    found = {count: median(each) for count, each in seconds.items()}
    result.tables = {
        "bytes": size,
        "rate": RATE * 1e6,
        "seconds": found,
        "each": seconds,
        "speedup": {count: found[1] / took for count, took in found.items()},
    }
    name = f"{SOURCE} > {TARGET}, {size / GIB:g} GiB"
    for count in counts[1:]:
        result.rows.append(
            more("scaling", name, f"times as fast with {count} workers", found[1] / found[count], "ideal line", count)
        )
    return result


def _copy(local: clouds.Clouds, folder: Path, size: int, count: int) -> float:
    for store in local.stores.values():
        store.clear(bucket=CONTROL)
    local.stores[TARGET].clear()
    with workers.start(local, folder, SOURCE, TARGET, count, threads=THREADS, apart=True) as ours:
        took = ours.copy(SOURCE, {KEY: size}).seconds
    require_same(local, SOURCE, TARGET, KEY)
    return took


def require_same(local: clouds.Clouds, source: str, target: str, key: str) -> None:
    """Compare size and CRC-32C of what arrived, where the target keeps no bytes.

    Raises:
        SystemExit: They differ.
    """
    found = [local.stores[site].ask("checksum", bucket=clouds.BUCKET, key=key) for site in (source, target)]
    if found[0] != found[1]:
        raise SystemExit(f"{source} > {target}: {found[0]} became {found[1]}")
