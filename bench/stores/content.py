"""Objects as the store holds them: bytes in pieces that are never joined, so that an upload in parts costs no copy."""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import accumulate

import google_crc32c

from tradewind.checksums import combine

PIECE = 1024 * 1024
"""Bytes that are written to a connection at a time."""


@dataclass(slots=True)
class Counted:
    """Bytes that arrived and were not kept: their number and their checksum."""

    size: int = 0
    crc32c: int = 0

    def add(self, chunk: bytes | memoryview) -> None:
        """Take note of the next bytes."""
        self.size += len(chunk)
        self.crc32c = google_crc32c.extend(self.crc32c, bytes(chunk))


@dataclass(frozen=True)
class Content:
    """Bytes of an object, piece by piece. Pieces may share memory, which is how a large source costs little."""

    pieces: tuple[memoryview, ...]
    counted: Counted | None = None
    """Set where the bytes were not kept."""

    @cached_property
    def ends(self) -> Sequence[int]:
        """Where each piece ends."""
        return tuple(accumulate(len(piece) for piece in self.pieces))

    @property
    def size(self) -> int:
        """Bytes."""
        if self.counted is not None:
            return self.counted.size
        return self.ends[-1] if self.pieces else 0

    def between(self, start: int, end: int) -> Iterator[memoryview]:
        """Yield the bytes from `start` to `end`, at most `PIECE` at a time."""
        index = bisect_right(self.ends, start)
        while start < end:
            piece = self.pieces[index]
            offset = start - (self.ends[index] - len(piece))
            taken = min(end - start, len(piece) - offset)
            for position in range(offset, offset + taken, PIECE):
                yield piece[position : min(position + PIECE, offset + taken)]
            start += taken
            index += 1

    @cached_property
    def crc32c(self) -> int:
        """CRC-32C of all bytes."""
        if self.counted is not None:
            return self.counted.crc32c
        crc = 0
        for piece in self.pieces:
            crc = _crc32c(piece, crc)
        return crc

    @cached_property
    def md5(self) -> bytes:
        """MD5 of all bytes."""
        digest = hashlib.md5(usedforsecurity=False)
        for piece in self.pieces:
            digest.update(piece)
        return digest.digest()

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of all bytes, by which results are compared."""
        digest = hashlib.sha256()
        for piece in self.pieces:
            digest.update(piece)
        return digest.hexdigest()


def _crc32c(piece: memoryview, crc: int = 0) -> int:
    # The library takes `bytes` only; a whole part is not copied for that.
    for position in range(0, len(piece), PIECE):
        crc = google_crc32c.extend(crc, bytes(piece[position : position + PIECE]))
    return crc


def joined(contents: Sequence[Content]) -> Content:
    """Return one content of several, in order."""
    crc, size = 0, 0
    for content in contents:  # each is known already, and reading everything again would take seconds
        crc, size = combine("crc32c", crc, content.crc32c, content.size), size + content.size
    if any(content.counted for content in contents):
        return Content((), Counted(size, crc))
    whole = Content(tuple(piece for content in contents for piece in content.pieces))
    whole.__dict__["crc32c"] = crc
    return whole


def repeated(block: bytes, size: int) -> Content:
    """Return `size` bytes that repeat `block`, and take the memory of one."""
    view = memoryview(block)
    count, rest = divmod(size, len(block))
    pieces = (view,) * count + ((view[:rest],) if rest else ())
    whole, crc, once = Content(pieces), 0, _crc32c(view)
    for piece in pieces:
        crc = combine("crc32c", crc, once if piece is view else _crc32c(piece), len(piece))
    whole.__dict__["crc32c"] = crc
    return whole


@dataclass(slots=True)
class Stored:
    """One version of an object."""

    content: Content
    etag: str
    generation: int
    modified: float
    """Seconds since the epoch."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Content headers, by their lower-case names."""
    user: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)
    """As a dialect spells them."""
    parts: Sequence[tuple[str, int]] = ()
    """Ids and sizes of the blocks it was committed from."""
