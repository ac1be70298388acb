"""Which targets a key has. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tradewind.fleet import Fleet, Rule
from tradewind.ports import RESERVED_PREFIX, Gate, Movement


@dataclass(frozen=True, slots=True)
class Route:
    """One target of a key, and the rule that makes it one."""

    rule: Rule
    source: str
    target: str


def routes_for(fleet: Fleet, site: str, key: str) -> tuple[Route, ...]:
    """Return where a change of `key` at `site` goes.

    For each target the first rule of the file that matches decides.
    """
    if key.startswith(RESERVED_PREFIX):
        return ()
    found: dict[str, Route] = {}
    for rule in fleet.rules:
        if covers(rule, key):
            for target in rule.targets_of(site):
                found.setdefault(target, Route(rule, site, target))
    return tuple(found.values())


def covers(rule: Rule, key: str) -> bool:
    """Say whether `rule` speaks of `key`."""
    if not key.startswith(rule.prefix) or key.startswith(RESERVED_PREFIX):
        return False
    if rule.include and not any(_pattern(glob).fullmatch(key) for glob in rule.include):
        return False
    return not any(_pattern(glob).fullmatch(key) for glob in rule.exclude)


class Passage(StrEnum):
    """What a rule says of one key between two sites."""

    OPEN = "open"
    FORBIDDEN = "forbidden"
    """The compliance gate refuses it."""
    ELSEWHERE = "elsewhere"
    """An earlier rule of the file decides."""


def passage(fleet: Fleet, gate: Gate, route: Route, key: str) -> Passage:
    """Say whether `key` is to go along `route`."""
    if route not in routes_for(fleet, route.source, key):
        return Passage.ELSEWHERE
    return Passage.OPEN if gate.admit(movement(fleet, route, key)).allowed else Passage.FORBIDDEN


def movement(fleet: Fleet, route: Route, key: str) -> Movement:
    """Return what the compliance gate is asked about `key` on `route`."""
    return Movement(
        rule=route.rule.name,
        classification=route.rule.classification,
        source_site=route.source,
        source_jurisdiction=fleet.sites[route.source].jurisdiction,
        target_site=route.target,
        target_jurisdiction=fleet.sites[route.target].jurisdiction,
        key=key,
    )


@lru_cache(maxsize=1024)
def _pattern(glob: str) -> re.Pattern[str]:
    """Translate a glob over whole keys: `**` crosses folders, `**/` may be nothing, `*` and `?` stay within one."""
    pieces = {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}
    translated = re.sub(r"\*\*/|\*\*|\*|\?|[^*?]+", lambda m: pieces.get(m[0]) or re.escape(m[0]), glob)
    return re.compile(translated, re.DOTALL)
