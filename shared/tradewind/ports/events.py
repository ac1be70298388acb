"""The normal form of every cloud's storage event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Change(StrEnum):
    """What is said to have happened to a key."""

    WRITTEN = "written"
    DELETED = "deleted"
    METADATA = "metadata"
    EXPIRED = "expired"
    """Removed by a lifecycle rule of the bucket, not by a user."""
    NOTHING = "nothing"
    """Nothing is said to have happened: a sweep or a person asks to have the key looked at."""


@dataclass(frozen=True, slots=True)
class Notification:
    """Something happened to this key. A hint: the state is always read from the stores."""

    cloud: str
    """`aws`, `gcp` or `azure`."""
    bucket: str
    """The bucket; on Azure `account/container`."""
    key: str
    """The key as the user spelled it (decoded)."""
    change: Change
    time: datetime | None = None
    """When it happened, by the store's clock, UTC; as coarse as the times of objects there (S3, Azure: seconds)."""
    version: str | None = None
    """The store's token for that version, where the event names it."""
    size: int | None = None
    """Bytes, where the event names them."""
    id: str = ""
    """The event's own id, for the audit log."""
    actor: str = ""
    """Who did it, as far as the event tells: S3's principal id, Azure's client request id."""
    asked: bool = False
    """Whether no cloud said it: tradewind itself asks for the key, so no rule lets it wait."""
    redriven: bool = False
    """Whether a person has it tried again after it could not be copied as it is."""
