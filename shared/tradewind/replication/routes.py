"""Which targets a key has. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from tradewind.fleet import Fleet, Rule
from tradewind.ports import RESERVED_PREFIX, Admission, Gate, Movement
from tradewind.replication.agreeing.aside import original_key


@dataclass(frozen=True, slots=True)
class Route:
    """One target of a key, and the rule that makes it one."""

    rule: Rule
    source: str
    target: str

    def __hash__(self) -> int:
        # A rule's name is its own in a fleet, and the hash of everything else that it says takes 10 µs each time.
        return hash((self.rule.name, self.source, self.target))


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
    """Say whether `rule` speaks of `key`. Of an object that was kept aside it speaks as of the one that it was."""
    key = original_key(key)
    if not key.startswith(rule.prefix) or key.startswith(RESERVED_PREFIX):
        return False
    if rule.include and not any(matches(glob, key) for glob in rule.include):
        return False
    return not any(matches(glob, key) for glob in rule.exclude)


def matches(glob: str, key: str) -> bool:
    """Say whether the whole of `key` matches `glob`: `*` and `?` within a folder, `**` across folders."""
    return _pattern(glob).fullmatch(key) is not None


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
    return Passage.OPEN if admission(fleet, gate, route, key).allowed else Passage.FORBIDDEN


def admission(fleet: Fleet, gate: Gate, route: Route, key: str) -> Admission:
    """Return what the compliance gate says of `key` on `route`.

    A classification is the data's, not the route's: the gate is asked for every rule of the file that covers the key,
    whatever its sites and wherever it stands, and the first refusal counts.
    """
    covering = [rule for rule in fleet.rules if covers(rule, key) and rule is not route.rule]
    answers = [gate.admit(movement(fleet, route, key, rule)) for rule in (route.rule, *covering)]
    return next((answer for answer in answers if not answer.allowed), answers[0])


def movement(fleet: Fleet, route: Route, key: str, rule: Rule) -> Movement:
    """Return what the compliance gate is asked about `key` on `route`, as data that `rule` classifies."""
    return Movement(
        rule=rule.name,
        classification=rule.classification,
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
