"""HTTP/1.1, as little of it as a fast store needs: bodies arrive in the memory in which they stay."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast
from urllib.parse import parse_qsl, unquote

import google_crc32c

from bench.stores.content import Content, Counted

ADMIN = "/-/"
"""Paths of the bench's own, which no program that is measured asks for."""
HEAD_LIMIT = 256 * 1024
DISCARDED_FROM = 1024 * 1024
"""Bytes from which a store that keeps nothing large drops a body."""
SCRATCH = 1024 * 1024
SUMMED = 1024 * 1024
"""Bytes from which a body is summed while it arrives."""
LINE = 256
"""Bytes within which a chunk's size stands."""
SMALL = 64 * 1024
"""Bytes of an answer that is sent in one go with its head."""
STEP = 256 * 1024
"""Bytes that a paced connection carries at a time."""
UNPACED = 1024
"""Bytes that are not worth pacing."""
SHORTEST = 0.002
"""Seconds that are not worth waiting."""


@dataclass(frozen=True)
class Request:
    """One request with its whole body."""

    method: str
    target: str
    headers: Mapping[str, str]
    """By lower-case names."""
    content: Content

    @cached_property
    def path(self) -> str:
        """The path, decoded."""
        return unquote(self.target.partition("?")[0])

    @cached_property
    def query(self) -> Mapping[str, str]:
        """The query's parameters, decoded."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    @cached_property
    def body(self) -> bytes:
        """The whole body, for those that are small."""
        return b"".join(self.content.pieces)


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; of a HEAD, only the headers are sent."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    pieces: Iterable[memoryview] | None = None
    """Instead of `body`, of `length` bytes."""
    length: int | None = None


REASONS = {
    200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 206: "Partial Content", 304: "Not Modified",
    308: "Resume Incomplete", 400: "Bad Request", 404: "Not Found", 409: "Conflict", 412: "Precondition Failed",
    416: "Range Not Satisfiable", 501: "Not Implemented",
}  # fmt: skip

Handler = Callable[[Request], Answer]


class Connection(asyncio.BufferedProtocol):
    """One client's connection.

    Args:
        handle: Answers requests.
        lost: Told of the bytes of a body that never became whole.
        discard: Drop large bodies when they have been counted.
        delay: Seconds that every answer waits, as a network would make it.
        pace: Bytes a second, in each direction, of all connections that share it; None for no limit.
    """

    def __init__(
        self, handle: Handler, lost: Callable[[int], None], *, discard: bool, delay: float, pace: Pace | None
    ) -> None:
        self._lost = lost
        self._handle, self._discard, self._delay, self._pace = handle, discard, delay, pace
        self._scratch = bytearray(HEAD_LIMIT)
        self._view = memoryview(self._scratch)
        self._filled = 0
        self._head: tuple[str, str, dict[str, str]] | None = None
        self._body: memoryview | None = None
        self._whole: bytearray | None = None
        self._counted: Counted | None = None
        self._sink: Counted | Unframing | None = None
        self._crc: int | None = None
        """Of a large body, as far as it has arrived."""
        self._got = self._length = 0
        self._resumed = asyncio.Event()
        self._resumed.set()
        self._sending: asyncio.Task[None] | None = None

    # --- asyncio's side ---------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.set_write_buffer_limits(high=2 * SCRATCH)

    def connection_lost(self, _error: Exception | None) -> None:
        """Stop what is being sent, and count what was received in vain."""
        if self._body is not None:
            self._lost(self._got)
        if self._sending:
            self._sending.cancel()

    def pause_writing(self) -> None:
        """Wait with the next piece."""
        self._resumed.clear()

    def resume_writing(self) -> None:
        """Go on."""
        self._resumed.set()

    def get_buffer(self, _hint: int) -> memoryview:
        """Return where the next bytes go."""
        if self._body is None:
            return self._view[self._filled :]
        if self._counted is not None:
            return self._body[: min(SCRATCH if self._pace is None else STEP, self._length - self._got)]
        return self._body[self._got :]

    def buffer_updated(self, size: int) -> None:
        """Take note of bytes that arrived."""
        if self._pace is not None and size > UNPACED:
            self._rest(self._pace.inward(size))
        if self._body is None:
            self._filled += size
            self._parse()
            return
        if self._sink is not None:
            self._sink.add(self._body[:size])
        elif self._crc is not None:  # while they are in the processor's cache, which is half as dear as later
            self._crc = google_crc32c.extend(self._crc, bytes(self._body[self._got : self._got + size]))
        self._got += size
        if self._got == self._length:
            self._finish()

    # --- reading ----------------------------------------------------------------------------------------------------

    def _parse(self) -> None:
        if self._head is not None:  # a chunked body, whose chunks gather in the scratch buffer
            self._parse_chunks()
            return
        end = self._scratch.find(b"\r\n\r\n", 0, self._filled)
        if end < 0:
            return
        first, *lines = self._scratch[:end].decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self._head = method, target, headers
        if headers.get("expect", "").lower() == "100-continue":
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self._whole = bytearray()
            self._shift(end + 4)
            self._parse_chunks()
            return
        self._length = int(headers.get("content-length") or 0)
        early = min(self._filled - end - 4, self._length)
        self._begin_body(self._view[end + 4 : end + 4 + early])
        self._shift(end + 4 + early)
        if self._got == self._length:
            self._finish()

    def _begin_body(self, early: memoryview) -> None:
        assert self._head is not None
        if self._discard and self._length > DISCARDED_FROM and not self._head[1].startswith(ADMIN):
            self._counted, self._body = Counted(), memoryview(bytearray(SCRATCH))
            self._sink = Unframing(self._counted) if _is_framed(self._head[2]) else self._counted
            self._sink.add(early)
        else:
            self._whole = bytearray(self._length)
            self._body = memoryview(self._whole)
            self._body[: len(early)] = early
            if self._length > SUMMED and not _is_framed(self._head[2]):
                self._crc = int(google_crc32c.value(bytes(early)))
        self._got = len(early)

    def _shift(self, used: int) -> None:
        rest = self._filled - used
        if rest:
            self._scratch[:rest] = self._scratch[used : self._filled]
        self._filled = rest

    def _parse_chunks(self) -> None:
        assert self._whole is not None
        while (end := self._scratch.find(b"\r\n", 0, self._filled)) >= 0:
            size = int(self._scratch[:end].split(b";")[0], 16)
            if self._filled < end + 2 + size + 2:
                if size + end + 4 > len(self._scratch):
                    self._grow(size + end + 4)
                return
            self._whole += self._view[end + 2 : end + 2 + size]
            self._shift(end + 2 + size + 2)
            if size == 0:
                self._finish()
                return

    def _grow(self, size: int) -> None:
        larger = bytearray(size + HEAD_LIMIT)
        larger[: self._filled] = self._scratch[: self._filled]
        self._scratch, self._view = larger, memoryview(larger)

    def _finish(self) -> None:
        assert self._head is not None
        method, target, headers = self._head
        if self._counted is not None:
            content = Content((), self._counted)
        else:
            whole = memoryview(self._whole or b"").toreadonly()
            content = Content(_unframed(whole) if _is_framed(headers) else (whole,) if whole else ())
            if self._crc is not None:
                content.__dict__["crc32c"] = self._crc
        self._head = self._body = self._whole = self._counted = self._sink = self._crc = None
        request = Request(method, target, headers, content)
        self._transport.pause_reading()  # one request at a time
        if self._delay:
            asyncio.get_running_loop().call_later(self._delay, self._answer, request)
        else:
            self._answer(request)

    # --- answering --------------------------------------------------------------------------------------------------

    def _answer(self, request: Request) -> None:
        answer = self._handle(request)
        length = len(answer.body) if answer.length is None else answer.length
        lines = [f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        if answer.status not in (204, 304):
            lines.append(f"Content-Length: {length}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if self._transport.is_closing():
            return
        if request.method == "HEAD" or not length:
            self._transport.write(head)
        elif answer.pieces is None:
            self._transport.write(head + answer.body)
        elif length <= SMALL and self._pace is None:
            self._transport.write(b"".join((head, *answer.pieces)))
        else:
            self._transport.write(head)
            self._sending = asyncio.get_running_loop().create_task(self._send(iter(answer.pieces)))
            return
        self._next()

    async def _send(self, pieces: Iterator[memoryview]) -> None:
        for piece in pieces:
            if self._pace is not None:
                for position in range(0, len(piece), STEP):
                    step = piece[position : position + STEP]
                    if (wait := self._pace.outward(len(step))) > 0:
                        await asyncio.sleep(wait)
                    self._transport.write(step)
                    await self._resumed.wait()
                continue
            self._transport.write(piece)
            await self._resumed.wait()
        self._sending = None
        self._next()

    def _next(self) -> None:
        if self._transport.is_closing():
            return
        self._transport.resume_reading()
        if self._filled:
            self._parse()

    def _rest(self, seconds: float) -> None:
        if seconds > SHORTEST:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(seconds, self._transport.resume_reading)


class Pace:
    """A network of so many bytes a second, in each direction, for all connections that share it."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_in = self._free_out = 0.0

    def inward(self, size: int) -> float:
        """Return the seconds to wait after `size` bytes have arrived."""
        now = asyncio.get_running_loop().time()
        self._free_in = max(self._free_in, now) + size / self._rate
        return self._free_in - now

    def outward(self, size: int) -> float:
        """Return the seconds to wait before `size` bytes may leave."""
        now = asyncio.get_running_loop().time()
        self._free_out = max(self._free_out, now) + size / self._rate
        return self._free_out - size / self._rate - now


def _is_framed(headers: Mapping[str, str]) -> bool:
    return "x-amz-decoded-content-length" in headers


def _unframed(body: memoryview) -> tuple[memoryview, ...]:
    """Return the bytes of an `aws-chunked` body, in its chunks, without their framing and the trailers."""
    pieces: list[memoryview] = []
    position = 0
    while True:
        line, _, _ = bytes(body[position : position + LINE]).partition(b"\r\n")
        size = int(line.split(b";")[0], 16)
        if size == 0:
            return tuple(pieces)
        start = position + len(line) + 2
        pieces.append(body[start : start + size])
        position = start + size + 2


class Unframing:
    """Counts the bytes of an `aws-chunked` body that passes by.

    Args:
        counted: Told of them.
    """

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._left = 0
        self._line = b""

    def add(self, chunk: memoryview) -> None:
        """Take note of the next bytes as they came."""
        position = 0
        while position < len(chunk):
            if self._left > 2:  # noqa: PLR2004 - the line's end behind the chunk
                taken = min(self._left - 2, len(chunk) - position)
                self._counted.add(chunk[position : position + taken])
            elif self._left:
                taken = min(self._left, len(chunk) - position)
            else:
                taken = self._read_line(bytes(chunk[position : position + LINE]))
                position += taken
                continue
            self._left -= taken
            position += taken

    def _read_line(self, text: bytes) -> int:
        end = text.find(b"\n") + 1
        self._line += text[: end or len(text)]
        if end and self._line.strip():
            digits = self._line.split(b";")[0].strip()
            size = int(digits, 16) if b":" not in digits else 0
            self._left = size + 2 if size else 0
        if end:
            self._line = b""
        return end or len(text)
