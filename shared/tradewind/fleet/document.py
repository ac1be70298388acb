"""Reading a fleet file so that every error names the file, the line, the field, and what is allowed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TypeAlias

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from tradewind.errors import FleetError
from tradewind.fleet.failover import group_contradictions
from tradewind.fleet.model import Fleet
from tradewind.fleet.overlaps import shared_control
from tradewind.fleet.remaining import remaining
from tradewind.fleet.rules import ActiveActiveRule, Rule
from tradewind.fleet.sites import AwsSite

Path: TypeAlias = tuple[str | int, ...]
KNOWN = "; known are: "
"""Begins, in an error, the list of what may have been meant."""


def parse_fleet(text: str, *, origin: str) -> Fleet:
    """Parse and check a fleet file.

    Args:
        text: The file's contents, YAML (and so JSON too).
        origin: How to call the file in errors.

    Raises:
        FleetError: One line per problem, each as `file:line: field: what is wrong and what is allowed`: all that can
            be told without knowing how one of them will be put right.
    """
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
        lines = dict(_lines(root, ())) if root is not None else {}
    except RecursionError:
        raise FleetError(f"{origin}:1: the file contains itself, or is nested beyond reason") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "unreadable"
        raise FleetError(f"{origin}:{line}: not valid YAML: {problem}") from error
    repeated = dict(_repeated(root, ()))
    problems = [f"{origin}:{line}: {_spell(path)}: the key stands twice" for path, line in repeated.items()]
    wrong, fleet = list(repeated), None
    try:
        fleet = Fleet.model_validate(document)
    except ValidationError as error:
        found = error.errors(include_url=False)
        problems += [_describe(origin, lines, detail) for detail in found]
        wrong += [detail["loc"] for detail in found]
    told = contradictions_beside(document, wrong) if fleet is None or wrong else contradictions(fleet)
    problems += [f"{origin}:{_line(lines, path)}: {_spell(path)}: {message}" for path, message in told]
    if fleet is None or problems:
        raise FleetError("\n".join(problems))
    return fleet


def contradictions_beside(document: object, wrong: Collection[Path]) -> Iterable[tuple[Path, str]]:
    """Yield the contradictions that have nothing to do with the entries in which something is wrong."""
    rest = remaining(document, wrong)
    if rest is None:
        return
    try:
        fleet = Fleet.model_validate(rest.document)
    except ValidationError:  # nothing is left of what a fleet must have
        return
    for path, message in contradictions(fleet):
        besides = " (and what has errors itself)" if rest.named and KNOWN in message else ""
        yield rest.in_the_whole(path), message + besides


def contradictions(fleet: Fleet) -> Iterable[tuple[Path, str]]:
    """Yield what is wrong with a fleet whose fields are each right by themselves."""
    yield from _site_contradictions(fleet)
    names: set[str] = set()
    for index, rule in enumerate(fleet.rules):
        at: Path = ("rules", index)
        if rule.name in names:
            yield (*at, "name"), f"another rule is called {rule.name!r}, too"
        names.add(rule.name)
        if rule.classification not in fleet.classifications:
            known = ", ".join(fleet.classifications)
            yield (*at, "classification"), f"unknown classification {rule.classification!r}; known are: {known}"
        yield from ((at, message) for message in _member_contradictions(fleet, rule))
    yield from group_contradictions(fleet)


def _site_contradictions(fleet: Fleet) -> Iterable[tuple[Path, str]]:
    seen: dict[tuple[str, str], str] = {}
    for name, site in fleet.sites.items():
        place = (site.cloud, site.address)
        if place in seen:
            yield ("sites", name), f"is the same bucket as site {seen[place]!r}"
        seen[place] = name
        for reader in site.credentials_at:
            if reader not in fleet.sites:
                known = ", ".join(fleet.sites)
                yield ("sites", name, "credentials_at", reader), f"unknown site {reader!r}; known are: {known}"
    yield from ((("sites", name, "control_bucket"), message) for name, message in shared_control(fleet))


def _member_contradictions(fleet: Fleet, rule: Rule) -> Iterable[str]:
    if len(set(rule.members)) != len(rule.members):
        yield "names one site twice"
    for member in dict.fromkeys(rule.members):
        if member not in fleet.sites:
            yield f"unknown site {member!r}; known are: {', '.join(fleet.sites)}"
        elif rule.targets_of(member) and fleet.sites[member].queues is None:
            yield f"site {member!r} is a source of this rule and needs `queues`"
    if isinstance(rule, ActiveActiveRule) and rule.deletes == "propagate":
        yield from _unnamed_principals(fleet, rule)


def _unnamed_principals(fleet: Fleet, rule: ActiveActiveRule) -> Iterable[str]:
    """Yield the sites at which tradewind's own deletes would be taken for users', which loses data."""
    for member in rule.sites:
        site = fleet.sites.get(member)
        if isinstance(site, AwsSite) and not site.principals:
            yield f"site {member!r} needs `principals`, so that tradewind's own deletes are told from users'"


def _lines(node: yaml.Node, path: Path) -> Iterable[tuple[Path, int]]:
    yield path, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            for below, line in _lines(value, (*path, key.value)):
                yield below, key.start_mark.line + 1 if len(below) == len(path) + 1 else line
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _lines(value, (*path, index))


def _repeated(node: yaml.Node | None, path: Path) -> Iterable[tuple[Path, int]]:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield (*path, key.value), key.start_mark.line + 1
            seen.add(key.value)
            yield from _repeated(value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _repeated(value, (*path, index))


def _describe(origin: str, lines: dict[Path, int], detail: ErrorDetails) -> str:
    loc = detail["loc"]
    path = tuple(part for at, part in enumerate(loc) if not _chooses(loc[:at]))
    path = tuple("from" if part == "from_" else part for part in path)
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "extra_forbidden":
        message = "there is no such field here"
    elif detail["type"] == "missing":
        message = "this field is required"
    elif "pattern" in detail.get("ctx", {}):
        message = f"{detail['input']!r} does not match {detail['ctx']['pattern']}"
    elif detail["type"] not in ("value_error", "union_tag_not_found"):
        message = f"{message} (it is {detail['input']!r})"
    return f"{origin}:{_line(lines, path)}: {_spell(path)}: {message}"


def _chooses(loc: Path) -> bool:
    """Say whether pydantic names the chosen branch of a union (`aws`, `one_way`) next; the file has no such level."""
    match loc:
        case ("sites" | "rules", _) | ("rules", _, _, "delivery"):
            return True
        case ("groups", _, "director") | ("groups", _, "notify", _):
            return True
    return False


def _line(lines: dict[Path, int], path: Path) -> int:
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _spell(path: Path) -> str:
    spelled = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return spelled.lstrip(".") or "the file"
