"""50 GiB that are generated at the source and counted at the target, and stored nowhere."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from bench import clouds, workers
from bench.cases.large import BLOCK, GIB
from bench.cases.scaling import require_same
from bench.clouds import Dialect, Network
from bench.measure import Memory
from bench.results import Result, less

KEY = "sparse/model.bin"
SOURCE: Dialect = "s3"
TARGET: Dialect = "gcs"
PROCESSES = THREADS = 2
LIMIT = 200e6
"""Bytes of memory that all workers together may take."""


def run(rounds: int, *, quick: bool) -> Result:  # noqa: ARG001 - once is enough: it is about memory, not about time
    """Measure the memory of a copy of an object that no machine here could hold."""
    size = 2 * GIB if quick else 50 * GIB
    result = Result("sparse")
    with (
        tempfile.TemporaryDirectory() as folder,
        clouds.start(Path(folder), Network(discard=True), {SOURCE: SOURCE, TARGET: TARGET}) as local,
    ):
        local.stores[SOURCE].generate(KEY, os.urandom(BLOCK), size)
        for store in local.stores.values():
            store.counts()
        with (
            Memory.watched() as memory,
            workers.start(local, Path(folder), SOURCE, TARGET, PROCESSES, threads=THREADS) as ours,
        ):
            usage = ours.copy(SOURCE, {KEY: size})
        require_same(local, SOURCE, TARGET, KEY)
        requests = {site: local.stores[site].counts()["requests"] for site in (SOURCE, TARGET)}
    result.tables = {
        "bytes": size,
        "seconds": usage.seconds,
        "cpu": usage.cpu,
        "memory": memory.peak,
        "largest": memory.largest,
        "requests": requests,
    }
    name = f"{SOURCE} > {TARGET}, {size / GIB:g} GiB"
    result.rows = [less("sparse", name, "peak memory, MB", memory.peak / 1e6, "allowed", LIMIT / 1e6)]
    return result
