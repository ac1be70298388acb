"""The object store port: what replication asks of S3, Cloud Storage, Blob Storage and of memory.

Shared rules of every method:

- Each call is atomic at the store. A failed condition is answered with `PreconditionFailedError` and never retried.
- Calls may be made from several threads at once.
- Errors are those of `tradewind.errors`; no SDK error leaves an implementation. Besides those named below, every
  method raises `StoreUnavailableError`, `CredentialsError`, `AccessDeniedError` and `BucketNotFoundError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from tradewind.ports.metadata import Metadata


@dataclass(frozen=True, slots=True)
class CompositeChecksum:
    """A checksum of the parts' checksums, which is what S3 keeps of a multipart upload by default.

    https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
    """

    algorithm: Literal["crc32", "crc32c"]
    digest: bytes
    """Checksum of the concatenated part checksums, big-endian."""
    part_sizes: tuple[int, ...]
    """Bytes of each part, in order."""


@dataclass(frozen=True, slots=True)
class Checksums:
    """What the store itself says about the whole object's bytes; None where it says nothing."""

    crc32c: int | None = None
    crc32: int | None = None
    crc64nvme: int | None = None
    md5: bytes | None = None
    composite: CompositeChecksum | None = None


@dataclass(frozen=True, slots=True)
class ObjectState:
    """What a store says about one key at one moment."""

    key: str
    token: str
    """The store's own compare-and-set token (ETag or generation); opaque, compared for equality only."""
    size: int
    """Bytes."""
    modified: datetime
    """When this version was written, by the store's clock, in UTC and in whole seconds."""
    checksums: Checksums = field(default_factory=Checksums)
    metadata: Metadata = field(default_factory=Metadata)


@dataclass(frozen=True, slots=True)
class Download:
    """A version of an object that is being read: its state first, its bytes when asked for."""

    state: ObjectState
    chunks: Iterator[bytes]
    """The bytes in order. Raises `StoreUnavailableError` if the connection breaks, and never ends short silently."""


@dataclass(frozen=True, slots=True)
class PutReceipt:
    """What the store answered to a write."""

    token: str
    """The compare-and-set token of what was written."""


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One line of a listing."""

    key: str
    token: str
    size: int
    modified: datetime


@dataclass(frozen=True, slots=True)
class ObjectPage:
    """One page of a listing, in the store's own order (S3 and Cloud Storage: UTF-8 bytes of the key)."""

    objects: tuple[ObjectSummary, ...]
    cursor: str | None
    """Hand this to `list` for the next page; None after the last one."""


class ObjectStore(Protocol):
    """One bucket or container."""

    @property
    def checksum(self) -> Literal["crc32c", "md5"]:
        """Which checksum this store verifies when it is written, and keeps and reports afterwards.

        A store of `md5` may also have been given one by somebody else that nobody compared with the bytes.
        """

    @property
    def keeps_tags(self) -> bool:
        """Whether `Metadata.tags` are kept; a store that does not is written without them, and shows none."""

    def check_key(self, key: str) -> None:
        """Raise `UnportableError` if this store cannot hold `key` exactly as it is spelled. No I/O."""

    def check_metadata(self, metadata: Metadata) -> None:
        """Raise `UnportableError` if this store cannot hold `metadata` (names, values or total size). No I/O."""

    def head(self, key: str) -> ObjectState | None:
        """Return the key's present state, or None if it does not exist."""

    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> AbstractContextManager[Download]:
        """Open the object for reading.

        The state of a read of a range may lack what the store does not tell without being asked: checksums, tags, and
        user metadata that is kept elsewhere. Token, size and time are always there.

        Leaving the context without having read everything is cheap and releases the connection.

        Args:
            key: The key.
            token: Read exactly this version; None reads the present one, whose token is then in `Download.state`.
            start: First byte, from 0.
            length: Bytes to read; None means to the end.

        Raises:
            NotFoundError: The key does not exist, or `token` names a version that is gone for good.
            PreconditionFailedError: The present version is not `token`.
        """

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write the whole object if the key's token is `expect` (None: if it does not exist).

        The store checks the bytes against a checksum that is sent along, so that what becomes visible is what was
        meant: `crc32c` on S3 and Cloud Storage, `md5` on Azure, which computes it when it is None.

        Not idempotent by itself: after a lost answer the condition fails, and the caller looks again.

        Raises:
            PreconditionFailedError: The key's token is not `expect`; nothing was written.
            IntegrityError: The store received other bytes; nothing was written.
            UnportableError: The store cannot hold this key or metadata.
        """

    def delete(self, key: str, *, expect: str) -> None:
        """Delete if the key's token is `expect`.

        Raises:
            PreconditionFailedError: The key has another token; nothing was deleted.
            NotFoundError: There is nothing to delete.
        """

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return up to `limit` objects whose key starts with `prefix`, from `cursor` on."""
