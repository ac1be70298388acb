"""The proof of an object that no function saw as a whole: the checksums of its parts, combined. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tradewind.checksums import UNPROVEN, combine
from tradewind.errors import PermanentError
from tradewind.ports import Algorithm, Checksums, Part
from tradewind.replication.provenance import Provenance

_ALGORITHMS: tuple[Algorithm, ...] = ("crc32c", "crc64nvme", "crc32")


def algorithm_for(kept: Checksums) -> Algorithm:
    """Return the checksum by which a copy of an object is proven: one that its store keeps, or else CRC-32C."""
    return next((each for each in _ALGORITHMS if value_of(kept, each) is not None), "crc32c")


def value_of(checksums: Checksums, algorithm: Algorithm) -> int | None:
    """Return one of the checksums."""
    match algorithm:
        case "crc32c":
            return checksums.crc32c
        case "crc64nvme":
            return checksums.crc64nvme
        case "crc32":
            return checksums.crc32


def whole(parts: Sequence[Part]) -> Checksums:
    """Combine what all of the parts have into the checksums of the object that they make.

    Args:
        parts: All parts, in order; at least one.
    """
    return Checksums(
        crc32c=_combined("crc32c", parts),
        crc64nvme=_combined("crc64nvme", parts),
        crc32=_combined("crc32", parts),
    )


def _combined(algorithm: Algorithm, parts: Sequence[Part]) -> int | None:
    first, *rest = [(value_of(part.checksums, algorithm), part.size) for part in parts]
    total = first[0]
    for value, size in rest:
        if total is None or value is None:
            return None
        total = combine(algorithm, total, value, size)
    return total


def prove_whole(made: Checksums, kept: Checksums, algorithm: Algorithm, subject: str) -> str:
    """Compare the checksum of all parts with the one that the source's store keeps.

    Returns:
        The name of the checksum that was compared, or `UNPROVEN`.

    Raises:
        PermanentError: They differ. Each part was proven on its way to the target, so another copy would end likewise.
    """
    expected, found = value_of(kept, algorithm), value_of(made, algorithm)
    if expected is None:
        return UNPROVEN
    if expected != found:
        raise PermanentError(
            f"The bytes read from {subject} do not have the {algorithm} that its store keeps, so nothing was written",
            hint="The object is damaged at its source, most likely: upload it again; or redrive the message",
        )
    return algorithm


def with_checksums(origin: Provenance, known: Checksums) -> Provenance:
    """Return provenance that has, besides what it has, the checksums that are known."""
    return replace(
        origin,
        crc32c=origin.crc32c if known.crc32c is None else known.crc32c,
        crc64nvme=origin.crc64nvme if known.crc64nvme is None else known.crc64nvme,
        crc32=origin.crc32 if known.crc32 is None else known.crc32,
    )
