"""How values are shown to a person, and written as JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


def one_line(text: str) -> str:
    """Return text from outside so that it cannot move the cursor or pretend to be another row."""
    return "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))


def as_json(value: Mapping[str, Any] | Sequence[Any]) -> str:
    """Return JSON for scripts: times in ISO 8601, indented."""
    return json.dumps(value, indent=2, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} is no JSON value")


def size(count: float) -> str:
    """Return bytes as a person reads them."""
    for unit in ("B", "KiB", "MiB", "GiB", "TiB"):
        if count < 1024:  # noqa: PLR2004 - that is what the units mean
            return f"{count:,.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
        count /= 1024
    return f"{count:,.1f} PiB"


def duration(seconds: float) -> str:
    """Return a duration as a person reads it, in its two largest units; the stores' clocks have whole seconds."""
    whole = round(seconds)
    parts = [(whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s")]
    first = next((index for index, (count, _) in enumerate(parts) if count), len(parts))
    return " ".join(f"{count} {unit}" for count, unit in parts[first : first + 2] if count) or "0 s"
