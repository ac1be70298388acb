"""The figures of docs/performance.md."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

OURS, PEER, LINE = "#1f77b4", "#b0b0b0", "#888888"
GIB = 1024**3


def draw(kept: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write a figure for each case that has one and was measured."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only a report pays

    mpl.use("svg")
    # The same numbers give the same file.
    mpl.rcParams.update(
        {"svg.hashsalt": "tradewind", "font.size": 9, "axes.spines.top": False, "axes.spines.right": False}
    )
    folder.mkdir(parents=True, exist_ok=True)
    for case in ("small", "small-near"):
        if case in kept:
            _rates(kept[case], folder / f"{case}.svg")
    if "large" in kept:
        _throughput(kept["large"], folder / "large.svg")
    if "scaling" in kept:
        _scaling(kept["scaling"]["tables"], folder / "scaling.svg")


def _rates(case: Mapping[str, Any], path: Path) -> None:
    tables = case["tables"]
    count, found = tables["objects"], tables["directions"]
    values = {
        program: [count / found[direction][program]["seconds"] for direction in found]
        for program in ("tradewind", "rclone")
    }
    delay = f", {tables['delay']:g} ms a request" if tables["delay"] else ""
    _bars(list(found), values, f"objects a second: {count:,} of 4 KiB{delay}", path)


def _throughput(case: Mapping[str, Any], path: Path) -> None:
    found = case["tables"]
    sizes = {name: float(name.split(", ")[1].removesuffix(" GiB")) * GIB for name in found}
    values = {
        program: [sizes[name] / found[name][program]["seconds"] / 1e6 for name in found]
        for program in ("tradewind", "rclone")
    }
    _bars([name.replace(", ", "\n") for name in found], values, "MB/s of one large object", path)


def _bars(names: Sequence[str], values: Mapping[str, Sequence[float]], title: str, path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - see `draw`

    figure, axes = plt.subplots(figsize=(max(6.0, 0.8 * len(names)), 2.8), layout="constrained")
    for shift, (program, colour) in zip((-0.2, 0.2), (("tradewind", OURS), ("rclone", PEER)), strict=True):
        axes.bar([index + shift for index in range(len(names))], values[program], 0.38, label=program, color=colour)
    axes.set_xticks(range(len(names)), names)
    axes.set_title(title, loc="left")
    axes.legend(frameon=False)
    _save(figure, path)


def _scaling(found: Mapping[str, Any], path: Path) -> None:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - see `draw`

    counts = [int(count) for count in found["speedup"]]
    figure, axes = plt.subplots(figsize=(4.5, 3.2), layout="constrained")
    axes.plot(counts, counts, color=LINE, linestyle="--", label="ideal")
    axes.plot(counts, list(found["speedup"].values()), color=OURS, marker="o", label="tradewind")
    axes.set_xticks(counts)
    axes.set_xlabel(f"workers of {found['rate'] / 1e6:g} MB/s each")
    axes.set_title(f"times as fast as one worker, {found['bytes'] / GIB:g} GiB", loc="left")
    axes.legend(frameon=False)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:  # noqa: ANN401 - matplotlib has no types
    from matplotlib import pyplot as plt  # noqa: PLC0415 - see `draw`

    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
