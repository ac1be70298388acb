"""From Blob Storage's answers to the port's values."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from tradewind.clouds.header_text import decode_name, decode_value
from tradewind.ports import Checksums, Metadata, ObjectState, ObjectSummary

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

_USER = "x-ms-meta-"


def state_of(key: str, headers: Mapping[str, str], tags: Mapping[str, str]) -> ObjectState:
    """Return the state that the headers of a GET or HEAD answer show; they tell only how many `tags` there are."""
    named = {name.lower(): value for name, value in headers.items()}
    total = named.get("content-range", "").rpartition("/")[2]
    # Of a range, Content-MD5 would be the range's.
    md5 = named.get("x-ms-blob-content-md5") if total else named.get("content-md5")
    return ObjectState(
        key=key,
        token=token_of(named["etag"]),
        size=int(total or named["content-length"]),
        modified=parsedate_to_datetime(named["last-modified"]).astimezone(UTC),
        checksums=Checksums(md5=b64decode(md5) if md5 else None),
        metadata=Metadata(
            content_type=_text(named.get("content-type")),
            content_encoding=_text(named.get("content-encoding")),
            content_language=_text(named.get("content-language")),
            content_disposition=_text(named.get("content-disposition")),
            cache_control=_text(named.get("cache-control")),
            user={
                decode_name(name.removeprefix(_USER)): decode_value(value)
                for name, value in named.items()
                if name.startswith(_USER)
            },
            tags=tags,
        ),
    )


def summary_of(blob: BlobProperties) -> ObjectSummary:
    """Return one line of a listing."""
    return ObjectSummary(
        key=blob.name,
        token=token_of(blob.etag or ""),
        size=blob.size,
        modified=blob.last_modified.astimezone(UTC),
    )


def token_of(etag: str) -> str:
    """Return the ETag without quotes, as events and listings spell it."""
    return etag.strip('"')


def _text(value: str | None) -> str | None:
    return decode_value(value) if value else None
