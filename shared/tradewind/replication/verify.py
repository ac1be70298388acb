"""Comparing the sites of a rule, object by object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import islice

from tradewind.errors import UnportableError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import Gate, ObjectState, ObjectStore
from tradewind.replication.compare import Difference, Finding, compare
from tradewind.replication.routes import Passage, Route, covers, passage

BATCH = 256
"""Keys that are looked at side by side."""


@dataclass(slots=True)
class Report:
    """What was found."""

    rule: str
    keys: int = 0
    replicas: int = 0
    """That match."""
    size: int = 0
    """Bytes of the replicas that match."""
    differences: list[Difference] = field(default_factory=list)


def verify(fleet: Fleet, rule: Rule, store_of: Callable[[str], ObjectStore], gate: Gate, executor: Executor) -> Report:
    """Compare every object that `rule` covers, by what the stores keep of it; no object is read.

    Holds the keys of all sites in memory, so it is meant for up to some millions of objects.

    Args:
        fleet: Says which rule decides, where several cover a key.
        rule: One of the fleet's.
        store_of: Returns the store of a site, by name.
        gate: Says where data may be.
        executor: Looks at several keys side by side.
    """
    report = Report(rule.name)

    def look(key: str) -> dict[str, tuple[Finding, str, int]]:
        return _look(rule, key, store_of, lambda a, b: passage(fleet, gate, Route(rule, a, b), key))

    keys = iter(sorted({key for site in rule.members for key in _keys(store_of(site), rule)}))
    while batch := list(islice(keys, BATCH)):
        for key, found in zip(batch, executor.map(look, batch), strict=True):
            report.keys += 1
            for site, (finding, reason, size) in found.items():
                if finding is Finding.MATCH:
                    report.replicas += 1
                    report.size += size
                else:
                    report.differences.append(Difference(key, site, finding, reason))
    return report


def _look(
    rule: Rule, key: str, store_of: Callable[[str], ObjectStore], passes: Callable[[str, str], Passage]
) -> dict[str, tuple[Finding, str, int]]:
    states: dict[str, ObjectState | None] = {}
    unportable: dict[str, str] = {}
    for site in rule.members:
        try:
            states[site] = store_of(site).head(key)
        except UnportableError as error:
            states[site], unportable[site] = None, error.message
    found = compare(rule, states, passes)
    found |= {site: (found[site][0], reason) for site, reason in unportable.items() if site in found}
    sizes = {site: state.size if state else 0 for site, state in states.items()}
    return {site: (finding, reason, sizes[site]) for site, (finding, reason) in found.items()}


def _keys(store: ObjectStore, rule: Rule) -> Iterator[str]:
    cursor = None
    while True:
        page = store.list(rule.prefix, cursor=cursor)
        yield from (summary.key for summary in page.objects if covers(rule, summary.key))
        if (cursor := page.cursor) is None:
            return
