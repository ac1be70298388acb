"""Where content is at a site: one small record for each content, in the site's control bucket.

A record is a hint and never a proof: whoever follows it looks at the object that it names. So it does no harm if it is
old, lost, or wrong. It names a few keys, since an alias moves on, and old runs are removed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.records import Records

log = logging.getLogger(__name__)


KEYS = 4
"""Keys that a record names at most: the oldest that is there still, and the latest."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A record as it was read."""

    keys: tuple[str, ...]
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
        if held is None:
            return None
        keys = held.value.get("keys")
        named = keys if isinstance(keys, list) else ()
        return Entry(tuple(key for key in named if isinstance(key, str))[:KEYS], held.token)

    def note(self, name: str, keys: Sequence[str], *, over: Entry | None = None) -> None:
        """Remember that content is under these keys: 1 request. A record that somebody else has written since stays.

        What is there by then is as good, and a replica is not worth less because nobody will find it: an error is
        logged, and the work goes on.
        """
        value = {"v": 1, "keys": list(keys), "at": self.clock().isoformat()}
        try:
            with suppress(PreconditionFailedError):
                self.records.write(name, value, expect=over.token if over else None)
        except TradewindError as error:
            log.warning("the content of %r is not found another time: %s", keys[-1], error)

    def forget(self, name: str, entry: Entry) -> None:
        """Remove a record that does not hold true any more."""
        with suppress(PreconditionFailedError):
            self.records.delete(name, expect=entry.token)


def with_key(keys: Sequence[str], key: str) -> list[str]:
    """Return the keys that a record is to name, now that the content is under `key`, too."""
    named = list(dict.fromkeys([*keys, key]))
    return named if len(named) <= KEYS else [named[0], *named[1 - KEYS :]]
