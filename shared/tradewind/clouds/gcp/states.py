"""From Cloud Storage's answers to the port's values.

An object is described in two ways: by its resource in the JSON API, which tells everything as it is, and by the headers
of a read over the XML API, which come with the bytes, save a request, and cannot carry everything. Both must make the
same of an object, since a replica remembers what was seen of it: so `modified` is in whole seconds, as the header has
it, and `by_headers` makes nothing of an answer that it is not sure of.

A generation looks like the microsecond of the write. Cloud Storage does not promise that, nor that generations increase
(https://cloud.google.com/storage/docs/generations-preconditions), so it counts only where it is near what is told: the
two APIs may tell times on either side of a second, and of the generation they tell the same.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NotRequired, TypedDict

from tradewind.ports import Checksums, Metadata, ObjectState, ObjectSummary

PLAIN_TYPE = "application/octet-stream"
"""What an object has that was stored without a content type: it is served so, while its resource has none, and a
replica that was made of the one would never be found to be of the other.
https://cloud.google.com/storage/docs/json_api/v1/objects"""
NEAR = 60
"""Seconds between a generation and what is told of it, up to which it says when it was written."""
_USER = "x-goog-meta-"
_PLAIN = re.compile(r"[ !-$&-~]*")
"""Printable ASCII without `%`: what else a value has may have been escaped on its way into a header, or not."""
_DEFAULT_CACHING = frozenset({"private, max-age=0", "public, max-age=3600"})
"""What is answered of an object that has no `cacheControl`."""


class Resource(TypedDict):
    """An object, as the JSON API describes it; 64-bit numbers are text."""

    name: str
    generation: str
    size: str
    timeCreated: str
    crc32c: NotRequired[str]
    md5Hash: NotRequired[str]
    contentType: NotRequired[str]
    contentEncoding: NotRequired[str]
    contentLanguage: NotRequired[str]
    contentDisposition: NotRequired[str]
    cacheControl: NotRequired[str]
    metadata: NotRequired[Mapping[str, str]]


def by_resource(resource: Resource) -> ObjectState:
    """Return the state that an object's resource shows."""
    return ObjectState(
        key=resource["name"],
        token=str(resource["generation"]),
        size=int(resource["size"]),
        modified=_written(resource["generation"], datetime.fromisoformat(resource["timeCreated"])),
        checksums=_checksums(resource.get("crc32c"), resource.get("md5Hash")),
        metadata=Metadata(
            content_type=resource.get("contentType") or PLAIN_TYPE,
            content_encoding=resource.get("contentEncoding") or None,
            content_language=resource.get("contentLanguage") or None,
            content_disposition=resource.get("contentDisposition") or None,
            cache_control=resource.get("cacheControl") or None,
            user={name.lower(): value for name, value in (resource.get("metadata") or {}).items()},
        ),
    )


def by_headers(key: str, headers: Mapping[str, str]) -> ObjectState | None:
    """Return the state that the headers of a read show, or None if the resource has to be asked.

    That is so where a value may be spelled in another way than it was given, where something is missing (a read of a
    range need not tell the checksums), and once the metadata was changed: `Last-Modified` may then be of the change.
    https://cloud.google.com/storage/docs/xml-api/reference-headers
    """
    hashes = dict(each.strip().partition("=")[::2] for each in headers.get("x-goog-hash", "").split(","))
    total = headers.get("content-range", "").rpartition("/")[2]
    size = total or headers.get("x-goog-stored-content-length") or headers.get("content-length")
    user = {name.removeprefix(_USER): value for name, value in headers.items() if name.startswith(_USER)}
    known = size and "crc32c" in hashes and {"x-goog-generation", "last-modified"} <= headers.keys()
    if not known or headers.get("x-goog-metageneration", "1") != "1":
        return None
    if not all(_PLAIN.fullmatch(name + value) for name, value in user.items()):
        return None
    caching = headers.get("cache-control")
    return ObjectState(
        key=key,
        token=headers["x-goog-generation"],
        size=int(size or 0),
        modified=_written(headers["x-goog-generation"], parsedate_to_datetime(headers["last-modified"])),
        checksums=_checksums(hashes["crc32c"], hashes.get("md5")),
        metadata=Metadata(
            content_type=headers.get("content-type") or PLAIN_TYPE,
            content_encoding=headers.get("content-encoding") or None,
            content_language=headers.get("content-language") or None,
            content_disposition=headers.get("content-disposition") or None,
            cache_control=None if caching in _DEFAULT_CACHING else caching or None,
            user=user,
        ),
    )


def was_inflated(headers: Mapping[str, str]) -> bool:
    """Say whether a read's bytes are other bytes than those that are stored, which are gzip."""
    return headers.get("x-goog-stored-content-encoding") == "gzip" != headers.get("content-encoding")


def summary_of(resource: Resource) -> ObjectSummary:
    """Return one line of a listing."""
    return ObjectSummary(
        key=resource["name"],
        token=str(resource["generation"]),
        size=int(resource["size"]),
        modified=_written(resource["generation"], datetime.fromisoformat(resource["timeCreated"])),
    )


class Hearsay:
    """What headers told of objects, until their resources confirm it or not.

    Headers may lose what `by_headers` cannot notice (spaces at a value's ends, names that no header can have, an
    explicit `Cache-Control` that is the default), and a replica of such an object would never be found to be of it.
    Every read is followed by a look at the resource, which brings it to light; from then on the resource is asked.
    """

    LIMIT = 4096
    """Objects that are remembered, at most; who is forgotten is only read once more in vain."""

    def __init__(self) -> None:
        self._told: dict[str, ObjectState] = {}
        self._doubted: set[str] = set()

    def tell(self, state: ObjectState) -> None:
        """Remember what headers told."""
        if len(self._told) >= self.LIMIT:
            self._told.clear()
        self._told[state.key] = state

    def confirm(self, state: ObjectState) -> None:
        """Compare that with what the resource tells."""
        told = self._told.pop(state.key, None)
        if told is not None and told.token == state.token and told != state:
            if len(self._doubted) >= self.LIMIT:
                self._doubted.clear()
            self._doubted.add(state.key)

    def doubts(self, key: str) -> bool:
        """Say whether headers told something else of an object than its resource."""
        return key in self._doubted


def _checksums(crc32c: str | None, md5: str | None) -> Checksums:
    return Checksums(crc32c=int.from_bytes(b64decode(crc32c)) if crc32c else None, md5=b64decode(md5) if md5 else None)


def _written(generation: str, told: datetime) -> datetime:
    """Return when a generation was written, in whole seconds."""
    seconds = int(generation) // 1_000_000
    if abs(seconds - told.timestamp()) < NEAR:
        return datetime.fromtimestamp(seconds, UTC)
    return _moment(told)


def _moment(time: datetime) -> datetime:
    # `updated` moves when metadata is patched, which makes no new generation; `timeCreated` is the generation's own.
    return time.astimezone(UTC).replace(microsecond=0)
