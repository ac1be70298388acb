"""Comparing bytes with what their store keeps."""

import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.checksums import UNPROVEN, combine, composite, crc32c, crc64nvme, extended, md5, prove
from tradewind.errors import IntegrityError
from tradewind.ports import Algorithm, Checksums, CompositeChecksum

CHECK = b"123456789"


def test_check_values() -> None:
    """Each CRC has the check value of its published definition."""
    assert crc32c(CHECK) == 0xE3069283
    assert crc64nvme(CHECK) == 0xAE8B14860A799888


def parts_of(body: bytes, *sizes: int) -> CompositeChecksum:
    """Return what S3 keeps of `body` when it is uploaded in parts of these sizes."""
    cuts = [sum(sizes[:at]) for at in range(len(sizes) + 1)]
    sums = b"".join(zlib.crc32(body[a:b]).to_bytes(4, "big") for a, b in pairwise(cuts))
    return CompositeChecksum("crc32", zlib.crc32(sums).to_bytes(4, "big"), sizes)


def kept(body: bytes) -> list[tuple[str, Checksums]]:
    """Return every kind of checksum of `body`, and how a proof calls it."""
    return [
        ("crc32c", Checksums(crc32c=crc32c(body))),
        ("crc64nvme", Checksums(crc64nvme=crc64nvme(body))),
        ("crc32", Checksums(crc32=zlib.crc32(body))),
        ("crc32 of parts", Checksums(composite=parts_of(body, 5, len(body) - 5))),
        ("md5", Checksums(md5=md5(body))),
    ]


@given(st.binary(min_size=5, max_size=300))
def test_proves_with_whatever_is_kept(body: bytes) -> None:
    """The right bytes pass against every kind of checksum, and the proof names it."""
    for name, checksums in kept(body):
        assert prove(body, checksums, crc=crc32c(body), subject="x") == name


@pytest.mark.parametrize(("name", "checksums"), kept(b"the right bytes"))
def test_other_bytes_do_not_pass(name: str, checksums: Checksums) -> None:
    """One flipped bit is an integrity error that names the checksum."""
    body = b"the right bytet"

    with pytest.raises(IntegrityError, match=f"do not have the {name}"):
        prove(body, checksums, crc=crc32c(body), subject="x")


def test_nothing_kept_is_said() -> None:
    """A store that keeps nothing to compare with gives no proof."""
    assert prove(b"", Checksums(), crc=0, subject="x") == UNPROVEN


def test_parts_that_do_not_add_up_prove_nothing() -> None:
    """A composite checksum over other sizes than the body's never matches."""
    assert composite(b"12345", CompositeChecksum("crc32c", b"", (5, 5))) == b""


@pytest.mark.parametrize("algorithm", ["crc32c", "crc32", "crc64nvme"])
@given(first=st.binary(max_size=300), second=st.binary(max_size=3000))
def test_checksums_of_pieces_combine_to_that_of_the_whole(algorithm: Algorithm, first: bytes, second: bytes) -> None:
    """Parts that different functions copied prove the whole, with no second read."""
    whole = extended(algorithm, 0, first + second)
    assert combine(algorithm, extended(algorithm, 0, first), extended(algorithm, 0, second), len(second)) == whole
    assert extended(algorithm, extended(algorithm, 0, first), second) == whole
