"""When a batch begins, and how far back it looks. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from tradewind.fleet import Batch
from tradewind.replication.modes.deferring import next_batch

PREFIX = "batches/"
MARGIN = timedelta(hours=1)
"""A batch looks so much further back than to the beginning of the last one. Clocks differ by seconds; but S3 dates an
upload in parts from when it was begun, and one that takes longer than this is found by the next full sweep.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html
"""
PAGE = 5000
"""Listed keys between two notes of how far a batch has come; only those that were written lately are looked at."""
KEYS = 1_000_000
"""Listed keys of one round, at most."""


def name_of(rule: str) -> str:
    """Return the name of the record of a rule's batches; it is beside that of its sweeps."""
    return PREFIX + rule


def is_due(of: Batch, begun: datetime, now: datetime) -> bool:
    """Say whether a time for a batch has come since the last batch or sweep began."""
    return next_batch(of, begun) <= now
