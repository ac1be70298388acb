"""What an answer is held against: places in JSON, and what is expected there. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from typing import TypeGuard

from pydantic import JsonValue

LONGEST = 80
"""Characters of a value that are shown."""


class NowhereError(LookupError):
    """A pointer leads nowhere in a document."""


def at(document: JsonValue, pointer: str) -> JsonValue:
    """Return what a JSON pointer leads to (RFC 6901).

    Raises:
        NowhereError: Nothing.
    """
    value = document
    for token in pointer.split("/")[1:]:
        name = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and _is_index(name) and int(name) < len(value):
            value = value[int(name)]
        else:
            raise NowhereError(pointer)
    return value


def _is_index(name: str) -> bool:
    """Say whether it is an index: digits without a leading zero, and not more of them than any list has."""
    return name.isascii() and name.isdecimal() and (name == "0" or name[0] != "0") and len(name) < LONGEST


def first_difference(body: bytes, expect: Mapping[str, JsonValue], *, tolerance: float = 0.0) -> str:
    """Return where the body of an answer is not as expected, in words; "" if it is.

    Args:
        body: What is to be JSON.
        expect: Values by pointer.
        tolerance: How far numbers may be apart, at any depth.
    """
    if not expect:
        return ""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return "the answer is not JSON"
    for pointer, expected in expect.items():
        try:
            found = at(document, pointer)
        except NowhereError:
            return f"{pointer} is missing, expected {_shown(expected)}"
        if not alike(expected, found, tolerance):
            return f"{pointer} is {_shown(found)}, expected {_shown(expected)}"
    return ""


def alike(expected: JsonValue, found: JsonValue, tolerance: float) -> bool:
    """Say whether two values are the same, but for numbers that may be `tolerance` apart."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return expected.keys() == found.keys() and all(alike(expected[name], found[name], tolerance) for name in found)
    if isinstance(expected, list) and isinstance(found, list):
        return len(expected) == len(found) and all(map(alike, expected, found, [tolerance] * len(found)))
    if _is_number(expected) and _is_number(found):
        try:
            return expected == found or abs(expected - found) <= tolerance
        except OverflowError:  # whole numbers may be too large for a comparison with others
            return False
    return type(expected) is type(found) and expected == found


def load_told(body: bytes, pointer: str) -> float | None:
    """Return the requests a second that the body of an answer tells, or None if it tells none."""
    try:
        told = at(json.loads(body), pointer)
        load = float(told) if _is_number(told) else -1.0
    except (ValueError, RecursionError, NowhereError, OverflowError):
        return None
    return load if isfinite(load) and load >= 0 else None


def _is_number(value: JsonValue) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: JsonValue) -> str:
    text = repr(value) if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= LONGEST else text[:LONGEST] + "…"
