"""The leases that a call holds, so that what it fetches on the way does not wait for itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

from tradewind.errors import TradewindError
from tradewind.records import Records
from tradewind.replication.sets.ledger import Lease, Ledger, Page
from tradewind.replication.sets.recognise import folder_of
from tradewind.replication.sets.settled import Published


@dataclass(frozen=True, slots=True)
class Leases:
    """Takes leases and gives them back.

    Args:
        records_of: Returns the records of a site, by name.
        clock: Returns the time, UTC.
        length: How long a lease lasts.
    """

    records_of: Callable[[str], Records]
    clock: Callable[[], datetime]
    length: timedelta
    _held: ContextVar[Mapping[tuple[str, str], Lease]] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_held", ContextVar("held", default=MappingProxyType({})))

    def ledger(self, target: str) -> Ledger:
        """Return the records of the sets at a target."""
        return Ledger(target, self.records_of(target))

    def taken(self, target: str, folder: str, page: Page) -> bool:
        """Say whether somebody else holds the lease of a folder, whose record is `page`."""
        return (target, folder) not in self._held.get() and page.busy(self.clock())

    @contextmanager
    def hold(self, target: str, closing: str) -> Iterator[tuple[Lease, Published | None]]:
        """Hold the lease of the closing key's folder, and give what was on record of the set before.

        Raises:
            SetError: Somebody else holds it.
        """
        held = self._held.get()
        at = (target, folder_of(closing))
        if at in held:
            before = held[at].closing.get(closing)
            held[at].note(closing)
            yield held[at], before
            return
        lease, before = self.ledger(target).take(at[1], closing, self.clock(), self.length)
        mark = self._held.set({**held, at: lease})
        try:
            yield lease, before
        except Exception:
            with suppress(TradewindError):  # it runs out by itself, and what went wrong before matters more
                lease.release()
            raise
        else:
            lease.release()
        finally:
            self._held.reset(mark)
