"""Comparing bytes with whatever checksum their store happens to keep.

The CRCs are those of the Rocksoft model: CRC-32C (Castagnoli; RFC 3720), CRC-32 (ISO-HDLC; zlib) and CRC-64/NVME, which
Azure calls CRC64 and S3 calls CRC64NVME.
"""

from __future__ import annotations

import hashlib
import zlib
from functools import lru_cache
from itertools import accumulate, pairwise

from tradewind.errors import IntegrityError
from tradewind.ports import Algorithm, Checksums, CompositeChecksum

UNPROVEN = "unproven"
"""The source kept nothing to compare with."""
_POLYNOMIALS: dict[Algorithm, tuple[int, int]] = {
    "crc32": (32, 0xEDB88320),
    "crc32c": (32, 0x82F63B78),
    "crc64nvme": (64, 0x9A6C9329AC4BC9B5),
}
"""Bits, and the polynomial with its coefficients reflected."""


def crc32c(body: bytes, before: int = 0) -> int:
    """Return the CRC-32C of `body`, or of all bytes so far if `before` is that of those before it."""
    import google_crc32c  # noqa: PLC0415 - a few milliseconds that an event without bytes need not pay

    return int(google_crc32c.extend(before, body))


def crc64nvme(body: bytes) -> int:
    """Return the CRC-64/NVME of `body`."""
    from azure.storage.extensions.checksums import crc64  # noqa: PLC0415 - as above

    return int(crc64.compute(body, 0))


def extended(algorithm: Algorithm, before: int, chunk: bytes) -> int:
    """Return the checksum of all bytes so far, of which `chunk` are the last and `before` is that of the others."""
    match algorithm:
        case "crc32c":
            return crc32c(chunk, before)
        case "crc32":
            return zlib.crc32(chunk, before)
        case "crc64nvme":
            from azure.storage.extensions.checksums import crc64  # noqa: PLC0415 - as above

            return int(crc64.compute(chunk, before))


def combine(algorithm: Algorithm, first: int, second: int, second_size: int) -> int:
    """Return the checksum of two pieces' bytes, one after the other, without the bytes.

    Appending n bytes multiplies a CRC by x to the power of 8 n, modulo its polynomial (Mark Adler's `crc32_combine` in
    zlib does the same).

    Args:
        algorithm: Of all three checksums.
        first: That of the first piece.
        second: That of the second piece.
        second_size: Bytes of the second piece.
    """
    bits, polynomial = _POLYNOMIALS[algorithm]
    return _product(first, _appended(second_size, bits, polynomial), bits, polynomial) ^ second


@lru_cache(maxsize=1024)
def _appended(size: int, bits: int, polynomial: int) -> int:
    """Return x to the power of 8 * `size`; coefficients are reflected, so the highest bit is that of x to the 0."""
    power, square = 1 << (bits - 1), 1 << (bits - 9)
    while size:
        if size & 1:
            power = _product(power, square, bits, polynomial)
        square = _product(square, square, bits, polynomial)
        size >>= 1
    return power


def _product(a: int, b: int, bits: int, polynomial: int) -> int:
    product, coefficient = 0, 1 << (bits - 1)
    while a:
        if a & coefficient:
            product ^= b
            a ^= coefficient
        coefficient >>= 1
        b = (b >> 1) ^ polynomial if b & 1 else b >> 1
    return product


def md5(body: bytes) -> bytes:
    """Return the MD5 of `body`, which guards against accidents only; some stores keep nothing else."""
    return hashlib.md5(body, usedforsecurity=False).digest()


def prove(body: bytes, kept: Checksums, *, crc: int, subject: str) -> str:
    """Compare `body` with the strongest checksum that its store keeps.

    Args:
        body: The whole object.
        kept: What the store says about it.
        crc: CRC-32C of `body`, computed already.
        subject: How to call the object in an error.

    Returns:
        The name of the checksum that was compared, or `UNPROVEN`.

    Raises:
        IntegrityError: The bytes are not those that the store keeps.
    """
    if kept.crc32c is not None:
        name, same = "crc32c", kept.crc32c == crc
    elif kept.crc64nvme is not None:
        name, same = "crc64nvme", kept.crc64nvme == crc64nvme(body)
    elif kept.crc32 is not None:
        name, same = "crc32", kept.crc32 == zlib.crc32(body)
    elif kept.composite is not None:
        name, same = f"{kept.composite.algorithm} of parts", kept.composite.digest == composite(body, kept.composite)
    elif kept.md5 is not None:
        name, same = "md5", kept.md5 == md5(body)
    else:
        return UNPROVEN
    if not same:
        raise IntegrityError(
            f"The bytes read from {subject} do not have the {name} that its store keeps",
            hint="They are read again; if this repeats, the object is damaged at its source",
        )
    return name


def strongest(kept: Checksums) -> str | None:
    """Return the strongest checksum of the whole object that is known, with its value; None if there is none."""
    if kept.crc32c is not None:
        return f"crc32c {kept.crc32c:08x}"
    if kept.crc64nvme is not None:
        return f"crc64nvme {kept.crc64nvme:016x}"
    if kept.crc32 is not None:
        return f"crc32 {kept.crc32:08x}"
    if kept.composite is not None:
        return f"{kept.composite.algorithm} of parts {kept.composite.digest.hex()}"
    return f"md5 {kept.md5.hex()}" if kept.md5 is not None else None


def composite(body: bytes, kept: CompositeChecksum) -> bytes:
    """Return the checksum of the part checksums of `body`, cut as `kept` says."""
    function = crc32c if kept.algorithm == "crc32c" else zlib.crc32
    view = memoryview(body)
    cuts = pairwise(accumulate(kept.part_sizes, initial=0))
    parts = b"".join(function(bytes(view[start:end])).to_bytes(4, "big") for start, end in cuts)
    return function(parts).to_bytes(4, "big") if sum(kept.part_sizes) == len(body) else b""
