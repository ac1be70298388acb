"""Bytes on their way into a part of an upload, and the checksum of a whole that follows from its pieces."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager

from tradewind.checksums import combine, extended
from tradewind.errors import IntegrityError, StoreUnavailableError
from tradewind.ports import Algorithm, Checksums, Part


class Passing:
    """The bytes of one part, counted and summed while whoever sends them reads them; they pass once.

    Args:
        chunks: The bytes in order.
        size: Bytes that there must be.
        algorithms: Of the checksums that are wanted of them.
        subject: How to call the part in an error.
    """

    def __init__(self, chunks: Iterable[bytes], size: int, algorithms: Iterable[Algorithm], subject: str) -> None:
        self._chunks = chunks
        self._size = size
        self._subject = subject
        self._arrived = 0
        self._sums: dict[Algorithm, int] = dict.fromkeys(algorithms, 0)
        self._begun = False
        self._failure: Exception | None = None

    def __len__(self) -> int:
        """Return how many bytes there must be, which HTTP clients send as the length."""
        return self._size

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes; the last of them only when it is certain that no more follow.

        Raises:
            IntegrityError: They are not `size`.
            StoreUnavailableError: A client wants to send them again, because the first time came to nothing.
        """
        if self._failure is not None:
            raise self._failure
        if self._begun:
            self._failure = StoreUnavailableError(f"The connection broke while {self._subject} was sent")
            raise self._failure
        self._begun = True
        try:
            yield from self._counted()
        except Exception as error:
            self._failure = error
            raise

    @contextmanager
    def errors_pass(self) -> Iterator[None]:
        """Raise what the chunks raised, whatever the client that read them in the block made of it.

        Clients take an `OSError` for one of their own connection's, and some of the errors of stores are such.
        """
        try:
            yield
        except Exception as error:
            if self._failure is not None and error is not self._failure:
                raise self._failure from error
            raise

    @property
    def checksums(self) -> Checksums:
        """Those of the bytes so far."""
        return checksums_from(self._sums)

    def _counted(self) -> Iterator[bytes]:
        held = b""
        for chunk in self._chunks:
            if not chunk:
                continue
            self._arrived += len(chunk)
            if self._arrived > self._size:
                raise IntegrityError(f"More than the {self._size:,} bytes of {self._subject} arrived")
            self._sums = {name: extended(name, value, chunk) for name, value in self._sums.items()}
            if held:
                yield held
            held = chunk
        if self._arrived != self._size:
            raise IntegrityError(f"{self._arrived:,} of {self._size:,} bytes of {self._subject} arrived")
        if held:
            yield held


def cut(chunks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """Yield the bytes of `chunks` in pieces of `size` bytes; the last may be shorter. One piece is held in memory."""
    held: list[memoryview] = []
    room = size
    for chunk in chunks:
        if not held and len(chunk) == size:
            yield chunk  # as it is, without a copy
            continue
        view = memoryview(chunk)
        while len(view) >= room:
            held.append(view[:room])
            yield b"".join(held)
            view, held, room = view[room:], [], size
        if view:
            held.append(view)
            room -= len(view)
    if held:
        yield b"".join(held)


def checksums_from(sums: Mapping[Algorithm, int | None]) -> Checksums:
    """Return checksums by their names."""
    return Checksums(crc32c=sums.get("crc32c"), crc32=sums.get("crc32"), crc64nvme=sums.get("crc64nvme"))


def checksum_in(checksums: Checksums, algorithm: Algorithm) -> int | None:
    """Return the one checksum of several, or None if it is not among them."""
    match algorithm:
        case "crc32c":
            return checksums.crc32c
        case "crc32":
            return checksums.crc32
        case "crc64nvme":
            return checksums.crc64nvme


def combined(algorithm: Algorithm, pieces: Iterable[tuple[int, int]]) -> int:
    """Return the checksum of a whole.

    Args:
        algorithm: Of all checksums.
        pieces: Of each piece in order: its checksum and its bytes.
    """
    whole = 0
    for checksum, size in pieces:
        whole = combine(algorithm, whole, checksum, size)
    return whole


def require_whole(algorithm: Algorithm, parts: Iterable[Part], expected: Checksums, *, subject: str) -> None:
    """Refuse to join parts that do not make up what is expected.

    Args:
        algorithm: Of the upload.
        parts: In order.
        expected: Of the whole.
        subject: How to call the object in an error.

    Raises:
        IntegrityError: The checksum of the parts together is another one, or a part has none.
    """
    sums = [(checksum_in(part.checksums, algorithm), part.size) for part in parts]
    known = [(checksum, size) for checksum, size in sums if checksum is not None]
    if len(known) != len(sums) or combined(algorithm, known) != checksum_in(expected, algorithm):
        raise IntegrityError(
            f"The parts of {subject} together do not have the {algorithm} that the whole must have",
            hint="Nothing became visible; the copy begins again",
        )
