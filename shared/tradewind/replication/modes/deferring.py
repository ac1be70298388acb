"""Which notifications are not acted upon at once, by the mode of their rule. Pure."""

from __future__ import annotations

from datetime import datetime

from cronsim import CronSim

from tradewind.fleet import Batch, Buffered, Rule
from tradewind.ports import Change, Notification


def buffering(rule: Rule, notification: Notification) -> Buffered | None:
    """Return how a rule buffers what a notification tells, or None if it does not.

    A delete is a fact, and what tradewind itself asks for would go round for ever; neither waits.
    """
    of = rule.delivers
    if not isinstance(of, Buffered) or notification.asked:
        return None
    return of if notification.change in (Change.WRITTEN, Change.METADATA) else None


def batched(rule: Rule, notification: Notification, now: datetime) -> datetime | None:
    """Return the time of the batch that a notification waits for, or None if it waits for none.

    Only what a listing shows can wait for one: Cloud Storage and tags change metadata without another modified time.
    """
    of = rule.delivers
    if not isinstance(of, Batch) or notification.asked or notification.change is not Change.WRITTEN:
        return None
    return next_batch(of, now)


def next_batch(of: Batch, after: datetime) -> datetime:
    """Return the first time after `after` at which a batch begins."""
    return next(CronSim(of.cron, after))
