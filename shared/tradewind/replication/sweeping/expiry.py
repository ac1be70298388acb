"""Removing records that have had their time."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import PreconditionFailedError, TradewindError
from tradewind.ports import ObjectSummary
from tradewind.records import Records
from tradewind.replication import guard
from tradewind.replication.agreeing import tombstones
from tradewind.replication.budgets import limits
from tradewind.replication.contents import known
from tradewind.replication.modes import marks
from tradewind.replication.parts import refused
from tradewind.replication.sweeping.unreadable import is_of_one_key

log = logging.getLogger(__name__)

RETENTION = timedelta(days=45)
"""Longer than any message about a deleted version can still be under way: SQS keeps one for 14 days and its dead letter
for 14 more, Pub/Sub for 31 (https://cloud.google.com/pubsub/docs/subscription-properties), and a storage queue's dead
letter is a person's to look at within the two weeks that remain."""
KEPT = "/state"
"""Ends the names of records that are no mark of anything past."""


CONTENTS_KEPT = timedelta(days=400)
"""Content that nobody has found for so long is forgotten: it is sent once more, and noted again."""
PARTS = (tombstones.PREFIX, guard.PREFIX, marks.PREFIX, limits.WAITING, limits.SLOTS, known.PREFIX, refused.PREFIX)
"""What expires, in this order. Each sweep puts a key that waits on record again, so what is old there waits no more."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far the records were gone through."""

    part: int = 0
    """Of `PARTS`."""
    cursor: str | None = None
    """Of the page that is next; None for the first of the part."""


@dataclass(slots=True)
class Expired:
    """What was done."""

    gone: int = 0
    """Records that were removed."""
    rest: Place | None = None
    """Where to go on; None if all was gone through."""


BEGINNING = Place()


def expire(
    records: Records, now: datetime, *, start: Place = BEGINNING, until: Callable[[], bool] = lambda: False
) -> Expired:
    """Remove old tombstones, marks of the delete guard, and what is left of rules that buffer or limit no more.

    Each goes only if it is still what was listed: what somebody has written again is young. What a lifecycle rule
    removed is remembered for good, since the replicas that it left behind would go with the memory. However little time
    there is, one record is removed or one page gone through, so whoever goes on where it stopped reaches the end.

    Args:
        records: The site's.
        now: UTC.
        start: Where the last call stopped.
        until: Says when to stop.
    """
    done = Expired()
    place: Place | None = start
    while place is not None:
        limit = now - (CONTENTS_KEPT if PARTS[place.part] == known.PREFIX else RETENTION)
        page = records.page(PARTS[place.part], place.cursor)
        old = [each for each in page.objects if each.modified <= limit and not each.key.endswith(KEPT)]
        for each in old:
            done.gone += _remove(records, each)
            if until() and each is not old[-1]:
                done.rest = place
                return done
        place = _after(place, page.cursor)
        if until():
            break
    done.rest = place
    return done


def _after(place: Place, cursor: str | None) -> Place | None:
    if cursor is not None:
        return Place(place.part, cursor)
    return Place(place.part + 1) if place.part + 1 < len(PARTS) else None


def _remove(records: Records, old: ObjectSummary) -> bool:
    """Remove a record, unless it must be kept; say whether it went."""
    try:
        if old.key.startswith(tombstones.PREFIX) and tombstones.renew(records, old.key):
            return False
        records.delete(old.key, expect=old.token)
    except PreconditionFailedError:
        return False
    except TradewindError as error:
        if not is_of_one_key(error):
            raise
        log.warning("the record %r stays, though it has had its time: %s", old.key, error)
        return False
    return True
