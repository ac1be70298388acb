"""How the core is put together in a simulation: the one place that knows its constructors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from simulation.turns import Turns
from tradewind.compliance import JurisdictionGate
from tradewind.fleet import Fleet
from tradewind.ports import AuditRecord, Message, Notification, Queue
from tradewind.replication.access import Access
from tradewind.replication.assemble import assemble
from tradewind.replication.contents.worth import Reuse
from tradewind.replication.delivery import Delivery
from tradewind.replication.parts.orphans import Orphans
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.replicate import Replicator
from tradewind.replication.requests import encode
from tradewind.replication.sweeping.sweep import Sweeper

ANY = Reuse(floor=1, chance=1e12)
"""Content that a target holds already is looked for, however small: users copy each other's objects."""
LAST_ATTEMPT = 1000
"""Deliveries after which a message is given up: a simulated outage ends long before."""


@dataclass(frozen=True, slots=True)
class LoggedAudit:
    """An audit log that becomes part of the schedule."""

    turns: Turns

    def record(self, record: AuditRecord) -> None:
        """Append `record`."""
        self.turns.note(record.verdict, record.target_site, record.key, record.reason)


@dataclass(frozen=True, slots=True)
class Supplies:
    """What a world hands to the core."""

    fleet: Fleet
    sites: Access
    turns: Turns
    executor: Executor
    clock: Callable[[], datetime]
    parts: PartSizes


def replicator_of(supplies: Supplies) -> Replicator:
    """Return the real core over simulated stores."""
    return assemble(
        supplies.fleet,
        supplies.sites,
        gate=JurisdictionGate(dict(supplies.fleet.classifications)),
        audit=LoggedAudit(supplies.turns),
        executor=supplies.executor,
        clock=supplies.clock,
        parts=supplies.parts,
        reuse=ANY,
    )


def sweeper_of(supplies: Supplies, holder: str, *, trusting: bool) -> Sweeper:
    """Return the real sweeper, as one worker has it."""
    return Sweeper(
        supplies.fleet,
        supplies.sites.store_of,
        supplies.sites.records_of,
        supplies.sites.queue_of,
        JurisdictionGate(dict(supplies.fleet.classifications)),
        supplies.executor,
        supplies.clock,
        holder,
        trusting=trusting,
        uploads_of=supplies.sites.uploads_of,
    )


def orphans_of(supplies: Supplies) -> Orphans:
    """Return what ends the uploads that nobody works on, as a site's timer has it."""

    def ask(site: str, keys: Sequence[str], rule: str) -> None:
        for body in encode(site, keys, why="upload", rule=rule):
            supplies.sites.queue_of(site).send(body)

    fleet, sites = supplies.fleet, supplies.sites
    return Orphans(
        fleet, fleet.rules[0].members[0], sites.store_of, sites.records_of, sites.uploads_of, ask, supplies.clock
    )


def delivery_of(
    replicator: Replicator, decode: Callable[[Message], Sequence[Notification]], queue: Queue, letters: Queue
) -> Delivery:
    """Return what works off the messages of one site."""
    return Delivery(
        decode=decode,
        replicator=replicator,
        notifications=lambda: queue,
        dead_letters=lambda: letters,
        last_attempt=LAST_ATTEMPT,
    )
