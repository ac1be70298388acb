"""From Cloud Storage's answers to the port's values."""

from __future__ import annotations

from base64 import b64decode
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tradewind.ports import Checksums, Metadata, ObjectState, ObjectSummary

if TYPE_CHECKING:
    from google.cloud.storage import Blob


def state_of(blob: Blob) -> ObjectState:
    """Return the state that an object resource shows."""
    return ObjectState(
        key=blob.name,
        token=str(blob.generation),
        size=int(blob.size),
        modified=_moment(blob),
        checksums=Checksums(
            crc32c=int.from_bytes(b64decode(blob.crc32c)) if blob.crc32c else None,
            md5=b64decode(blob.md5_hash) if blob.md5_hash else None,
        ),
        metadata=Metadata(
            content_type=blob.content_type or None,
            content_encoding=blob.content_encoding or None,
            content_language=blob.content_language or None,
            content_disposition=blob.content_disposition or None,
            cache_control=blob.cache_control or None,
            user={name.lower(): value for name, value in (blob.metadata or {}).items()},
        ),
    )


def summary_of(blob: Blob) -> ObjectSummary:
    """Return one line of a listing."""
    return ObjectSummary(key=blob.name, token=str(blob.generation), size=int(blob.size), modified=_moment(blob))


def _moment(blob: Blob) -> datetime:
    # `updated` moves when metadata is patched, which makes no new generation; `timeCreated` is the generation's own.
    created: datetime = blob.time_created
    return created.astimezone(UTC)
