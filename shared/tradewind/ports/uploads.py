"""Writing one object in parts, by many workers: what replication asks of a store for a large object.

The store's own state of an upload is the checkpoint: whoever comes next lists the parts that have arrived and does what
is missing. Shared rules are those of the object store: each call is atomic, may be made from several threads and
processes at once, and raises errors of `tradewind.errors` only.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from tradewind.ports.metadata import Metadata
from tradewind.ports.store import Checksums, PutReceipt

Algorithm: TypeAlias = Literal["crc32c", "crc64nvme", "crc32"]
"""A checksum that can be combined: that of the whole follows from those of its parts and their sizes."""


@dataclass(frozen=True, slots=True)
class PartLimits:
    """What a store allows, in bytes."""

    parts: int
    """Parts of one upload at most."""
    smallest: int
    """Of every part but the last."""
    largest: int
    whole: int
    """Of the object."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an upload that has arrived at the store."""

    number: int
    """From 1."""
    size: int
    """Bytes."""
    tag: str
    """What the store needs to name the part when the upload is completed (ETag, block ids, generation)."""
    checksums: Checksums
    """That of the upload's algorithm, and also `crc32c` where the store keeps both."""


class Uploads(Protocol):
    """The uploads in parts into one bucket."""

    @property
    def limits(self) -> PartLimits:
        """What the store allows."""

    def begin(self, key: str, *, version: str, algorithm: Algorithm, metadata: Metadata, final: bool) -> str:
        """Begin an upload and return its id, which is opaque and needs no other memory: any process can go on with it.

        Args:
            key: The key.
            version: Text that stands for the source's version; two versions never share an upload.
            algorithm: By which the parts and the whole are proven.
            metadata: Of the object, as far as it is known.
            final: Whether `metadata` is all of it. If not, `complete` is given more entries of `user`.

        Raises:
            UnportableError: The store cannot hold this key or metadata.
        """

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """Write part `number` as it is read from `chunks`; writing it again replaces it.

        No more than a few chunks are held in memory (on Azure one block, of 8 MiB up to 350 GiB of object). What the
        store says of the bytes that it received is compared with what was sent. Errors that `chunks` raises pass.

        Args:
            key: The key.
            upload: As `begin` returned it.
            number: From 1.
            chunks: The bytes in order; exactly `size` of them. Others are an `IntegrityError`.
            size: Bytes.

        Raises:
            IntegrityError: The store received other bytes; the part is not among `parts`.
            NotFoundError: The upload was completed or aborted, where the store knows (S3).
        """

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """Return the parts that have arrived whole, in order of their numbers.

        Raises:
            NotFoundError: The upload was completed or aborted, where the store knows (S3).
        """

    def complete(
        self,
        key: str,
        upload: str,
        parts: Sequence[Part],
        *,
        metadata: Metadata,
        checksums: Checksums,
        expect: str | None,
    ) -> PutReceipt:
        """Join the parts and make the object visible if the key's token is `expect` (None: if it does not exist).

        The object then shows `checksums` when it is asked for its state (those of them that the store keeps), and
        `metadata`. What is left of the upload is removed by `abort`.

        Args:
            key: The key.
            upload: As `begin` returned it.
            parts: All parts in order, as `parts` returned them.
            metadata: All of the object's metadata.
            checksums: Of the whole object; that of the upload's algorithm at least.
            expect: The condition.

        Raises:
            PreconditionFailedError: The key's token is not `expect`; nothing became visible.
            IntegrityError: The joined object has another checksum or size; nothing became visible.
            PermanentError: It became visible, and only then the store told another checksum than its parts have.
            NotFoundError: The upload was completed or aborted, or parts of it are gone.
        """

    def abort(self, key: str, upload: str) -> None:
        """Remove what there is of an upload; no error if nothing is. A completed object stays as it is."""

    def needs(self, key: str, live: Collection[str]) -> bool:
        """Say whether an object, or an upload under way, needs what an upload has left under `.tradewind/late/`.

        Args:
            key: Of what was left; it lies beside the objects because the store could not hold it with its own.
            live: The uploads that are under way.
        """
