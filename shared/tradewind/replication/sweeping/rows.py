"""Reading the files of an inventory row by row, with one block in memory at a time."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from importlib.util import find_spec
from tempfile import TemporaryFile
from typing import IO, Protocol, cast

from tradewind.errors import ConfigurationError
from tradewind.replication.sweeping.manifest import Inventory, Row, required, spelled

BLOCK = 1024 * 1024
LONGEST = 1024 * 1024
"""Characters of a CSV field; keys have up to 1,024 bytes, each of which may be three characters."""


class Files(Protocol):
    """Where the inventory is."""

    def open(self, name: str) -> AbstractContextManager[Iterator[bytes]]:
        """Open a file for reading, in chunks of any size."""


@dataclass(frozen=True, slots=True)
class Malformed:
    """A line that says nothing."""

    file: str
    line: int
    """From 1; of Parquet, the row."""
    why: str


def rows_of(inventory: Inventory, files: Files) -> Iterator[Row | Malformed]:
    """Yield every row of every file, in order.

    Raises:
        ConfigurationError: It is Parquet, and nothing is installed that reads it.
        TradewindError: A file cannot be read.
    """
    for name in inventory.files:
        with files.open(name) as chunks:
            match inventory.format:
                case "text":
                    yield from _lines(name, chunks)
                case "csv":
                    yield from _csv(inventory, name, chunks)
                case "parquet":
                    yield from _parquet(inventory, name, chunks)


class _Stream(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast("bytearray", buffer)).cast("B")
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        count = min(len(view), len(self._rest))
        view[:count], self._rest = self._rest[:count], self._rest[count:]
        return count


def _text(name: str, chunks: Iterator[bytes]) -> IO[str]:
    plain: IO[bytes] = io.BufferedReader(_Stream(chunks), BLOCK)
    unpacked = cast("IO[bytes]", gzip.GzipFile(fileobj=plain)) if name.endswith(".gz") else plain
    return io.TextIOWrapper(unpacked, encoding="utf-8", newline="")


def _lines(name: str, chunks: Iterator[bytes]) -> Iterator[Row | Malformed]:
    number = 0
    try:
        for line in _text(name, chunks):
            number += 1
            if key := line.rstrip("\r\n"):
                yield {"key": key}
    except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        yield Malformed(name, number + 1, f"the rest of the file cannot be read: {error}")


def _csv(inventory: Inventory, name: str, chunks: Iterator[bytes]) -> Iterator[Row | Malformed]:
    csv.field_size_limit(LONGEST)
    lines = csv.reader(_text(name, chunks), delimiter=inventory.delimiter, strict=True)
    columns: Sequence[str] = inventory.columns
    while True:
        try:
            line = next(lines, None)
        except csv.Error as error:
            yield Malformed(name, lines.line_num, str(error))
            continue
        except (UnicodeDecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
            yield Malformed(name, lines.line_num + 1, f"the rest of the file cannot be read: {error}")
            return
        if line is None:
            return
        if not columns:
            columns = [spelled(each) for each in line]
            if missing := [each for each in required(inventory.kind) if each not in columns]:
                yield Malformed(name, lines.line_num, f"the header lacks the column {missing[0]!r}")
                return
        elif len(line) != len(columns):
            yield Malformed(name, lines.line_num, f"it has {len(line)} fields, and {len(columns)} are expected")
        else:
            yield dict(zip(columns, line, strict=True))


def _parquet(inventory: Inventory, name: str, chunks: Iterator[bytes]) -> Iterator[Row | Malformed]:
    if find_spec("pyarrow") is None:
        raise ConfigurationError(
            f"{name!r} is a Parquet file, and nothing is installed that reads it",
            hint="Install tradewind[parquet], or let the inventory be made as CSV",
        )
    from pyarrow import ArrowException, parquet  # noqa: PLC0415 - an extra, and 40 MB

    with ExitStack() as stack:
        seekable = stack.enter_context(TemporaryFile())  # the index of a Parquet file is at its end
        for chunk in chunks:
            seekable.write(chunk)
        number = 0
        try:
            for batch in parquet.ParquetFile(seekable).iter_batches():
                columns = [spelled(each) for each in batch.schema.names]
                if missing := [each for each in required(inventory.kind) if each not in columns]:
                    yield Malformed(name, number + 1, f"the file lacks the column {missing[0]!r}")
                    return
                for values in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                    number += 1
                    yield dict(zip(columns, (_plain(each) for each in values), strict=True))
        except (ArrowException, OSError) as error:
            yield Malformed(name, number + 1, f"the rest of the file cannot be read: {error}")


def _plain(value: object) -> object:
    return value.decode() if isinstance(value, bytes) else value
