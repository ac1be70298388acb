"""How many copies are written to a site at a time: tickets in its control bucket, each of which runs out by itself.

Whoever copies writes a ticket of its own and counts all of them afterwards, itself included; both are consistent at all
three clouds, so of those that came at the same time each sees the others, and too many never stay. No ticket is written
twice, so no object is written more often than Cloud Storage likes.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.records import Records
from tradewind.replication.budgets.limits import SLOTS

LOOKS = 5
"""How often a function looks for a slot, a second apart, before the key is put on record."""
PAUSE = 1.0
"""Seconds."""
MARGIN = timedelta(seconds=60)
"""How much longer a ticket counts than any function runs: for clocks that differ, and for a write that is under way."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """A slot that is taken."""

    site: str
    name: str
    token: str


@dataclass(frozen=True, slots=True)
class Slots:
    """Takes slots and gives them back.

    Args:
        records_of: Returns the records of a site, by name.
        clock: Returns the time, UTC.
        hold: Waits for some seconds.
        longest: How long a function runs.
    """

    records_of: Callable[[str], Records]
    clock: Callable[[], datetime]
    hold: Callable[[float], None]
    longest: timedelta

    def take(self, site: str, limit: int) -> Ticket | None:
        """Take a slot of a site, or return None if all `limit` are taken for some seconds: 1 PUT and 1 LIST."""
        for look in range(LOOKS):
            if look:
                self.hold(PAUSE)
                if self.taken(site) >= limit:
                    continue
            ticket = self._write(site)
            if self.taken(site) <= limit:
                return ticket
            self.give_back(ticket)
        return None

    def _write(self, site: str) -> Ticket:
        """Write a ticket under a name that nobody else knows."""
        records, name = self.records_of(site), SLOTS + uuid4().hex
        try:
            return Ticket(site, name, records.write(name, {"at": self.clock().isoformat()}, expect=None))
        except PreconditionFailedError:  # sent twice, because the answer to the first was lost: it is ours
            held = records.read(name)
            if held is None:
                raise
            return Ticket(site, name, held.token)

    def taken(self, site: str) -> int:
        """Return how many slots of a site are taken: 1 LIST."""
        since = self.clock() - self.longest - MARGIN
        return sum(each.modified > since for each in self.records_of(site).list(SLOTS))

    def give_back(self, ticket: Ticket) -> None:
        """Give a slot back. If that fails it runs out by itself."""
        with suppress(TradewindError):
            self.records_of(ticket.site).delete(ticket.name, expect=ticket.token)
