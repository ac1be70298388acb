"""A drill as a picture: what was answered and lost each moment, where traffic went, and when what happened. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape

from tradewind.failover.drills.timeline import Request, Shown, Timeline

WIDTH, LEFT, RIGHT = 960, 64, 16
TOP, TALL, BETWEEN, BAND = 96, 180, 28, 60
"""Pixels: of the labels, the requests, the space below them, and the director's shares."""
BARS, EACH = 120, 8
"""At most so many bars, and at least so many requests for each: fewer would only show how they fell."""
COLOURS = ("#4477aa", "#ccbb44", "#aa3377", "#66ccee", "#999933", "#bbbbbb")
FONT = 'font-family="sans-serif" font-size="11"'
GOOD, LOST, INK, GRID = "#228833", "#cc3311", "#222222", "#dddddd"


def picture(timeline: Timeline, marks: Mapping[str, float], title: str) -> str:
    """Return a drill as SVG.

    Args:
        timeline: What was recorded.
        marks: What happened when, in seconds since the drill's beginning.
        title: One line.
    """
    length = max([each.end for each in timeline.requests] + list(marks.values()), default=1.0) or 1.0
    names = list(dict.fromkeys(name for each in timeline.shown for name in each.traffic.weights))
    height = TOP + TALL + BETWEEN + BAND + 56

    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" {FONT} fill="{INK}">',
            f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
            f'<text x="{LEFT}" y="18" font-size="14">{escape(title)}</text>',
            *_bars(timeline.requests, length),
            *_shares(timeline.shown, names, length),
            *_axis(length),
            *_marks(marks, length),
            *_legend(names, height - 10),
            "</svg>",
            "",
        ]
    )


def _bars(requests: Sequence[Request], length: float) -> Iterator[str]:
    """Draw requests a second, by when they were due: answered below, lost above."""
    bars = max(min(BARS, len(requests) // EACH), 1)
    step = length / bars
    counted = [[0, 0] for _ in range(bars)]
    for each in requests:
        counted[min(int(each.start / step), bars - 1)][0 if each.good else 1] += 1
    most = max((sum(pair) for pair in counted), default=0) or 1
    wide = (WIDTH - LEFT - RIGHT) / bars
    for index, pair in enumerate(counted):
        floor = float(TOP + TALL)
        for count, colour in zip(pair, (GOOD, LOST), strict=True):
            high = count / most * TALL
            floor -= high
            if count:
                yield _box(LEFT + index * wide, floor, wide * 0.9, high, colour)
    yield _text(LEFT - 6, TOP + 8, f"{most / step:,.0f}/s", "end")
    yield _text(LEFT - 6, TOP + TALL, "0", "end")


def _shares(shown: Sequence[Shown], names: Sequence[str], length: float) -> Iterator[str]:
    """Draw where the director sent traffic."""
    top = TOP + TALL + BETWEEN
    yield _text(LEFT - 6, top + BAND / 2, "traffic", "end")
    kept = _changes(shown)
    for index, each in enumerate(kept):
        start = _across(each.at, length)
        end = _across(kept[index + 1].at if index + 1 < len(kept) else length, length)
        down = float(top)
        for name, weight in each.traffic.weights.items():
            high = weight / 100 * BAND
            if weight:
                yield _box(start, down, end - start, high, _colour(names, name))
            down += high


def _changes(shown: Iterable[Shown]) -> list[Shown]:
    kept: list[Shown] = []
    for each in shown:
        if not kept or dict(kept[-1].traffic.weights) != dict(each.traffic.weights):
            kept.append(each)
    return kept


def _axis(length: float) -> Iterator[str]:
    bottom = TOP + TALL + BETWEEN + BAND
    step = next((each for each in (1, 2, 5, 10, 20, 30, 60, 120, 300, 600) if length / each <= 12), 1800)  # noqa: PLR2004 - labels that fit
    for at in range(0, int(length) + 1, step):
        x = _across(at, length)
        yield f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{bottom}" stroke="{GRID}" stroke-width="0.5"/>'
        yield _text(x, bottom + 14, f"{at} s", "middle")


def _marks(marks: Mapping[str, float], length: float) -> Iterator[str]:
    """Draw what happened, with its label on one of several lines, so that no two lie upon each other."""
    bottom = TOP + TALL + BETWEEN + BAND
    for index, (name, at) in enumerate(sorted(marks.items(), key=lambda mark: mark[1])):
        x, y = _across(at, length), 34 + index % 5 * 12
        yield f'<line x1="{x:.1f}" y1="{y + 2}" x2="{x:.1f}" y2="{bottom}" stroke="{INK}" stroke-dasharray="3 2"/>'
        yield _text(x + 3, y + 8, name, "start") if x < WIDTH * 0.8 else _text(x - 3, y + 8, name, "end")


def _legend(names: Sequence[str], y: float) -> Iterator[str]:
    entries = [("answered", GOOD), ("lost", LOST), *((name, _colour(names, name)) for name in names)]
    for index, (name, colour) in enumerate(entries):
        x = LEFT + index * 140
        yield _box(x, y - 9, 10, 10, colour)
        yield _text(x + 15, y, name, "start")


def _across(at: float, length: float) -> float:
    return LEFT + at / length * (WIDTH - LEFT - RIGHT)


def _colour(names: Sequence[str], name: str) -> str:
    return COLOURS[names.index(name) % len(COLOURS)]


def _box(x: float, y: float, wide: float, high: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high:.1f}" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
