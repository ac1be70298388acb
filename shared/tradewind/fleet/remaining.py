"""What is left of a fleet file without the entries that are wrong, and without what names them. Pure.

What contradicts itself in the rest does so whatever becomes of those, so that it can be told together with them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

Path: TypeAlias = tuple[str | int, ...]
_NAMED = ("sites", "classifications", "endpoints", "rules")
"""Sections whose entries others name."""
_SECTIONS = (*_NAMED, "groups")
_BY_THEMSELVES = ("groups", "control", "parts", "time_limit_seconds")
"""What can be left out as a whole, and no entry of the others would be wrong for it."""


@dataclass(frozen=True, slots=True)
class Remaining:
    """A fleet file of which something was left out."""

    document: Mapping[str, Any]
    rules: tuple[int, ...]
    """Where each of its rules is in the whole file."""
    named: bool
    """Whether something was left out that the rest could mean, were it not for a typo in the rest."""

    def in_the_whole(self, path: Path) -> Path:
        """Return where in the whole file something is."""
        match path:
            case ("rules", int(index), *rest):
                return ("rules", self.rules[index], *rest)
        return path


def remaining(document: object, wrong: Collection[Path]) -> Remaining | None:
    """Return what can be judged without the wrong entries; None if so much is wrong that nothing can.

    Args:
        document: The file, as it was read.
        wrong: Where something is wrong in it; pydantic's own levels below an entry do not matter.
    """
    gone: set[Path] = set()
    for path in wrong:
        if path[:1] and path[0] in _SECTIONS and len(path) > 1:
            gone.add(path[:2])
        elif path[:1] and path[0] in _BY_THEMSELVES:
            gone.add(path[:1])
        else:
            return None
    if not isinstance(document, Mapping):
        return None
    entries = dict(_entries(document))
    while more := {path for path in entries.keys() - gone if _leans(path, entries, gone)}:
        gone |= more
    misnamed = any(path[0] == "rules" and path[-1] == "name" for path in wrong)
    if misnamed or ("control",) in gone or None in _names(entries, gone):
        gone.add(("groups",))  # a group needs `control`, and may mean a rule whose name nobody knows
    return _without(document, gone)


def _entries(document: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for section in _SECTIONS:
        held = document.get(section)
        if isinstance(held, Mapping):
            yield from (((section, name), value) for name, value in held.items())
        elif isinstance(held, list):
            yield from (((section, index), value) for index, value in enumerate(held))
    yield ("control",), document.get("control")


def _leans(path: Path, entries: Mapping[Path, Any], gone: Iterable[Path]) -> bool:
    """Say whether an entry may be wrong only because of one that was left out: some text in it is that one's name."""
    return not _names(entries, gone).isdisjoint(_texts(entries[path]))


def _names(entries: Mapping[Path, Any], gone: Iterable[Path]) -> set[str | None]:
    return {_name(each, entries.get(each)) for each in gone if each[0] in _NAMED}


def _name(path: Path, entry: object) -> str | None:
    if path[0] == "rules":
        name = entry.get("name") if isinstance(entry, Mapping) else None
        return name if isinstance(name, str) else None
    return str(path[1])


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _texts(key)
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _without(document: Mapping[str, Any], gone: Iterable[Path]) -> Remaining:
    kept = {key: value for key, value in document.items() if (key,) not in gone}
    rules: tuple[int, ...] = ()
    for section in kept.keys() & set(_SECTIONS):
        held = kept[section]
        if isinstance(held, Mapping):
            kept[section] = {name: value for name, value in held.items() if (section, name) not in gone}
        elif isinstance(held, list):
            rules = tuple(index for index in range(len(held)) if (section, index) not in gone)
            kept[section] = [held[index] for index in rules]
    return Remaining(kept, rules, any(path[0] in _NAMED for path in gone))
