"""One connection of HTTP/1.1: a request goes out, and the head of its answer is read.

`http.client` connects and reads bodies. The heads are read and written here: its own parser is one of e-mail, which
takes half the processor time of a small request and gives up at 100 headers, fewer than an object can have.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.client import BadStatusLine, HTTPConnection, HTTPException, HTTPResponse, RemoteDisconnected
from io import BufferedIOBase, BufferedReader, RawIOBase
from select import POLLIN, poll
from socket import socket
from time import monotonic
from typing import Protocol, TypeAlias

Bytes: TypeAlias = bytes | bytearray | memoryview
Body: TypeAlias = Bytes | Iterable[bytes]

SLICE = 1024 * 1024
"""Bytes that are handed to a socket at once: its timeout is for all of them."""
TOGETHER = 64 * 1024
"""A body of at most so many bytes travels in one packet train with the head."""
LINE = 64 * 1024
"""Bytes of a line in an answer's head."""
LINES = 2048
RATE = 1_000_000
"""Bytes a second that a peer takes or sends at least, once its patience is used up."""
_BODILESS = frozenset({"GET", "HEAD", "DELETE"})
_EMPTY = frozenset({204, 304})
_FINAL = 200


class TransportError(OSError):
    """No answer came, or not all of one."""


@contextmanager
def transport() -> Iterator[None]:
    """Turn what a broken connection raises in the block into a `TransportError`."""
    try:
        yield
    except (OSError, HTTPException) as error:
        raise TransportError(str(error) or type(error).__name__) from error


class Patience:
    """How long peers may take for one request altogether, since each byte of a drip is in time by itself.

    Only waiting counts: what the other side of a copy takes between two pieces is not this peer's fault.

    Args:
        seconds: Beside those that the bytes take at `RATE`.
    """

    __slots__ = ("_left",)

    def __init__(self, seconds: float) -> None:
        self._left = seconds

    @property
    def over(self) -> bool:
        """Whether it is used up."""
        return self._left < 0

    def spend(self, since: float, size: int) -> None:
        """Note that `size` bytes took from `since` until now.

        Raises:
            TimeoutError: That was too long.
        """
        self._left += size / RATE - (monotonic() - since)
        if self.over:
            raise TimeoutError("the peer takes too long for the whole request")


class Readable(Protocol):
    """What `http.client` takes for a socket."""

    def makefile(self, mode: str, /) -> BufferedIOBase:
        """Return what reads from it."""


class Arriving(RawIOBase):
    """What arrives at a socket, as long as there is patience.

    Args:
        sock: The socket, which stays open.
        patience: Of the request that is answered.
    """

    def __init__(self, sock: socket, patience: Patience) -> None:
        self._sock = sock
        self._patience = patience

    def makefile(self, _mode: str, /) -> BufferedReader:
        """Return what reads from here."""
        return BufferedReader(self)

    def readable(self) -> bool:
        """Say yes."""
        return True

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]  # whatever is written to
        """Read what is there."""
        since = monotonic()
        size = self._sock.recv_into(buffer)
        self._patience.spend(since, size)
        return size


class Received(HTTPResponse):
    """An answer whose head has been read.

    Attributes:
        fields: The headers: names in lower case, values as Latin-1 text; those of a name that came more than once are
            joined by commas.
    """

    fields: Mapping[str, str]

    def __init__(self, arriving: Readable, method: str) -> None:
        super().__init__(arriving, method=method)  # type: ignore[arg-type]  # it asks a socket for its file only
        self._bodiless = method == "HEAD"

    def begin(self) -> None:
        """Read the head.

        Raises:
            HTTPException: It is none.
            OSError: The connection broke.
        """
        status = 0
        while status < _FINAL:  # others only say that an answer is on its way
            version, status, self.reason = self._status_line()
            self.fields = self._fields()
        self.status = self.code = status
        self.version = version
        said, kept = self.fields.get("content-length"), self.fields.get("connection", "").lower()
        self.chunked = self.fields.get("transfer-encoding", "").lower() == "chunked"
        self.chunk_left = None
        self.length = None
        if self._bodiless or status in _EMPTY:
            self.length = 0
        elif not self.chunked and said is not None:
            if not said.isdecimal():
                raise HTTPException(f"an answer of {said!r} bytes")
            self.length = int(said)
        endless = self.length is None and not self.chunked
        self.will_close = endless or "close" in kept or (version == 10 and "keep-alive" not in kept)  # noqa: PLR2004 - HTTP/1.0

    def _status_line(self) -> tuple[int, int, str]:
        line = self._line()
        version, _, rest = line.partition(" ")
        status, _, reason = rest.partition(" ")
        if not version.startswith("HTTP/1.") or len(status) != 3 or not status.isdecimal():  # noqa: PLR2004 - as 404
            raise BadStatusLine(line)
        return 10 if version == "HTTP/1.0" else 11, int(status), reason

    def _fields(self) -> Mapping[str, str]:
        fields: dict[str, str] = {}
        name = ""
        for _ in range(LINES):
            line = self._line()
            if not line:
                return fields
            if line[0] in " \t":  # the value goes on
                fields[name] = f"{fields.get(name, '')} {line.strip()}"
                continue
            name, _, value = line.partition(":")
            name, value = name.lower(), value.strip()
            fields[name] = f"{fields[name]}, {value}" if name in fields else value
        raise HTTPException(f"an answer of more than {LINES:,} headers")

    def _line(self) -> str:
        line = self.fp.readline(LINE)
        if not line:
            raise RemoteDisconnected("the peer closed the connection")
        if len(line) == LINE:
            raise HTTPException(f"a header of more than {LINE:,} bytes")
        return line.decode("latin-1").rstrip("\r\n")


class SizedBody:
    """A body of known length.

    Args:
        body: The bytes, or what makes them.
        size: Bytes of a body that is neither bytes nor a tuple of them.

    Attributes:
        begun: Whether bytes were taken that cannot be had again.
    """

    __slots__ = ("_pieces", "_there", "begun", "size")

    def __init__(self, body: Body, size: int | None = None) -> None:
        self._pieces: Iterable[Bytes] = (body,) if isinstance(body, bytes | bytearray | memoryview) else body
        self._there = isinstance(self._pieces, tuple)
        if self._there:
            size = sum(map(len, self._pieces))
        if size is None:
            raise ValueError("a body that is made while it is sent needs a size")
        self.size = size
        self.begun = False

    def small(self) -> Bytes | None:
        """Return a body of few bytes that are there already."""
        return b"".join(self._pieces) if self._there and self.size <= TOGETHER else None

    def chunks(self) -> Iterator[Bytes]:
        """Yield exactly `size` bytes, in pieces that are sent at once."""
        self.begun = not self._there
        left = self.size
        for chunk in self._pieces:
            left -= len(chunk)
            if left < 0:
                break
            if len(chunk) <= SLICE:
                yield chunk
            else:
                whole = memoryview(chunk)
                yield from (whole[start : start + SLICE] for start in range(0, len(whole), SLICE))
        if left:
            raise ValueError(f"the body is {'shorter' if left > 0 else 'longer'} than {self.size:,} bytes")


class Connection:
    """A connection that is open.

    Args:
        made: What connects.
        read_timeout: Seconds without a byte, in either direction.

    Raises:
        TransportError: Nobody is there.
    """

    __slots__ = ("_made", "_sock")

    def __init__(self, made: HTTPConnection, *, read_timeout: float) -> None:
        self._made = made
        try:
            with transport():
                made.connect()
        except BaseException:
            made.close()
            raise
        self._sock: socket = made.sock
        self._sock.settimeout(read_timeout)

    def exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: SizedBody, patience: Patience
    ) -> Received:
        """Send a request and return its answer. If there is none, the connection is closed; errors of the body pass.

        Raises:
            TransportError: The connection broke, the patience is used up, or what came is no answer.
            ValueError: A header has a line break, or the body another size than it should.
        """
        try:
            head = _head(method, target, headers, body.size)
            small = body.small()
            with transport():
                self._sock.sendall(head if small is None else head + small)
            cut = self._send(body, patience) if small is None else None
            return self._receive(method, cut, patience)
        except BaseException:
            self.close()
            raise

    def _send(self, body: SizedBody, patience: Patience) -> OSError | None:
        """Send a body; return what cut it off, since a peer may refuse a request, and hang up, before it is read."""
        for chunk in body.chunks():
            since = monotonic()
            try:
                self._sock.sendall(chunk)
                patience.spend(since, len(chunk))
            except TimeoutError as error:
                raise TransportError("the peer does not read what is sent") from error
            except OSError as error:
                return error
        return None

    def _receive(self, method: str, cut: OSError | None, patience: Patience) -> Received:
        received = Received(Arriving(self._sock, patience), method)
        try:
            with transport():
                received.begin()
        except BaseException as error:
            received.close()
            if cut is not None:
                raise TransportError(str(cut)) from error
            raise
        received.will_close |= cut is not None
        return received

    def stale(self) -> bool:
        """Say whether there is something to read, which can only be the end of a connection that waits."""
        polled = poll()
        polled.register(self._sock, POLLIN)
        return bool(polled.poll(0))

    def close(self) -> None:
        """Close the connection."""
        self._made.close()


def _head(method: str, target: str, headers: Mapping[str, str], size: int) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if size or method not in _BODILESS:
        lines.append(f"content-length: {size}")
    text = "\r\n".join(lines)
    if text.count("\n") != len(lines) - 1 or text.count("\r") != len(lines) - 1 or target.count(" "):
        raise ValueError("a header with a line break would forge others")
    return f"{text}\r\n\r\n".encode("latin-1")
