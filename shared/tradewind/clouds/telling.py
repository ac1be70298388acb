"""How errors and logs spell a key: whatever it holds, it stays on one line."""

from __future__ import annotations

import re

_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")


def told(key: str) -> str:
    """Return a key for people to read, with a question mark for each ASCII control character."""
    return _ASCII_CONTROL.sub("?", key)
