"""Overwriting replicas whose bytes are others than were copied, because a person says so.

Nobody can tell damage from a user who overwrote a replica and kept its metadata, so a sweep only reports such a one
unless its rule says `conflict: overwrite`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tradewind.errors import ConfigurationError, TradewindError
from tradewind.fleet import Immediate, OneWayRule, Rule
from tradewind.ports import AuditRecord
from tradewind.replication.decide import Verdict
from tradewind.replication.replicate import Replicator
from tradewind.replication.seeing.compare import Difference, Finding


@dataclass(frozen=True, slots=True)
class Repair:
    """What was done about one replica."""

    key: str
    site: str
    error: TradewindError | None
    """Why it is still as it was."""


def repair(rule: Rule, differences: Iterable[Difference], replicator: Replicator) -> Iterator[Repair]:
    """Copy the origin's object over each corrupt replica, under the usual conditions.

    Args:
        rule: The rule that was compared.
        differences: What was found.
        replicator: Does the copying.

    Raises:
        ConfigurationError: The rule is `active_active`, in which what was written at a site is that site's.
    """
    if not isinstance(rule, OneWayRule):
        raise ConfigurationError(
            f"Rule {rule.name!r} is active_active, and what was written at one of its sites counts as a user's write",
            hint="Delete the object at the site where it is corrupt, or write the right one anew at any site",
        )
    overwriting = rule.model_copy(update={"conflict": "overwrite", "delivery": Immediate()})
    for each in differences:
        if each.finding is Finding.CORRUPT:
            yield _repair(overwriting, each, replicator)


def _repair(rule: OneWayRule, corrupt: Difference, replicator: Replicator) -> Repair:
    error: TradewindError | None = None
    try:
        replicator.fetch(rule, corrupt.key, rule.from_, corrupt.site)
    except TradewindError as met:
        error = met
    replicator.audit.record(
        AuditRecord(
            time=replicator.clock(),
            rule=rule.name,
            key=corrupt.key,
            source_site=rule.from_,
            target_site=corrupt.site,
            verdict=Verdict.FAILED if error else Verdict.COPIED,
            reason=str(error) if error else f"repaired on request: {corrupt.reason}",
            size=None,
            crc32c=None,
            proof=None,
            event="backfill",
        )
    )
    return Repair(corrupt.key, corrupt.site, error)
