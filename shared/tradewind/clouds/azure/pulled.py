"""The ids of blocks that Azure read by itself, of which nobody knew the checksum when they were named.

They are as long as those of `blocks`, and differ from them in two fields. A block's own id carries the attempt and what
the whole must have; when Azure has said what it read, a note follows, a block of one byte that is never joined into
anything and whose id carries the checksum. So the list of uncommitted blocks is the checkpoint here, too, and it goes
when the blob is written:

    bytes   block                                                           note
    2       `u`                                                             `m`
    40-47   the attempt, so that a note speaks of these very bytes          the same
    48-63   CRC-64/NVME of the whole object                                 CRC-64/NVME of the block
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from tradewind.clouds.pieces import combined
from tradewind.ports import Checksums, Part

LARGEST = 128 * 1024 * 1024
"""Bytes of a block: no function holds it, and at 3 MiB a second it is read in time (see `pulls.READ_TIMEOUT`)."""
NOTE = b"\0"
"""All that a note has to have is an id."""
_ID = re.compile(
    r"tw([um])([0-9a-f]{16})([0-9]{5})([0-9]{4})([0-9]{4})([0-9a-f]{8})([0-9a-f]{8})([0-9a-f]{16})", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Pulled:
    """A block that Azure read, or the note about one."""

    upload: str
    """16 hexadecimal digits."""
    part: int
    number: int
    """In the part, from 0."""
    of: int
    """Blocks of the part."""
    size: int
    """Bytes of the block."""
    attempt: str
    """8 hexadecimal digits."""
    value: int
    """CRC-64/NVME: of a block that of the whole, of a note that of the block."""
    is_note: bool = False

    @property
    def id(self) -> str:
        """Return the id as it is sent: base64."""
        text = (
            f"tw{'m' if self.is_note else 'u'}{self.upload}{self.part:05d}{self.number:04d}{self.of:04d}"
            f"{self.size:08x}{self.attempt}{self.value:016x}"
        )
        return b64encode(text.encode()).decode()

    def note(self, checksum: int) -> Pulled:
        """Return the note that says what Azure read."""
        return replace(self, value=checksum, is_note=True)

    @classmethod
    def read(cls, sent: str, size: int) -> Pulled | None:
        """Return the block or note of an id and a size that Azure listed, or None if it is neither."""
        try:
            found = _ID.fullmatch(b64decode(sent).decode("ascii"))
        except ValueError:
            return None
        if found is None:
            return None
        of_block, is_note = int(found[6], 16), found[1] == "m"
        if size != (len(NOTE) if is_note else of_block):
            return None
        numbers = int(found[3]), int(found[4]), int(found[5])
        return cls(found[2], *numbers, of_block, found[7], int(found[8], 16), is_note)


def spans(start: int, length: int) -> Sequence[tuple[int, int]]:
    """Cut a part into blocks of about equal size, and return the first byte and the length of each."""
    count = max(1, -(-length // LARGEST))
    each = -(-length // count)
    return [(start + at, min(each, length - at)) for at in range(0, length, each)]


def pulled_parts(upload: str, listed: Iterable[tuple[str, int]]) -> Iterator[Part]:
    """Yield the parts of an upload that Azure has read whole, in order.

    Args:
        upload: 16 hexadecimal digits.
        listed: Ids and sizes of the blocks that Azure has.
    """
    read = [Pulled.read(name, size) for name, size in listed]
    ours = [each for each in read if each is not None and each.upload == upload]
    checksums = {replace(each, value=0, is_note=False): each.value for each in ours if each.is_note}
    known = sorted(
        (each for each in ours if not each.is_note and replace(each, value=0) in checksums),
        key=lambda block: (block.part, block.number, block.attempt),
    )
    for number, group in groupby(known, key=lambda block: block.part):
        chosen = list({block.number: block for block in group}.values())
        if len(chosen) == chosen[0].of:
            checksum = combined("crc64nvme", ((checksums[replace(each, value=0)], each.size) for each in chosen))
            tag = " ".join(block.id for block in chosen)
            yield Part(number, sum(block.size for block in chosen), tag, Checksums(crc64nvme=checksum))


def claimed(blocks: Sequence[Pulled], places: Sequence[tuple[int, int, int]]) -> Checksums | None:
    """Return the checksum of the whole that the blocks of a blob say, or None if they make another whole.

    It was proven when they were joined, of these blocks in this order.

    Args:
        blocks: Those that Azure read; at least one.
        places: Of all blocks of the blob in order, whoever read them: part, number in it, blocks of it.
    """
    said = {block.value for block in blocks}
    expected = (1, 0)
    for part, number, of in places:
        if (part, number) != expected:
            return None
        expected = (part, number + 1) if number + 1 < of else (part + 1, 0)
    if len(said) > 1 or expected[1] or any(block.is_note for block in blocks):
        return None
    return Checksums(crc64nvme=said.pop())
