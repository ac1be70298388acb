"""How the core is put together in a simulation: the one place that knows its constructors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from simulation.turns import Turns
from tradewind.compliance import JurisdictionGate
from tradewind.fleet import Fleet
from tradewind.ports import AuditRecord, Message, Notification, ObjectStore, Queue
from tradewind.records import Records
from tradewind.replication.access import Access
from tradewind.replication.assemble import assemble
from tradewind.replication.delivery import Delivery
from tradewind.replication.replicate import Replicator
from tradewind.replication.sweeping.sweep import Sweeper

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
class Parts:
    """What a world hands to the core."""

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    queue_of: Callable[[str], Queue]
    turns: Turns
    executor: Executor
    clock: Callable[[], datetime]


def replicator_of(parts: Parts) -> Replicator:
    """Return the real core over simulated stores."""
    return assemble(
        parts.fleet,
        Access(parts.store_of, parts.records_of, parts.queue_of),
        gate=JurisdictionGate(dict(parts.fleet.classifications)),
        audit=LoggedAudit(parts.turns),
        executor=parts.executor,
        clock=parts.clock,
    )


def sweeper_of(parts: Parts, holder: str, *, trusting: bool) -> Sweeper:
    """Return the real sweeper, as one worker has it."""
    return Sweeper(
        parts.fleet,
        parts.store_of,
        parts.records_of,
        parts.queue_of,
        JurisdictionGate(dict(parts.fleet.classifications)),
        parts.executor,
        parts.clock,
        holder,
        trusting=trusting,
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
