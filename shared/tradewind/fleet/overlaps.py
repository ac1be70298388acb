"""Buckets that two sites would both use, and rules that another one leaves nothing to. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from tradewind.fleet.model import Fleet
from tradewind.fleet.rules import Rule
from tradewind.fleet.sites import AzureSite, Site


def shared_control(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Yield each site whose records would be in somebody else's place, with what is wrong.

    Records of two sites in one place would be one record: a tombstone of the one would speak for the other, and the
    lease of a set would be held twice.
    """
    for name, site in fleet.sites.items():
        for other, theirs in fleet.sites.items():
            if _control(site) == (theirs.cloud, theirs.address):
                yield (
                    name,
                    "must be another bucket than the site's own" if other == name else f"is the data of site {other!r}",
                )
    for (first, one), (second, two) in combinations(fleet.sites.items(), 2):
        if _control(one) == _control(two) and _overlap(one.control_prefix, two.control_prefix):
            yield second, f"is that of site {first!r}, and `control_prefix` does not keep their records apart"


def _control(site: Site) -> tuple[str, str]:
    """Return the control bucket as `Site.address` names the data's."""
    within = f"{site.account}/" if isinstance(site, AzureSite) else ""
    return site.cloud, within + site.control_bucket


def _overlap(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def idle_rules(fleet: Fleet) -> Iterator[str]:
    """Yield a sentence on each rule that never decides, since earlier ones have every key on every way of it.

    That is no error: its classification still counts for the keys that it covers.
    """
    for index, rule in enumerate(fleet.rules):
        before = {
            way: earlier.name for earlier in fleet.rules[:index] if _covers(earlier, rule) for way in _ways(earlier)
        }
        if all(way in before for way in _ways(rule)):
            names = ", ".join(sorted({repr(before[way]) for way in _ways(rule)}))
            yield f"rule {rule.name!r} never decides: {names} comes first for each of its keys, on every way"


def _covers(rule: Rule, other: Rule) -> bool:
    """Say whether `rule` surely covers each key that `other` does. Globs are not compared, unless they are alike."""
    alike = (rule.include, rule.exclude) in (((), ()), (other.include, other.exclude))
    return alike and other.prefix.startswith(rule.prefix)


def _ways(rule: Rule) -> set[tuple[str, str]]:
    return {(source, target) for source in rule.members for target in rule.targets_of(source)}
