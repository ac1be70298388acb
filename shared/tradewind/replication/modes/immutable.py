"""What a `versioned` rule adds: what is at a target is never overwritten, and what was written is read back."""

from __future__ import annotations

from tradewind.checksums import crc32c
from tradewind.errors import ConflictError, IntegrityError, NotFoundError, PreconditionFailedError
from tradewind.fleet import Rule, Versioned
from tradewind.ports import Checksums, ObjectState, ObjectStore
from tradewind.replication.provenance import provenance_of

SAME = "the same bytes are there, and the rule overwrites nothing"


def is_versioned(rule: Rule) -> bool:
    """Say whether `rule` overwrites nothing."""
    return isinstance(rule.delivers, Versioned)


def same_bytes(one: ObjectState, other: ObjectState) -> bool | None:
    """Say whether two objects hold the same bytes, as far as their stores and their provenance tell; None: unknown."""
    mine, theirs = _known(one), _known(other)
    if mine[0] != theirs[0]:
        return False
    compared = [a == b for a, b in zip(mine[1:], theirs[1:], strict=True) if a is not None and b is not None]
    return all(compared) if compared else None


def is_replica_of(state: ObjectState, size: int, checksum: int) -> bool:
    """Say whether an object is a replica of bytes of this size and CRC-32C, of whichever version."""
    claim = provenance_of(state)
    return claim is not None and (claim.size, claim.crc32c) == (size, checksum)


def refusal(key: str, source: str, target: str) -> ConflictError:
    """Return the error of a write that would have replaced another version."""
    return ConflictError(
        f"{key!r} at {target} is another version than at {source}, and the rule overwrites nothing",
        hint="Publish it under a new key, such as models/v43/...; or delete it at the target and redrive this message",
    )


def read_back(store: ObjectStore, key: str, token: str, checksum: int) -> bool:
    """Read what was written as the version `token`, and say whether it has the CRC-32C `checksum`.

    Raises:
        PreconditionFailedError: Somebody wrote or deleted it meanwhile.
    """
    found = 0
    try:
        with store.get(key, token=token) as download:
            for chunk in download.chunks:
                found = crc32c(chunk, found)
    except NotFoundError as error:
        raise PreconditionFailedError(f"{key!r} was deleted while it was read back") from error
    except IntegrityError:
        return False
    return found == checksum


def _known(state: ObjectState) -> tuple[int, int | None, int | None, int | None, bytes | None]:
    claim, kept = provenance_of(state), state.checksums
    if claim is None:
        return state.size, kept.crc32c, kept.crc64nvme, kept.crc32, kept.md5
    # What is kept of a replica that is stored in another form is of that form.
    own = kept if claim.size == state.size else Checksums()
    return claim.size, claim.crc32c, claim.crc64nvme or own.crc64nvme, claim.crc32 or own.crc32, own.md5
