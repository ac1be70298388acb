"""Reading a source object once, proving it, and writing it as replicas."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tradewind.checksums import crc32c, md5, prove
from tradewind.errors import IntegrityError, ObjectTooLargeError
from tradewind.ports import Download, Metadata, ObjectState, ObjectStore, PutReceipt
from tradewind.replication.provenance import Provenance, Stored, Version, digest, fingerprint, stamped

MAX_OBJECT = 64 * 1024 * 1024
"""Bytes of the largest object that one function holds in memory."""


@dataclass(frozen=True, slots=True)
class Packed:
    """An object as it is stored."""

    encoding: str
    body: bytes
    crc32c: int


@dataclass(frozen=True, slots=True)
class Payload:
    """A whole object, compared with what its store keeps."""

    state: ObjectState
    body: bytes
    crc32c: int
    proof: str
    """The checksum of the source's store that the bytes were compared with."""
    packed: Packed | None = None
    """How it is to be stored, where not as it is."""


def read(download: Download) -> Payload:
    """Read all of an object and compare it with what its store says of it.

    Raises:
        ObjectTooLargeError: One function cannot hold it.
        IntegrityError: Other bytes arrived than the store announced.
    """
    state = download.state
    require_size(state)
    body = b"".join(download.chunks)
    if len(body) != state.size:
        raise IntegrityError(f"{len(body):,} of {state.size:,} bytes of {state.key!r} arrived")
    crc = crc32c(body)
    return Payload(state, body, crc, prove(body, state.checksums, crc=crc, subject=repr(state.key)))


def require_size(state: ObjectState) -> None:
    """Return if one function can hold the object.

    Raises:
        ObjectTooLargeError: It cannot.
    """
    if state.size > MAX_OBJECT:
        raise ObjectTooLargeError(
            f"{state.key!r} has {state.size:,} bytes, and up to {MAX_OBJECT:,} are copied in one piece",
            hint="Redrive the message with a version of tradewind that copies in parts",
        )


def originating(site: str, state: ObjectState, crc32c: int | None) -> Provenance:
    """Return the provenance of a replica of an object that a user wrote at `site`."""
    return Provenance(
        origin=site,
        version=Version.of(state),
        size=state.size,
        crc32c=crc32c,
        key=fingerprint(state.key),
        metadata=digest(state.metadata),
    )


def telling(origin: Provenance, payload: Payload) -> Provenance:
    """Return provenance that also has what the source's store shows, by which the same content is known again.

    S3 and Cloud Storage compute an MD5 themselves; Azure believes it, and nothing else of its is compared with the
    bytes.
    """
    kept = payload.state.checksums
    proven = kept.crc64nvme if payload.proof == "crc64nvme" else None
    return replace(origin, origin_md5=kept.md5 or origin.origin_md5, crc64nvme=proven or origin.crc64nvme)


def left_behind(store: ObjectStore, metadata: Metadata) -> str:
    """Return what of an object's metadata a target cannot hold, in words; "" if it holds all."""
    tags = metadata.tags
    if not tags or store.keeps_tags:
        return ""
    return f"; its tags stay behind, since the target's store has none: {', '.join(sorted(tags))}"


def write(store: ObjectStore, payload: Payload, provenance: Provenance, *, expect: str | None) -> PutReceipt:
    """Write a replica if the target's token is `expect`.

    Raises:
        PreconditionFailedError: It is not; nothing was written.
        UnportableError: The target cannot hold the metadata.
    """
    body, crc, metadata, stored = payload.body, payload.crc32c, payload.state.metadata, None
    if (packed := payload.packed) is not None:
        body, crc, metadata = packed.body, packed.crc32c, replace(metadata, content_encoding=packed.encoding)
        stored = Stored(packed.encoding, len(body), crc)
    checksum = md5(body) if store.checksum == "md5" else None
    metadata = stamped(metadata, provenance.kept_as(checksum, stored))
    store.check_metadata(metadata)
    return store.put(payload.state.key, body, metadata=metadata, crc32c=crc, md5=checksum, expect=expect)
