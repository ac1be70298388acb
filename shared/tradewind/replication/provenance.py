"""Where a replica came from, kept with the replica itself as one metadata entry."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from tradewind.errors import ConfigurationError
from tradewind.ports import PROVENANCE_KEY, Checksums, Metadata, ObjectState

FORMAT = 2
"""2 since provenance may lack a CRC-32C; what has one is written as 1, which older versions understand."""
_HEADERS = tuple(each.name for each in fields(Metadata) if each.name not in ("user", "tags"))


@dataclass(frozen=True, slots=True)
class Version:
    """Which write of an object this is. Both fields come from the store that was written."""

    token: str
    modified: datetime
    """UTC. Two writes of the same bytes have one ETag on S3, and differ here."""

    @classmethod
    def of(cls, state: ObjectState) -> Version:
        """Return the version that `state` shows."""
        return cls(state.token, state.modified)


@dataclass(frozen=True, slots=True)
class Stored:
    """The form in which a replica is stored, where that is not the origin's."""

    encoding: str
    size: int
    """Bytes."""
    crc32c: int


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a replica says about itself."""

    origin: str
    """Site of the user's write."""
    version: Version
    """Of the origin's object."""
    size: int
    """Bytes."""
    crc32c: int | None
    """None where the store of a large object proved it by another checksum, and no one function saw all of it."""
    key: str
    """Fingerprint of the key, so that provenance that was copied to another key is not believed."""
    md5: bytes | None = None
    """Where the replica's store keeps no CRC-32C."""
    metadata: str = ""
    """Digest of the origin's metadata. Cloud Storage changes metadata without making another version of the object."""
    as_of: datetime | None = None
    """The time that the version counts for, where that is not its modified time (see `standing.holding_of`)."""
    stored: Stored | None = None
    """None where the bytes are those of the origin."""
    crc64nvme: int | None = None
    """Where the origin's store keeps it of a large object; and `crc32` likewise."""
    crc32: int | None = None
    origin_md5: bytes | None = None
    """That of the origin's bytes, where their store computed it and the replica's may not show it: by it the same
    content is known again (see `contents.known`). Nothing else is compared with it."""

    def kept_as(self, checksum: bytes | None, stored: Stored | None = None) -> Provenance:
        """Return this for a store that keeps the MD5 `checksum` of what it is given, or that keeps none."""
        return replace(self, md5=checksum, stored=stored)

    @property
    def checksums(self) -> Checksums:
        """Of the origin's bytes."""
        return Checksums(crc32c=self.crc32c, crc64nvme=self.crc64nvme, crc32=self.crc32)

    @property
    def kept(self) -> tuple[int, Checksums]:
        """Size and checksums of the bytes as they are stored."""
        if self.stored is not None:
            return self.stored.size, Checksums(crc32c=self.stored.crc32c, md5=self.md5)
        return self.size, replace(self.checksums, md5=self.md5)

    def counting_as_of(self, time: datetime) -> Provenance:
        """Return this as that of a version that counts as of another time than it was modified."""
        return replace(self, as_of=time)

    def encode(self) -> str:
        """Return the metadata value: ASCII, about 200 characters."""
        fields: dict[str, Any] = {
            "v": FORMAT if self.crc32c is None else 1,
            "origin": self.origin,
            "version": self.version.token,
            "modified": self.version.modified.isoformat(),
            "size": self.size,
        }
        if self.crc32c is not None:
            fields["crc32c"] = f"{self.crc32c:08x}"
        fields["key"] = self.key
        if self.crc64nvme is not None:
            fields["crc64nvme"] = f"{self.crc64nvme:016x}"
        if self.crc32 is not None:
            fields["crc32"] = f"{self.crc32:08x}"
        if self.md5 is not None:
            fields["md5"] = self.md5.hex()
        if self.origin_md5 is not None:
            fields["omd5"] = self.origin_md5.hex()
        if self.metadata:
            fields["meta"] = self.metadata
        if self.as_of is not None:
            fields["as_of"] = self.as_of.isoformat()
        if self.stored is not None:
            crc = f"{self.stored.crc32c:08x}"
            fields["stored"] = {"encoding": self.stored.encoding, "size": self.stored.size, "crc32c": crc}
        return json.dumps(fields, separators=(",", ":"))


def fingerprint(key: str) -> str:
    """Return 16 hexadecimal digits that stand for `key`; the key itself may be 1,024 bytes long."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def digest(metadata: Metadata) -> str:
    """Return 16 hexadecimal digits that stand for `metadata` without any provenance in it."""
    told: dict[str, object] = {name: getattr(metadata, name) for name in _HEADERS}
    told["user"] = dict(unstamped(metadata).user)
    if metadata.tags:  # so the digest of an object without tags is what it was before there were any
        told["tags"] = dict(metadata.tags)
    return fingerprint(json.dumps(told, sort_keys=True))


def decode(value: str, key: str) -> Provenance | None:
    """Return the provenance in a metadata value of the object `key`, or None if it is something else.

    Raises:
        ConfigurationError: A newer tradewind wrote it, for this key. To take its replica for a user's object would send
            it round.
    """
    try:
        fields = json.loads(value)
        if fields["v"] > FORMAT and {"origin", "version"} <= fields.keys() and fields["key"] == fingerprint(key):
            raise ConfigurationError(
                f"{key!r} carries provenance of format {fields['v']}, and this is tradewind of format {FORMAT}",
                hint="Deploy the same version of tradewind to every cloud; if a user wrote it, remove that metadata",
            )
        modified = datetime.fromisoformat(fields["modified"])
        as_of = datetime.fromisoformat(fields["as_of"]) if "as_of" in fields else None
        if fields["v"] not in (1, FORMAT) or modified.tzinfo is None or (as_of and as_of.tzinfo is None):
            return None
        return Provenance(
            origin=str(fields["origin"]),
            version=Version(str(fields["version"]), modified),
            size=int(fields["size"]),
            crc32c=_number(fields, "crc32c"),
            key=str(fields["key"]),
            crc64nvme=_number(fields, "crc64nvme"),
            crc32=_number(fields, "crc32"),
            md5=bytes.fromhex(fields["md5"]) if "md5" in fields else None,
            origin_md5=bytes.fromhex(fields["omd5"]) if "omd5" in fields else None,
            metadata=str(fields.get("meta", "")),
            as_of=as_of,
            stored=_stored(fields["stored"]) if "stored" in fields else None,
        )
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _number(fields: Mapping[str, Any], name: str) -> int | None:
    return int(fields[name], 16) if name in fields else None


def _stored(fields: Mapping[str, Any]) -> Stored:
    return Stored(str(fields["encoding"]), int(fields["size"]), int(fields["crc32c"], 16))


def claim_of(state: ObjectState) -> Provenance | None:
    """Return the provenance that an object bears, whether or not it speaks of this object."""
    value = state.metadata.user.get(PROVENANCE_KEY)
    return None if value is None else decode(value, state.key)


def provenance_of(state: ObjectState) -> Provenance | None:
    """Return the provenance that speaks of this very object, or None if a user wrote it.

    Metadata is inherited by copies and kept by some tools when they overwrite, so provenance counts only where it
    matches the object's own key, size and checksum as its store reports them.
    """
    claim = claim_of(state)
    if claim is None or claim.key != fingerprint(state.key):
        return None
    size, said = claim.kept
    # Every store keeps a checksum that its replicas' provenance has, so what has none in common with it is not ours.
    return claim if size == state.size and agree(said, state.checksums) else None


def agree(one: Checksums, other: Checksums) -> bool | None:
    """Say whether two descriptions of some bytes have the same checksums; None if they have none in common."""
    pairs = (
        (one.crc32c, other.crc32c),
        (one.crc64nvme, other.crc64nvme),
        (one.crc32, other.crc32),
        (one.md5, other.md5),
    )
    compared = [mine == theirs for mine, theirs in pairs if mine is not None and theirs is not None]
    return all(compared) if compared else None


def is_of(claim: Provenance, state: ObjectState) -> bool:
    """Say whether a replica that bears `claim` was made of what its origin holds now, which is `state`."""
    return claim.version == Version.of(state) and claim.metadata in ("", digest(state.metadata))


def stamped(metadata: Metadata, provenance: Provenance) -> Metadata:
    """Return `metadata` with `provenance` in the place of any that it had."""
    return replace(metadata, user={**metadata.user, PROVENANCE_KEY: provenance.encode()})


def unstamped(metadata: Metadata) -> Metadata:
    """Return `metadata` without any provenance that it had."""
    return replace(metadata, user={name: value for name, value in metadata.user.items() if name != PROVENANCE_KEY})
