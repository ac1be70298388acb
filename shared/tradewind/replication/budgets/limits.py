"""Whether anything limits the copies of a rule, and where budgets are on record. Pure, and quick to import."""

from __future__ import annotations

from typing import Final

from tradewind.fleet import Fleet, Rule

ACCOUNTS: Final = "budgets/"
WAITING: Final = "waiting/"
SLOTS: Final = "slots/"


def limited_at(fleet: Fleet, site: str) -> list[Rule]:
    """Return the rules under which something may wait at a site, in the file's order: the first comes first."""
    return [rule for rule in fleet.rules if any(limited(fleet, rule, target) for target in rule.targets_of(site))]


def limited(fleet: Fleet, rule: Rule, target: str) -> bool:
    """Say whether anything may keep a copy to `target` waiting."""
    return rule.budget is not None or fleet.sites[target].concurrent_copies is not None
