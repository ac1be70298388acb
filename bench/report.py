"""docs/performance.md: its words are people's, its tables and figures are made of what the cases found last."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import plots, results

PAGE = Path("docs/performance.md")
FIGURES = Path("docs/performance")
_TABLE = re.compile(r"(<!-- table: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
GIB = 1024**3
Kept = Mapping[str, Any]


def write() -> None:
    """Bring the page's tables and figures up to what was found last; of cases that never ran, they stay."""
    kept = results.kept()

    def table(found: re.Match[str]) -> str:
        case = kept.get(found[2])
        made = TABLES[found[2]](case) if case is not None else None
        return found[0] if made is None else f"{found[1]}{made}\n{found[3]}"

    PAGE.write_text(_TABLE.sub(table, PAGE.read_text()))
    plots.draw(kept, FIGURES)


def _grid(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _against(ours: float, peer: float, pattern: str = ",.0f", *, less: bool = False) -> list[str]:
    ratio = (peer / ours if less else ours / peer) if ours and peer else 0.0
    shown = f"**{ratio:.2f}**" if ratio < 1 else f"{ratio:.2f}"
    return [f"{ours:{pattern}}", f"{peer:{pattern}}", shown]


def _many(case: Kept) -> str:
    tables = case["tables"]
    count = tables["objects"]
    heads = [
        "direction",
        "objects/s",
        "rclone",
        "ratio",
        "CPU s / 1,000",
        "rclone",
        "ratio",
        "peak MB",
        "rclone",
        "ratio",
    ]
    rows = []
    for name, found in tables["directions"].items():
        us, peer = found["tradewind"], found["rclone"]
        rows.append(
            [
                name,
                *_against(count / us["seconds"], count / peer["seconds"]),
                *_against(us["cpu"] / count * 1e3, peer["cpu"] / count * 1e3, ".2f", less=True),
                *_against(us["memory"] / 1e6, peer["memory"] / 1e6, ",.0f", less=True),
            ]
        )
    return f"{_machine(case)}\n\n{_grid(heads, rows)}\n\n{_requests(count, tables['directions'])}"


def _requests(count: int, directions: Kept) -> str:
    heads = ["direction", "requests an object", "rclone", "$ / million", "rclone", "tradewind's requests", "rclone's"]
    rows = []
    for name, found in directions.items():
        us, peer = found["tradewind"], found["rclone"]
        each = [", ".join(f"{n:,} {call}" for call, n in one["requests"].items()) for one in (us, peer)]
        dollars = [f"{one['dollars'] / count * 1e6:.2f}" for one in (us, peer)]
        counts = [f"{one['per_object']:.2f}" for one in (us, peer)]
        rows.append([name, *counts, *dollars, *each])
    return _grid(heads, rows)


def _large(case: Kept) -> str:
    heads = [
        "object",
        "MB/s",
        "rclone",
        "ratio",
        "CPU s / GB",
        "rclone",
        "ratio",
        "peak MB",
        "rclone",
        "largest process",
    ]
    rows = []
    for name, found in case["tables"].items():
        us, peer = found["tradewind"], found["rclone"]
        size = float(name.split(", ")[1].removesuffix(" GiB")) * GIB
        memory = [f"{us['memory'] / 1e6:,.0f}", f"{peer['memory'] / 1e6:,.0f}", f"{us['largest'] / 1e6:,.0f}"]
        speed = _against(size / us["seconds"] / 1e6, size / peer["seconds"] / 1e6)
        rows.append(
            [name, *speed, *_against(us["cpu"] / size * 1e9, peer["cpu"] / size * 1e9, ".2f", less=True), *memory]
        )
    return f"{_machine(case)}\n\n{_grid(heads, rows)}"


def _scaling(case: Kept) -> str:
    found = case["tables"]
    rows = [
        [count, f"{seconds:.2f}", f"{found['speedup'][count]:.2f}", f"{found['speedup'][count] / int(count):.0%}"]
        for count, seconds in found["seconds"].items()
    ]
    return f"{_machine(case)}\n\n{_grid(['workers', 'seconds', 'times as fast as one', 'of the ideal'], rows)}"


def _faults(case: Kept) -> str:
    found = case["tables"]
    rows = [
        [
            "a worker killed every 2 s",
            f"{each['seconds']:.1f}",
            str(each["deaths"]),
            f"{each['twice']:.1%}",
            "the source's",
        ]
        for each in found["killed"]
    ]
    rows += [
        ["the source replaced half-way", f"{each['seconds']:.1f}", "", "", "the new source's"]
        for each in found["replaced"]
    ]
    return f"{_machine(case)}\n\n{_grid(['fault', 'seconds', 'deaths', 'sent twice', 'bytes at the end'], rows)}"


def _sparse(case: Kept) -> str:
    found = case["tables"]
    rate = found["bytes"] / found["seconds"] / 1e6
    row = [f"{found['bytes'] / GIB:g} GiB", f"{found['seconds']:.0f}", f"{rate:,.0f}"]
    row += [f"{found['memory'] / 1e6:,.0f}", f"{found['largest'] / 1e6:,.0f}"]
    heads = ["object", "seconds", "MB/s", "peak MB of all workers", "of the largest"]
    return f"{_machine(case)}\n\n{_grid(heads, [row])}"


def _again(case: Kept) -> str:
    rows = [
        [name, f"{found['tradewind']['share']:.1%}", f"{found['rclone']['share']:.1%}"]
        + [f"{found[program]['egress']:.2f}" for program in ("tradewind", "rclone")]
        for name, found in case["tables"].items()
    ]
    heads = ["direction", "bytes sent", "rclone", "egress $ / TB uploaded", "rclone"]
    return f"{_machine(case)}\n\n{_grid(heads, rows)}"


def _delay(case: Kept) -> str:
    rows = [
        [name, f"{found['uploads']:,}", *(f"{found[which] * 1e3:,.0f}" for which in ("p50", "p99", "longest"))]
        for name, found in case["tables"].items()
    ]
    return f"{_machine(case)}\n\n{_grid(['way', 'uploads', 'p50 ms', 'p99 ms', 'longest ms'], rows)}"


def _cold(case: Kept) -> str:
    rows = []
    for name, found in case["tables"].items():
        times = [f"{found[which] * 1e3:,.0f}" for which in ("ready", "ready_to_copy", "peer")]
        rows.append([name, *times, f"{found['ready'] / found['peer']:.2f}"])
    heads = ["handler", "ready, ms", "ready to copy, ms", "boto3 and one client, ms", "ready / boto3"]
    return f"{_machine(case)}\n\n{_grid(heads, rows)}"


def _others(case: Kept) -> str:
    return _grid(["asked", "answer"], [[f"`{asked}`", f"`{said}`"] for asked, said in case["tables"].items()])


def _machine(case: Kept) -> str:
    on = case["machine"]
    what = f"{on['processors']} processors, {on['memory_gib']} GiB, {on['system']}, Python {on['python']}"
    turns = "1 turn" if case["turns"] == 1 else f"medians of {case['turns']} turns"
    return f"*{turns}; {what}; rclone {on['rclone']}*"


TABLES: Mapping[str, Callable[[Kept], str]] = {
    "small": _many,
    "small-near": _many,
    "model": _many,
    "large": _large,
    "scaling": _scaling,
    "faults": _faults,
    "sparse": _sparse,
    "again": _again,
    "delay": _delay,
    "cold": _cold,
    "others": _others,
}
