"""The proof of an object by its parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.checksums import UNPROVEN, extended
from tradewind.errors import PermanentError
from tradewind.ports import Algorithm, Checksums, Part
from tradewind.replication.parts.proof import algorithm_for, prove_whole, value_of, whole

NAMES: tuple[Algorithm, ...] = ("crc32c", "crc64nvme", "crc32")


def checksums(body: bytes, *names: Algorithm) -> Checksums:
    """Return these checksums of `body`."""
    known = {name: extended(name, 0, body) for name in names}
    return Checksums(crc32c=known.get("crc32c"), crc64nvme=known.get("crc64nvme"), crc32=known.get("crc32"))


def parts_of(bodies: list[bytes], *names: Algorithm) -> list[Part]:
    """Return parts as a store describes them."""
    return [Part(number, len(body), "t", checksums(body, *names)) for number, body in enumerate(bodies, 1)]


@given(bodies=st.lists(st.binary(max_size=40), min_size=1, max_size=8), names=st.sets(st.sampled_from(NAMES)))
def test_the_whole_has_the_checksums_that_all_parts_have(bodies: list[bytes], names: set[Algorithm]) -> None:
    """What is combined is what one pass over all bytes would have found, and nothing is made up."""
    assert whole(parts_of(bodies, *names)) == checksums(b"".join(bodies), *names)


def test_a_checksum_that_one_part_lacks_is_not_known_of_the_whole() -> None:
    """A store that keeps nothing of one part proves nothing of the object."""
    parts = [*parts_of([b"a"], "crc32c", "crc32"), Part(2, 1, "t", checksums(b"b", "crc32"))]
    assert whole(parts) == checksums(b"ab", "crc32")


@pytest.mark.parametrize("name", NAMES)
def test_the_source_s_own_checksum_is_what_proves_it(name: Algorithm) -> None:
    """Whichever the source's store keeps is computed, compared and named."""
    kept = checksums(b"body", name)
    assert algorithm_for(kept) == name
    assert prove_whole(kept, kept, name, "k") == name
    with pytest.raises(PermanentError, match=f"do not have the {name} that its store keeps"):
        prove_whole(checksums(b"other", name), kept, name, "k")


def test_a_source_that_keeps_nothing_is_copied_unproven() -> None:
    """Then CRC-32C is kept of what arrived, and the proof says what it is."""
    kept = Checksums(md5=bytes(16))
    assert algorithm_for(kept) == "crc32c"
    assert value_of(kept, "crc32c") is None
    assert prove_whole(checksums(b"body", "crc32c"), kept, "crc32c", "k") == UNPROVEN
