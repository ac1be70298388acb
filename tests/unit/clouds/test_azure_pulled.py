"""The names of blocks that Azure read by itself, and of the notes about them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.checksums import crc32c, crc64nvme
from tradewind.clouds.azure.blocks import Block, checksums_of_blocks
from tradewind.clouds.azure.pulled import LARGEST, NOTE, Pulled, pulled_parts, spans
from tradewind.ports import Checksums

UPLOAD = "0123456789abcdef"
FIRST, SECOND = b"first block", b"second"
WHOLE = crc64nvme(FIRST + SECOND)
MEBIBYTE = 1024 * 1024


def pulled(body: bytes, part: int, number: int = 0, of: int = 1, attempt: str = "aaaaaaaa") -> Pulled:
    """Return the block of a body."""
    return Pulled(UPLOAD, part, number, of, len(body), attempt, WHOLE)


def listed(*blocks: Pulled) -> list[tuple[str, int]]:
    """Return blocks and notes as Azure lists them."""
    return [(each.id, len(NOTE) if each.is_note else each.size) for each in blocks]


def noted(body: bytes, part: int, number: int = 0, of: int = 1, attempt: str = "aaaaaaaa") -> list[Pulled]:
    """Return the block of a body, and the note of what Azure read."""
    block = pulled(body, part, number, of, attempt)
    return [block, block.note(crc64nvme(body))]


def sent(body: bytes, part: int) -> tuple[str, int]:
    """Return a block that a function sent, as Azure lists it."""
    block = Block("crc64nvme", UPLOAD, part, 0, 1, len(body), crc32c(body), crc64nvme(body))
    return block.id, len(body)


@given(
    numbers=st.tuples(st.integers(1, 5600), st.integers(0, 9999), st.integers(1, 9999)),
    size=st.integers(1, LARGEST),
    value=st.integers(0, 2**64 - 1),
    is_note=st.booleans(),
)
def test_an_id_says_all_that_is_known(numbers: tuple[int, int, int], size: int, value: int, *, is_note: bool) -> None:
    """It is read as it was written, is as long as Azure lets it be, and as all others of a blob."""
    block = Pulled(UPLOAD, *numbers, size, "0badf00d", value, is_note)

    assert Pulled.read(block.id, len(NOTE) if is_note else size) == block
    assert len(b64decode(block.id)) == len(b64decode(sent(b"x", 1)[0])) == 64


@pytest.mark.parametrize(
    ("name", "size"), [(pulled(FIRST, 1).id, 5), (sent(FIRST, 1)[0], len(FIRST)), ("bm8=", 1), ("/w==", 1), ("%", 1)]
)
def test_what_is_no_such_block(name: str, size: int) -> None:
    """A block of another size, one that was sent, and those of other tools."""
    assert Pulled.read(name, size) is None


@given(st.integers(0, 2**40), st.integers(1, 2**32))
def test_a_part_is_cut_into_blocks(start: int, length: int) -> None:
    """One after the other, all of it, about equal, and none too large to be read in time."""
    found = spans(start, length)

    assert found[0][0] == start
    assert sum(size for _, size in found) == length
    assert all(first + size == after for (first, size), (after, _) in pairwise(found))
    assert max(size for _, size in found) <= LARGEST


def test_the_largest_blob_has_not_too_many_blocks() -> None:
    """5 TiB in 5,600 parts stay below the 50,000 blocks of a blob, and their notes below 100,000."""
    part = -(-5 * 1024**4 // 5600 // MEBIBYTE) * MEBIBYTE

    assert len(spans(0, part)) * 5600 < 50_000


def test_a_part_is_there_when_all_of_its_blocks_are_noted() -> None:
    """The checksum of the part is that of what Azure has read, in the order of the blocks."""
    blocks = [*noted(SECOND, 1, 1, 2), *noted(FIRST, 1, 0, 2)]

    [part] = pulled_parts(UPLOAD, listed(*blocks))

    assert (part.number, part.size) == (1, len(FIRST + SECOND))
    assert part.checksums == Checksums(crc64nvme=WHOLE)
    assert part.tag == f"{blocks[2].id} {blocks[0].id}"


@pytest.mark.parametrize("lost", range(4))
def test_a_part_of_which_a_block_or_a_note_is_missing_is_not_there(lost: int) -> None:
    """Whoever died before the note, or whose note survived the block, left nothing that counts."""
    blocks = [*noted(FIRST, 1, 0, 2), *noted(SECOND, 1, 1, 2)]
    del blocks[lost]

    assert not list(pulled_parts(UPLOAD, listed(*blocks)))


def test_a_note_speaks_of_its_own_attempt_only() -> None:
    """Two workers may have had the same part read; the bytes of the one are not proven by the note of the other."""
    first, _ = noted(FIRST, 1)
    _, late = noted(FIRST, 1, attempt="bbbbbbbb")
    again = noted(FIRST, 1, attempt="cccccccc")

    assert not list(pulled_parts(UPLOAD, listed(first, late)))
    [part] = pulled_parts(UPLOAD, listed(first, late, *again))
    assert part.tag == again[0].id


def test_blocks_of_other_uploads_do_not_count() -> None:
    """Nobody else's blocks get into an object."""
    assert not list(pulled_parts("f" * 16, listed(*noted(FIRST, 1))))


BLOCKS: Sequence[Pulled] = (pulled(FIRST, 1), pulled(SECOND, 2))


def test_a_blob_shows_the_checksum_that_it_was_proven_by() -> None:
    """Its committed blocks say it, whether Azure read all of them or functions sent some."""
    expected = Checksums(crc64nvme=WHOLE)

    assert checksums_of_blocks(listed(*BLOCKS)) == expected
    assert checksums_of_blocks([*listed(BLOCKS[0]), sent(SECOND, 2)]) == expected


@pytest.mark.parametrize(
    "blocks",
    [
        [BLOCKS[1], BLOCKS[0]],
        [BLOCKS[1]],
        [BLOCKS[0], BLOCKS[0]],
        [BLOCKS[0], pulled(FIRST, 2, 0, 2)],
        [BLOCKS[0], replace(BLOCKS[1], value=1)],
        [BLOCKS[0], replace(BLOCKS[1], upload="f" * 16)],
        [BLOCKS[0], BLOCKS[1].note(7)],
    ],
    ids=["disordered", "first lost", "twice", "cut", "disagreeing", "of two uploads", "a note"],
)
def test_other_blobs_of_such_blocks_show_none(blocks: list[Pulled]) -> None:
    """What somebody else joined of our blocks is not what was proven."""
    assert checksums_of_blocks(listed(*blocks)) is None
