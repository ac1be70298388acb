"""What callers ask about a group's endpoints over HTTP, and what they are answered."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, TypeAlias

Body: TypeAlias = dict[str, Any]
"""Of an answer, as JSON."""
SECONDS = 5
"""For so long a caller may keep to an answer. Nobody else may: of those who ask, each is given a place of its own."""


def headers(status: int) -> dict[str, str]:
    """Return the headers of an answer: only what was answered well may be kept."""
    return {"Cache-Control": f"private, max-age={SECONDS}" if status == HTTPStatus.OK else "no-store"}
