"""Bytes on their way: counted, summed, cut, and never more of them in memory than a piece."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tradewind.checksums import crc32c, extended
from tradewind.clouds.pieces import Passing, combined, cut, require_whole
from tradewind.errors import IntegrityError, StoreUnavailableError
from tradewind.ports import Algorithm, Checksums, Part

SUBJECT = "part 1 of s3://models/key"
algorithms = st.sampled_from(get_args(Algorithm))
bodies = st.lists(st.binary(max_size=30))


@given(bodies, algorithms)
def test_what_passes_is_counted_and_summed(chunks: list[bytes], algorithm: Algorithm) -> None:
    """All bytes come out as they went in, and their checksum is known afterwards."""
    whole = b"".join(chunks)
    passing = Passing(chunks, len(whole), (algorithm,), SUBJECT)

    assert b"".join(passing) == whole
    assert getattr(passing.checksums, algorithm) == extended(algorithm, 0, whole)
    assert len(passing) == len(whole)


@given(bodies, st.integers(-20, 20).filter(bool))
def test_another_number_of_bytes_never_ends_well(chunks: list[bytes], difference: int) -> None:
    """Of too few or too many bytes the last is not given out, so that no request with them is whole."""
    whole = b"".join(chunks)
    size = len(whole) + difference
    assume(size >= 0)
    out: list[bytes] = []

    with pytest.raises(IntegrityError, match="of part 1 of"):
        out.extend(Passing(chunks, size, (), SUBJECT))

    assert len(b"".join(out)) < max(size, 1)


def test_the_sources_error_is_told() -> None:
    """A client that takes an error for one of its own connection's does not hide whose it was."""
    failure = StoreUnavailableError("the source is down")

    def chunks() -> Iterator[bytes]:
        yield b"some"
        raise failure

    passing = Passing(chunks(), 10, (), SUBJECT)
    told = send(passing)

    assert told is failure


def test_bytes_pass_once() -> None:
    """A client that wants to send them again is stopped, and the failure is one that is tried again."""
    passing = Passing(iter((b"some",)), 4, (), SUBJECT)
    list(passing)

    assert isinstance(send(passing), StoreUnavailableError)


def send(passing: Passing) -> Exception | None:
    """Read bytes like a client that makes an error of its own of every other, and return what is raised."""
    try:
        with passing.errors_pass():
            _client(passing)
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    return None


def _client(passing: Passing) -> None:
    try:
        list(passing)
    except OSError as error:
        raise RuntimeError("the connection is gone") from error


@given(bodies, st.integers(1, 20))
def test_what_is_cut_is_all_there(chunks: list[bytes], size: int) -> None:
    """Pieces join to the bytes that were cut; all but the last have the size, and none is empty."""
    pieces = list(cut(chunks, size))

    assert b"".join(pieces) == b"".join(chunks)
    assert all(len(piece) == size for piece in pieces[:-1])
    assert all(0 < len(piece) <= size for piece in pieces)


def test_no_more_is_read_than_is_wanted() -> None:
    """A source is asked for the next bytes only when those before them have gone."""
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield bytes(10)

    given_out = 0
    for piece in cut(Passing(chunks(), 1000, ("crc32c",), SUBJECT), 20):
        given_out += len(piece)
        assert taken * 10 - given_out <= 20


@given(bodies, algorithms)
def test_the_whole_follows_from_its_pieces(pieces: list[bytes], algorithm: Algorithm) -> None:
    """The checksums of pieces make that of the whole."""
    sums = ((extended(algorithm, 0, piece), len(piece)) for piece in pieces)

    assert combined(algorithm, sums) == extended(algorithm, 0, b"".join(pieces))


def parts_with(second: Checksums) -> list[Part]:
    """Return two parts of three bytes, of which the first is `one`."""
    return [Part(1, 3, "a", Checksums(crc32c=crc32c(b"one"))), Part(2, 3, "b", second)]


def test_parts_that_make_up_the_whole() -> None:
    """Parts whose checksums make that of the whole are joined."""
    parts = parts_with(Checksums(crc32c=crc32c(b"two")))

    require_whole("crc32c", parts, Checksums(crc32c=crc32c(b"onetwo")), subject=SUBJECT)


@pytest.mark.parametrize(
    ("second", "whole"),
    [
        (Checksums(crc32c=crc32c(b"2 2")), Checksums(crc32c=crc32c(b"onetwo"))),
        (Checksums(), Checksums(crc32c=crc32c(b"onetwo"))),
        (Checksums(crc32c=crc32c(b"two")), Checksums(crc32=1)),
    ],
    ids=["other bytes", "a part without a checksum", "a whole without a checksum"],
)
def test_parts_that_do_not(second: Checksums, whole: Checksums) -> None:
    """Parts of other bytes than the whole's, or of unknown ones, are not joined."""
    with pytest.raises(IntegrityError, match=SUBJECT):
        require_whole("crc32c", parts_with(second), whole, subject=SUBJECT)
