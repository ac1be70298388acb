"""Where content is at a site: one small record for each content, in the site's control bucket.

A record is a hint and never a proof: whoever follows it looks at the object that it names. So it does no harm if it is
old, lost, or wrong.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.records import Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it was read."""

    key: str
    token: str
    """Its version."""


@dataclass(frozen=True, slots=True)
class Index:
    """The records of one site.

    Args:
        records: The site's.
        clock: Returns the time, UTC.
    """

    records: Records
    clock: Callable[[], datetime]

    def find(self, name: str) -> Entry | None:
        """Return the record of that name: 1 request."""
        held = self.records.read(name)
        key = held.value.get("key") if held else None
        return Entry(key, held.token) if held and isinstance(key, str) else None

    def note(self, name: str, key: str, *, over: Entry | None = None) -> None:
        """Remember that content is under `key`: 1 request. A record that somebody else has written since stays.

        What is there by then is as good, and a replica is not worth less because nobody will find it: an error is
        logged, and the work goes on.
        """
        value = {"v": 1, "key": key, "at": self.clock().isoformat()}
        try:
            with suppress(PreconditionFailedError):
                self.records.write(name, value, expect=over.token if over else None)
        except TradewindError as error:
            log.warning("the content of %r is not found another time: %s", key, error)

    def forget(self, name: str, entry: Entry) -> None:
        """Remove a record that does not hold true any more."""
        with suppress(PreconditionFailedError):
            self.records.delete(name, expect=entry.token)
