"""Comparing the sites of a rule, object by object."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import islice

from tradewind.fleet import Rule
from tradewind.ports import ObjectStore
from tradewind.replication.compare import Difference, Finding, compare
from tradewind.replication.routes import covers

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


def verify(rule: Rule, store_of: Callable[[str], ObjectStore], executor: Executor) -> Report:
    """Compare every object that `rule` covers, by what the stores keep of it; no object is read.

    Holds the keys of all sites in memory, so it is meant for up to some millions of objects.
    """
    report = Report(rule.name)
    keys = iter(sorted({key for site in rule.members for key in _keys(store_of(site), rule)}))
    while batch := list(islice(keys, BATCH)):
        for key, found in executor.map(lambda key: (key, _look(rule, key, store_of)), batch):
            report.keys += 1
            for site, (finding, reason, size) in found.items():
                if finding is Finding.MATCH:
                    report.replicas += 1
                    report.size += size
                else:
                    report.differences.append(Difference(key, site, finding, reason))
    return report


def _look(rule: Rule, key: str, store_of: Callable[[str], ObjectStore]) -> dict[str, tuple[Finding, str, int]]:
    states = {site: store_of(site).head(key) for site in rule.members}
    found = compare(rule, states)
    sizes = {site: state.size if state else 0 for site, state in states.items()}
    return {site: (finding, reason, sizes[site]) for site, (finding, reason) in found.items()}


def _keys(store: ObjectStore, rule: Rule) -> Iterator[str]:
    cursor = None
    while True:
        page = store.list(rule.prefix, cursor=cursor)
        yield from (summary.key for summary in page.objects if covers(rule, summary.key))
        if (cursor := page.cursor) is None:
            return
