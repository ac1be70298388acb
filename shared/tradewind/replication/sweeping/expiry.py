"""Removing records that have had their time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from tradewind.errors import PreconditionFailedError
from tradewind.records import Records
from tradewind.replication import guard, tombstones
from tradewind.replication.modes import marks

RETENTION = timedelta(days=45)
"""Longer than any message about a deleted version can still be under way: SQS keeps one for 14 days and its dead letter
for 14 more, Pub/Sub for 31 (https://cloud.google.com/pubsub/docs/subscription-properties), and a storage queue's dead
letter is a person's to look at within the two weeks that remain."""
KEPT = "/state"
"""Ends the names of records that are no mark of anything past."""


def expire(records: Records, now: datetime, *, until: Callable[[], bool] = lambda: False) -> int:
    """Remove old tombstones, marks of the delete guard, and of rules that buffer no more; return how many went.

    Each goes only if it is still what was listed: what somebody has written again is young. What a lifecycle rule
    removed is remembered for good, since the replicas that it left behind would go with the memory.

    Args:
        records: The site's.
        now: UTC.
        until: Says when to stop; the next time begins anew.
    """
    gone = 0
    for prefix in (tombstones.PREFIX, guard.PREFIX, marks.PREFIX):
        for each in records.list(prefix):
            if until():
                return gone
            if each.modified > now - RETENTION or each.key.endswith(KEPT):
                continue
            try:
                if prefix == tombstones.PREFIX and tombstones.renew(records, each.key):
                    continue
                records.delete(each.key, expect=each.token)
            except PreconditionFailedError:
                continue
            gone += 1
    return gone
