"""Fields of JSON that somebody else writes: what is not there, or has another form, is read as empty."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import JsonValue


def object_in(parent: Mapping[str, JsonValue], name: str) -> dict[str, JsonValue]:
    """Return the object in a field."""
    child = parent.get(name)
    return child if isinstance(child, dict) else {}


def list_in(parent: Mapping[str, JsonValue], name: str) -> list[JsonValue]:
    """Return the list in a field."""
    child = parent.get(name)
    return child if isinstance(child, list) else []


def objects_in(parent: Mapping[str, JsonValue], name: str) -> list[dict[str, JsonValue]]:
    """Return the objects of the list in a field; what is no object counts as an empty one."""
    return [each if isinstance(each, dict) else {} for each in list_in(parent, name)]


def number_in(parent: Mapping[str, JsonValue], name: str) -> float:
    """Return the number in a field, or 0."""
    child = parent.get(name)
    return float(child) if isinstance(child, (int, float)) else 0.0
