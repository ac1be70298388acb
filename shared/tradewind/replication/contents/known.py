"""What is known of an object's bytes without reading them, and when that is enough to say that two are the same. Pure.

Of two objects of one size that differ, one pair in 2^128 shares an MD5 by accident, and one in 2^64 a CRC-64: among a
million objects of one size there is a pair of the same CRC-64 with a probability of 3 in 100 million. A CRC of 32 bits
is shared by some pair among a hundred thousand of them already, so it is compared, and never counts alone. All this
guards against accidents only: docs/adr/0014 says who might make such a pair on purpose.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from tradewind.ports import Checksums, ObjectState
from tradewind.replication.provenance import Provenance, agree, provenance_of

PREFIX = "contents/"


@dataclass(frozen=True, slots=True)
class Content:
    """Some bytes, as far as their stores tell."""

    size: int
    checksums: Checksums

    @property
    def telling(self) -> tuple[str, str] | None:
        """Return the checksum that these bytes are told from all others by, and its name; None if there is none."""
        if self.checksums.md5 is not None:
            return "md5", self.checksums.md5.hex()
        if self.checksums.crc64nvme is not None:
            return "crc64nvme", f"{self.checksums.crc64nvme:016x}"
        return None


def content_of(state: ObjectState) -> Content | None:
    """Return what is known of an object's bytes: what its store keeps of them, and what its provenance says.

    Provenance counts only where it speaks of these very bytes. None for a replica that is stored in another form.
    """
    claim, kept = provenance_of(state), state.checksums
    if claim is None:
        return Content(state.size, kept)
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
    return Content(state.size, checksums)


def content_from(origin: Provenance) -> Content:
    """Return what a replica says of its origin's bytes."""
    return Content(origin.size, replace(origin.checksums, md5=origin.origin_md5 or origin.md5))


def same(one: Content, other: Content) -> bool:
    """Say whether these are the same bytes, beyond any accident.

    They have one size and one telling checksum, and none differs of those that are known of both.
    """
    telling = [
        mine == theirs
        for mine, theirs in (
            (one.checksums.md5, other.checksums.md5),
            (one.checksums.crc64nvme, other.checksums.crc64nvme),
        )
        if mine is not None and theirs is not None
    ]
    return one.size == other.size and bool(telling) and agree(one.checksums, other.checksums) is True


def name_of(content: Content, classification: str) -> str | None:
    """Return the name of the record that says where content is; None if nothing tells it from all other.

    The classification is part of it: content is never taken from where another class of data is kept.
    """
    if content.telling is None:
        return None
    spelled = "\0".join((classification, str(content.size), *content.telling))
    return PREFIX + hashlib.blake2b(spelled.encode(), digest_size=16).hexdigest()
