"""The ids of blocks, which carry all that is known of the blocks: Azure keeps ids and sizes, and no checksum.

An id is 64 bytes of ASCII before it is sent as base64, which is the longest there may be, and all ids of a blob must be
of one length (https://learn.microsoft.com/rest/api/storageservices/put-block):

    bytes   what
    0-1     `tw`
    2       the algorithm: `c` CRC-32C, `n` CRC-64/NVME, `i` CRC-32
    3-18    the upload, as 16 hexadecimal digits
    19-23   the part's number
    24-27   the block's number in its part, from 0
    28-31   how many blocks the part has
    32-39   bytes of the block, in hexadecimal
    40-47   CRC-32C of the block
    48-63   the algorithm's checksum of the block

Blocks that Azure read by itself have others: see `pulled`.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from tradewind.clouds.azure.pulled import Pulled, claimed
from tradewind.clouds.pieces import checksums_from, combined
from tradewind.ports import Algorithm, Checksums, Part

MEBIBYTE = 1024 * 1024
SMALLEST = 8 * MEBIBYTE
"""Bytes of a block, but of a part's last; smaller ones are slower."""
PER_PART = 8
"""Blocks of a part, at most, if it has 64 MiB or more."""
_LETTERS: Mapping[Algorithm, str] = {"crc32c": "c", "crc64nvme": "n", "crc32": "i"}
_ALGORITHMS: Mapping[str, Algorithm] = {letter: algorithm for algorithm, letter in _LETTERS.items()}
_ID = re.compile(
    r"tw([cni])([0-9a-f]{16})([0-9]{5})([0-9]{4})([0-9]{4})([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{16})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Block:
    """One block of a part."""

    algorithm: Algorithm
    upload: str
    """16 hexadecimal digits."""
    part: int
    number: int
    """In the part, from 0."""
    of: int
    """Blocks of the part."""
    size: int
    """Bytes."""
    crc32c: int
    checksum: int
    """The algorithm's."""

    @property
    def id(self) -> str:
        """Return the id as it is sent: base64."""
        text = (
            f"tw{_LETTERS[self.algorithm]}{self.upload}{self.part:05d}{self.number:04d}{self.of:04d}"
            f"{self.size:08x}{self.crc32c:08x}{self.checksum:016x}"
        )
        return b64encode(text.encode()).decode()

    @classmethod
    def read(cls, sent: str, size: int) -> Block | None:
        """Return the block of an id and a size that Azure listed, or None if it is none of ours."""
        try:
            found = _ID.fullmatch(b64decode(sent).decode("ascii"))
        except ValueError:
            return None
        if found is None or int(found[6], 16) != size:
            return None
        numbers = int(found[3]), int(found[4]), int(found[5])
        return cls(_ALGORITHMS[found[1]], found[2], *numbers, size, int(found[7], 16), int(found[8], 16))


def block_size(part_size: int) -> int:
    """Return the bytes of each block of a part but the last."""
    share = -(-part_size // PER_PART)
    return max(SMALLEST, -(-share // MEBIBYTE) * MEBIBYTE)


def parts_of(upload: str, blocks: Iterable[Block]) -> Sequence[Part]:
    """Return the parts of an upload that are whole, in order; a part's tag is the ids of its blocks, in order."""
    ours = sorted((block for block in blocks if block.upload == upload), key=lambda block: (block.part, block.number))
    parts = (_part(number, list(group)) for number, group in groupby(ours, key=lambda block: block.part))
    return [part for part in parts if part is not None]


def checksums_of_blocks(blocks: Sequence[tuple[str, int]]) -> Checksums | None:
    """Return the checksums of a blob that was joined from blocks of ours, or None if it was not.

    Args:
        blocks: Ids and sizes of all blocks, in order.
    """
    read = [Block.read(name, size) or Pulled.read(name, size) for name, size in blocks]
    ours = [block for block in read if block is not None]
    if not ours or len(ours) != len(read) or len({block.upload for block in ours}) > 1:
        return None
    sent = [block for block in ours if isinstance(block, Block)]
    if len(sent) < len(ours):
        places = [(block.part, block.number, block.of) for block in ours]
        return claimed([block for block in ours if isinstance(block, Pulled)], places)
    return None if len({block.algorithm for block in sent}) > 1 else _checksums(sent)


def _part(number: int, blocks: Sequence[Block]) -> Part | None:
    # Two workers may have sent a block twice; if not the same bytes, the whole's checksum shows it in the end.
    by_number = {block.number: block for block in blocks}
    chosen = [by_number[each] for each in sorted(by_number)]
    if len(chosen) != chosen[0].of:
        return None
    return Part(number, sum(block.size for block in chosen), " ".join(block.id for block in chosen), _checksums(chosen))


def _checksums(blocks: Sequence[Block]) -> Checksums:
    sums: dict[Algorithm, int] = {"crc32c": combined("crc32c", ((block.crc32c, block.size) for block in blocks))}
    algorithm = blocks[0].algorithm
    if algorithm != "crc32c":
        sums[algorithm] = combined(algorithm, ((block.checksum, block.size) for block in blocks))
    return checksums_from(sums)
