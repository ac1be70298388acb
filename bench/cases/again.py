"""A checkpoint folder that is uploaded again under a new prefix, three of its four shards unchanged."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bench import clouds, prices, workers
from bench.clouds import CONTROL, DIRECTIONS, Clouds, Dialect, Network
from bench.peers import Rclone
from bench.results import Result, less

SHARDS, SIZE = 4, 48 * 1024 * 1024
PROCESSES, THREADS = 2, 4
PROGRAMS = ("tradewind", "rclone")


def run(rounds: int, *, quick: bool) -> Result:  # noqa: ARG001 - bytes are counted, and are the same every time
    """Measure which share of the second folder's bytes crosses the clouds."""
    result = Result("again")
    with tempfile.TemporaryDirectory() as name, clouds.start(Path(name), Network(summed=1024)) as local:
        folder = Path(name)
        before, after = _folders(folder, SIZE // 3 if quick else SIZE)
        for source, target in DIRECTIONS[:1] if quick else DIRECTIONS:
            direction = f"{source} > {target}"
            found = {each: _second(local, folder, each, (source, target), (before, after)) for each in PROGRAMS}
            result.tables[direction] = found
            us, peer = found["tradewind"], found["rclone"]
            result.rows += [
                less("again", direction, "share of bytes sent", us["share"], "rclone", peer["share"]),
                less("again", direction, "egress dollars per TB uploaded", us["egress"], "rclone", peer["egress"]),
            ]
    return result


def _folders(folder: Path, size: int) -> tuple[Path, Path]:
    """Write two checkpoints, of which the second has one other shard."""
    made = folder / "step-1", folder / "step-2"
    shards = [os.urandom(size) for _ in range(SHARDS)]
    for path in made:
        path.mkdir()
        for number, shard in enumerate(shards):
            (path / f"shard-{number:05d}.bin").write_bytes(shard)
        (path / "config.json").write_text(json.dumps({"step": path.name}))
        shards[-1] = os.urandom(size)
    return made


def _second(
    local: Clouds, folder: Path, program: str, direction: tuple[Dialect, Dialect], steps: tuple[Path, Path]
) -> Mapping[str, Any]:
    """Copy the first checkpoint, then the second, and return what the second cost."""
    source, target = direction
    for store in local.stores.values():
        store.clear()
        store.clear(bucket=CONTROL)
    rclone = Rclone(local)
    with workers.start(local, folder, source, target, PROCESSES, threads=THREADS) as ours:
        for step in steps:
            rclone.upload(step, source, step.name)
            local.stores[target].counts()
            if program == "rclone":
                rclone.copy(source, target, step.name)
            else:
                ours.copy(source, {f"{step.name}/{path.name}": path.stat().st_size for path in sorted(step.iterdir())})
            received = local.stores[target].counts()["received"]
            if local.stores[source].digests(f"{step.name}/") != local.stores[target].digests(f"{step.name}/"):
                raise SystemExit(f"{source} > {target}: {program} brought other bytes of {step.name}")
    size = sum(path.stat().st_size for path in steps[-1].iterdir())
    share = received / size
    return {"share": share, "received": received, "bytes": size, "egress": share * prices.egress(source, 10**12)}
