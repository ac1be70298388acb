"""Uploads in parts in memory: the reference for the contract suite, and what simulations stand on."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from tradewind.clouds.memory.store import MemoryStore, PartHeld, Pending
from tradewind.clouds.pieces import Passing, checksum_in, checksums_from, require_whole
from tradewind.errors import NotFoundError, UnportableError
from tradewind.ports import Algorithm, Checksums, Metadata, Part, PartLimits, PutReceipt

LIMITS = PartLimits(parts=10_000, smallest=1, largest=5 * 1024**3, whole=5 * 1024**4)


class MemoryUploads:
    """The uploads into a store (see `ports.Uploads`), which holds them: any number of these may stand over one store.

    Like S3 it keeps the checksum of the upload's algorithm and no other.

    Args:
        store: Where the objects become visible.
        limits: What it allows.
    """

    def __init__(self, store: MemoryStore, limits: PartLimits = LIMITS) -> None:
        self._store = store
        self._limits = limits

    @property
    def limits(self) -> PartLimits:
        """What the store allows."""
        return self._limits

    def begin(
        self,
        key: str,
        *,
        version: str,  # noqa: ARG002 - of the port; every upload has an id of its own here
        algorithm: Algorithm,
        metadata: Metadata,
        final: bool,
    ) -> str:
        """Begin an upload; each has an id of its own, whatever its version."""
        self._store.check_key(key)
        self._store.check_metadata(metadata)
        with self._store.lock:
            upload = f"{algorithm}-{next(self._store.upload_numbers)}"
            self._store.pending[upload] = Pending(key, algorithm, metadata, final)
        return upload

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """Write one part."""
        algorithm = self._required(key, upload).algorithm
        passing = Passing(chunks, size, (algorithm,), f"part {number} of {key!r}")
        body = b"".join(passing)  # others may be written, or the upload completed, while the bytes are read
        with self._store.lock:
            part = Part(number, size, str(next(self._store.upload_numbers)), passing.checksums)
            self._required(key, upload).parts[number] = PartHeld(part, body)
        return part

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """Return the parts that have arrived."""
        with self._store.lock:
            return [held.part for _, held in sorted(self._required(key, upload).parts.items())]

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
        """Join the parts under a condition."""
        self._store.check_metadata(metadata)
        with self._store.lock:
            pending = self._required(key, upload)
            _require_as_begun(pending, metadata)
            held = [pending.parts.get(part.number) for part in parts]
            bodies = [one.body for one, part in zip(held, parts, strict=True) if one and one.part == part]
            if len(bodies) != len(parts):
                raise NotFoundError(f"Parts of the upload {upload} of {key!r} are gone or were written again")
            require_whole(pending.algorithm, parts, checksums, subject=repr(key))
            kept = checksums_from({pending.algorithm: checksum_in(checksums, pending.algorithm)})
            receipt = self._store.place(key, b"".join(bodies), metadata=metadata, checksums=kept, expect=expect)
            del self._store.pending[upload]
        return receipt

    def abort(self, key: str, upload: str) -> None:
        """Forget an upload."""
        with self._store.lock:
            if (pending := self._store.pending.get(upload)) is not None and pending.key == key:
                del self._store.pending[upload]

    def needs(self, key: str, live: Collection[str]) -> bool:  # noqa: ARG002 - of the port; nothing is left beside objects here
        """Say yes: whatever is there is none of ours."""
        return True

    def _required(self, key: str, upload: str) -> Pending:
        pending = self._store.pending.get(upload)
        if pending is None or pending.key != key:
            raise NotFoundError(f"There is no upload {upload} of {key!r}: it was completed or aborted")
        return pending


def _require_as_begun(pending: Pending, metadata: Metadata) -> None:
    """Refuse what S3 could not do: there only entries of `user` can come late, and only if that was said before."""
    late = replace(metadata, user=pending.metadata.user)
    extended = not pending.final and pending.metadata.user.items() <= metadata.user.items()
    if pending.metadata != (late if extended else metadata):
        raise UnportableError(f"The upload of {pending.key!r} is completed with other metadata than it was begun with")
