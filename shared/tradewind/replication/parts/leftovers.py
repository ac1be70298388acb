"""Removing what uploads have left behind in a site's bucket, and what nobody will need."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import NotFoundError, PreconditionFailedError
from tradewind.ports import RESERVED_PREFIX, ObjectStore, ObjectSummary, Uploads

PARTS = f"{RESERVED_PREFIX}parts/"
"""Where a store that has no uploads of its own keeps parts: `.tradewind/parts/UPLOAD/...`."""
LATE = f"{RESERVED_PREFIX}late/"
"""Where a store keeps metadata that it learnt too late for the object itself: `.tradewind/late/HEXADECIMAL`."""
TURN = timedelta(minutes=15)
"""So long those of one beginning have their turn, of 256: each about every three days, for two requests."""
LEFT = timedelta(days=1)
"""So old must be what is removed; the upload that it belongs to may just begin, or be completed."""


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What uploads may have left in a site's bucket.

    Args:
        store: The bucket.
        uploads: Returns those into it; asked only if there is something to say of.
        clock: Returns the time, UTC.
    """

    store: ObjectStore
    uploads: Callable[[], Uploads]
    clock: Callable[[], datetime]

    def sweep(self, live: Collection[str]) -> None:
        """Remove part objects of uploads that have ended, and metadata of objects that are others by now: 2 LISTs.

        Args:
            live: The ids of all uploads that are under way.
        """
        for each in self._old(PARTS):
            if each.key.removeprefix(PARTS).partition("/")[0] not in live:
                self._remove(each)
        turn = int(self.clock().timestamp() // TURN.total_seconds()) % 256
        for each in self._old(f"{LATE}{turn:02x}"):
            if not self.uploads().needs(each.key, live):
                self._remove(each)

    def _old(self, prefix: str) -> Iterator[ObjectSummary]:
        cursor = None
        while True:
            page = self.store.list(prefix, cursor=cursor)
            yield from (each for each in page.objects if self.clock() - each.modified >= LEFT)
            if (cursor := page.cursor) is None:
                return

    def _remove(self, what: ObjectSummary) -> None:
        with suppress(NotFoundError, PreconditionFailedError):  # whoever wrote or removed it is at work
            self.store.delete(what.key, expect=what.token)
