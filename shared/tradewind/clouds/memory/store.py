"""Object storage in memory: the reference that the contract suite holds the clouds against."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from hashlib import md5 as md5_of
from itertools import count
from threading import RLock
from typing import Literal

import google_crc32c

from tradewind.clouds.header_text import require_size, require_text
from tradewind.clouds.tag_limits import require_tags
from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError, UnportableError
from tradewind.ports import (
    Algorithm,
    Checksums,
    Download,
    Metadata,
    ObjectPage,
    ObjectState,
    ObjectSummary,
    Part,
    PutReceipt,
)

CHUNK = 1024 * 1024
KEY_BYTES = 1024
METADATA_BYTES = 8192
_ANY = re.compile(".*", re.DOTALL)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class _Object:
    state: ObjectState
    body: bytes


@dataclass(frozen=True, slots=True)
class PartHeld:
    """A part of an upload."""

    part: Part
    body: bytes


@dataclass(frozen=True, slots=True)
class Pending:
    """An upload in parts."""

    key: str
    algorithm: Algorithm
    metadata: Metadata
    final: bool
    """Whether that is all of it."""
    parts: dict[int, PartHeld] = field(default_factory=dict)


class MemoryStore:
    """One bucket (see `ports.ObjectStore`); tokens are numbers that only grow.

    Args:
        name: How to call it in errors.
        clock: The store's clock, in UTC.
        keeps_tags: Whether objects have tags here, as they have not at Cloud Storage.
    """

    checksum: Literal["crc32c"] = "crc32c"

    def __init__(self, name: str = "memory", *, clock: Callable[[], datetime] = now, keeps_tags: bool = True) -> None:
        self.keeps_tags = keeps_tags
        self._name = name
        self._clock = clock
        self.lock = RLock()
        self.pending: dict[str, Pending] = {}
        """The uploads that were begun, by their ids (see `MemoryUploads`)."""
        self.upload_numbers = count(1)
        self._objects: dict[str, _Object] = {}
        self._writes = 0

    def check_key(self, key: str) -> None:
        """Refuse what none of the clouds can hold."""
        require_text(key, what="The key")
        if not 0 < len(key.encode()) <= KEY_BYTES:
            raise UnportableError(f"Keys have 1 to 1,024 bytes, and {key[:64]!r} has {len(key.encode()):,}")

    def check_metadata(self, metadata: Metadata) -> None:
        """Refuse what none of the clouds can hold."""
        for name, value in metadata.user.items():
            require_text(name + value, what="The metadata")
            if not name:
                raise UnportableError("The object has a metadata entry without a name")
        require_size(dict(metadata.user), limit=METADATA_BYTES, store="Memory")
        if self.keeps_tags:
            require_tags(metadata.tags, allowed=_ANY, store="Memory")

    def head(self, key: str) -> ObjectState | None:
        """Return the key's state."""
        self.check_key(key)
        with self.lock:
            held = self._objects.get(key)
        return held.state if held else None

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading; what is read is the version that was opened, whatever happens meanwhile."""
        self.check_key(key)
        with self.lock:
            held = self._required("get", key, token)
        end = held.state.size if length is None else min(held.state.size, start + length)
        yield Download(held.state, (held.body[at : min(at + CHUNK, end)] for at in range(start, end, CHUNK)))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write the whole object, comparing the bytes with the checksums that are given."""
        self.check_key(key)
        self.check_metadata(metadata)
        digest = md5_of(body, usedforsecurity=False).digest()
        if crc32c != google_crc32c.value(body) or md5 not in (None, digest):
            raise IntegrityError(f"Could not put {self._uri(key)}: the bytes have another checksum")
        return self.place(
            key, bytes(body), metadata=metadata, checksums=Checksums(crc32c=crc32c, md5=digest), expect=expect
        )

    def place(
        self, key: str, body: bytes, *, metadata: Metadata, checksums: Checksums, expect: str | None
    ) -> PutReceipt:
        """Make `body` the object if the key's token is `expect`; it shows `checksums`, which are believed.

        Raises:
            PreconditionFailedError: It is not; nothing was written.
        """
        with self.lock:
            held = self._objects.get(key)
            if (held.state.token if held else None) != expect:
                raise PreconditionFailedError(f"Could not put {self._uri(key)}: its token is not {expect}")
            self._writes += 1
            state = ObjectState(
                key=key,
                token=str(self._writes),
                size=len(body),
                modified=self._clock(),
                checksums=checksums,
                metadata=metadata if self.keeps_tags else replace(metadata, tags={}),
            )
            self._objects[key] = _Object(state, body)
        return PutReceipt(state.token)

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition."""
        self.check_key(key)
        with self.lock:
            self._required("delete", key, expect)
            del self._objects[key]

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page, in the order of the keys' UTF-8 bytes."""
        with self.lock:
            states = {key: held.state for key, held in self._objects.items() if key.startswith(prefix)}
        keys = sorted(states, key=str.encode)
        first = bisect_right(keys, cursor.encode(), key=str.encode) if cursor is not None else 0
        page = keys[first : first + limit]
        lines = tuple(ObjectSummary(key, s.token, s.size, s.modified) for key in page for s in [states[key]])
        return ObjectPage(lines, page[-1] if first + limit < len(keys) else None)

    def _uri(self, key: str) -> str:
        return f"{self._name}://{key}"

    def _required(self, operation: str, key: str, token: str | None) -> _Object:
        held = self._objects.get(key)
        if held is None:
            raise NotFoundError(f"Could not {operation} {self._uri(key)}: there is no such object")
        if token not in (None, held.state.token):
            raise PreconditionFailedError(f"Could not {operation} {self._uri(key)}: its token is not {token}")
        return held
