"""What is known of an object's bytes without reading them, and when that is enough to say that two are the same. Pure.

Of two objects of one size that differ, one pair in 2^128 shares an MD5 by accident, and one in 2^64 a CRC-64: among a
million objects of one size there is a pair of the same CRC-64 with a probability of 3 in 100 million. A CRC of 32 bits
is shared by some pair among a hundred thousand of them already, so it is compared, and never counts alone.

Of an object that was uploaded in parts S3 shows by default no checksum of all its bytes, but its ETag is an MD5 of the
parts' MD5s (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html), and that of a replica's origin is in its
provenance. So equal ETags of that form tell equal bytes; the same bytes in other parts have another.

Only what the store computed of the bytes counts, and never what a client says of them. Azure keeps whatever MD5 it is
given of a blob that is committed from blocks (https://learn.microsoft.com/rest/api/storageservices/put-block-list), or
of any blob later on, and tools that overwrite a blob with other bytes pass on the properties of what they read.

All this guards against accidents only: docs/adr/0014 says who might make such a pair on purpose.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace

from tradewind.ports import Checksums, ObjectState
from tradewind.replication.provenance import Provenance, agree, provenance_of

PREFIX = "contents/"
_OF_PARTS = re.compile(r"[0-9a-f]{32}-[1-9][0-9]*")


@dataclass(frozen=True, slots=True)
class Content:
    """Some bytes, as far as their stores tell."""

    size: int
    checksums: Checksums
    etag: str | None = None
    """Of S3, where it is made of the parts that the bytes were uploaded in."""

    @property
    def telling(self) -> tuple[str, str] | None:
        """Return the checksum that these bytes are told from all others by, and its name; None if there is none."""
        if self.checksums.md5 is not None:
            return "md5", self.checksums.md5.hex()
        if self.checksums.crc64nvme is not None:
            return "crc64nvme", f"{self.checksums.crc64nvme:016x}"
        return None if self.etag is None else ("etag", self.etag)


def content_of(state: ObjectState, *, given: bool = False) -> Content | None:
    """Return what is known of an object's bytes: what its store keeps of them, and what its provenance says.

    Provenance counts only where it speaks of these very bytes. None for a replica that is stored in another form.

    Args:
        state: The object, as its store described it.
        given: Whether its store keeps whatever MD5 it is given. Then that tells nothing, nor does provenance that only
            this MD5 confirms.
    """
    if given:
        state = replace(state, checksums=replace(state.checksums, md5=None))
    claim, kept = provenance_of(state), state.checksums
    if claim is None:
        return Content(state.size, kept, _of_parts(state.token))
    if claim.stored is not None:
        return None
    said = claim.checksums
    checksums = replace(
        kept,
        crc32c=said.crc32c if kept.crc32c is None else kept.crc32c,
        crc64nvme=said.crc64nvme if kept.crc64nvme is None else kept.crc64nvme,
        crc32=said.crc32 if kept.crc32 is None else kept.crc32,
        md5=(claim.md5 or claim.origin_md5) if kept.md5 is None else kept.md5,
    )
    return Content(state.size, checksums, _of_parts(claim.version.token))


def content_from(origin: Provenance) -> Content:
    """Return what a replica says of its origin's bytes."""
    checksums = replace(origin.checksums, md5=origin.origin_md5 or origin.md5)
    return Content(origin.size, checksums, _of_parts(origin.version.token))


def same(one: Content, other: Content) -> bool:
    """Say whether these are the same bytes, beyond any accident.

    They have one size and something telling in common, and no checksum differs of those that are known of both.
    """
    mine, theirs = one.checksums, other.checksums
    pairs = ((mine.md5, theirs.md5), (mine.crc64nvme, theirs.crc64nvme), (one.etag, other.etag))
    told = any(here is not None and here == there for here, there in pairs)
    return one.size == other.size and told and agree(mine, theirs) is not False


def _of_parts(token: str) -> str | None:
    return token if _OF_PARTS.fullmatch(token) else None


def name_of(content: Content, classification: str) -> str | None:
    """Return the name of the record that says where content is; None if nothing tells it from all other.

    The classification is part of it: content is never taken from where another class of data is kept.
    """
    if content.telling is None:
        return None
    spelled = "\0".join((classification, str(content.size), *content.telling))
    return PREFIX + hashlib.blake2b(spelled.encode(), digest_size=16).hexdigest()
