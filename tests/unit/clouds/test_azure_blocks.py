"""The ids of blocks: what is written into them comes out, and what others wrote is left alone."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import replace
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from tradewind.checksums import crc32c, extended
from tradewind.clouds.azure.blocks import MEBIBYTE, SMALLEST, Block, block_size, checksums_of_blocks, parts_of
from tradewind.clouds.azure.uploads import LIMITS
from tradewind.ports import Algorithm, Checksums

UPLOAD = "0123456789abcdef"
MOST_BLOCKS = 50_000
LARGEST_BLOCK = 4000 * MEBIBYTE
algorithms = st.sampled_from(get_args(Algorithm))


def blocks_of(part: int, *bodies: bytes, algorithm: Algorithm = "crc32c") -> Sequence[Block]:
    """Return the blocks of one part."""
    return [
        Block(algorithm, UPLOAD, part, at, len(bodies), len(body), crc32c(body), extended(algorithm, 0, body))
        for at, body in enumerate(bodies)
    ]


@given(
    st.builds(
        Block,
        algorithm=algorithms,
        upload=st.just(UPLOAD),
        part=st.integers(1, LIMITS.parts),
        number=st.integers(0, 9999),
        of=st.integers(1, 9999),
        size=st.integers(1, LARGEST_BLOCK),
        crc32c=st.integers(0, 2**32 - 1),
        checksum=st.integers(0, 2**64 - 1),
    )
)
def test_an_id_says_all_of_its_block(block: Block) -> None:
    """Every block is read from its id and size, and all ids are as long as there may be."""
    assert Block.read(block.id, block.size) == block
    assert len(b64decode(block.id)) == 64


@given(st.binary(max_size=64))
def test_ids_of_others_are_none_of_ours(name: bytes) -> None:
    """What other tools call their blocks is not understood, and does no harm."""
    assert Block.read(b64encode(name).decode(), 10) is None
    assert Block.read(name.decode("latin-1"), 10) is None


def test_a_block_of_another_size_is_not_ours() -> None:
    """An id that does not fit its block is not believed."""
    (block,) = blocks_of(1, b"0123456789")

    assert Block.read(block.id, 11) is None


@given(st.integers(1, LIMITS.largest))
def test_a_part_has_few_blocks(size: int) -> None:
    """Whatever the size of the parts, as many of them as are allowed have no more blocks than a blob may have."""
    each = block_size(size)

    assert SMALLEST <= each <= LARGEST_BLOCK
    assert each % MEBIBYTE == 0
    assert -(-size // each) * LIMITS.parts <= MOST_BLOCKS


def test_the_largest_object_fits() -> None:
    """The limits allow the largest object that any of the clouds holds."""
    assert LIMITS.parts * LIMITS.largest >= LIMITS.whole


@given(st.lists(st.lists(st.binary(min_size=1, max_size=9), min_size=1, max_size=3), max_size=4), algorithms, st.data())
def test_parts_are_known_by_their_blocks(bodies: list[list[bytes]], algorithm: Algorithm, data: st.DataObject) -> None:
    """In whatever order they are listed, blocks make parts with the sizes and checksums of their bytes."""
    blocks = [b for part, of in enumerate(bodies, 1) for b in blocks_of(part, *of, algorithm=algorithm)]
    foreign = replace(blocks_of(1, b"of another upload")[0], upload=UPLOAD[::-1])

    parts = parts_of(UPLOAD, data.draw(st.permutations([*blocks, foreign])))

    assert [part.number for part in parts] == list(range(1, len(bodies) + 1))
    for part, of in zip(parts, bodies, strict=True):
        whole = b"".join(of)
        assert (part.size, part.checksums.crc32c) == (len(whole), crc32c(whole))
        assert getattr(part.checksums, algorithm) == extended(algorithm, 0, whole)
    assert [name for part in parts for name in part.tag.split(" ")] == [block.id for block in blocks]


def test_a_part_that_lacks_a_block_has_not_arrived() -> None:
    """Whoever died between two blocks left no part."""
    blocks = blocks_of(1, b"one", b"two", b"three")

    assert parts_of(UPLOAD, (blocks[0], blocks[2])) == []


def test_a_block_that_two_have_sent_counts_once() -> None:
    """Two workers may send a part at once."""
    blocks = blocks_of(1, b"one", b"two")

    assert parts_of(UPLOAD, (*blocks, *blocks)) == parts_of(UPLOAD, blocks)


def test_a_blob_is_proven_by_its_blocks() -> None:
    """The checksums of all blocks together are those of the blob."""
    blocks = [*blocks_of(1, b"one", b"two", algorithm="crc32"), *blocks_of(2, b"three", algorithm="crc32")]
    listed = [(block.id, block.size) for block in blocks]
    whole = b"onetwothree"

    assert checksums_of_blocks(listed) == Checksums(crc32c=crc32c(whole), crc32=extended("crc32", 0, whole))


def test_a_blob_of_other_blocks_is_not_proven() -> None:
    """Neither nothing, nor anything of which a block is another's, nor a mixture of uploads has our checksums."""
    ours = [(block.id, block.size) for block in blocks_of(1, b"one", b"two")]
    (another,) = blocks_of(2, b"three")
    mixed = replace(another, upload=UPLOAD[::-1])

    assert checksums_of_blocks([]) is None
    assert checksums_of_blocks([*ours, (b64encode(b"block-0001").decode(), 5)]) is None
    assert checksums_of_blocks([*ours, (mixed.id, mixed.size)]) is None
