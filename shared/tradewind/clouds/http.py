"""A small client for HTTP/1.1 that keeps connections and streams bodies both ways.

A call of an SDK costs 1.3 to 1.9 ms of processor, a request from here a tenth of that, and Python's own `http.client`,
which this is built on, is imported in 20 ms. It knows nothing of any cloud: who calls it signs the request, reads the
answer, and translates these errors:

    TransportError      no answer came, or not all of one: the peer is down, slow, or cut the connection
    AnswerError         an answer came, and its status says that the request failed
"""

from __future__ import annotations

import os
import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from http.client import HTTPConnection, HTTPException, HTTPSConnection, IncompleteRead
from pathlib import Path
from random import SystemRandom
from time import sleep, time
from urllib.parse import urlsplit
from weakref import finalize

from tradewind.clouds.http_connection import (
    Body,
    Connection,
    Patience,
    Received,
    SizedBody,
    TransportError,
    transport,
)
from tradewind.clouds.proxies import proxy_for
from tradewind.errors import ConfigurationError

CONNECTIONS = 64
"""Connections that may wait for the next request; any number may be in use."""
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 15.0
PATIENCE = 60.0
"""Seconds that a request may wait for its peer altogether, beside those that its bytes take at 1 MB/s."""
IDLE = 30.0
"""Seconds after which a waiting connection is not used again. Peers close theirs, which a process that was frozen in
the meantime (a function between two events, or restored from a snapshot) does not hear of."""
CHUNK = 1024 * 1024
EXCERPT = 64 * 1024
"""Bytes of a failed request's answer that are kept."""
ANSWER = 8 * 1024 * 1024
"""Bytes of an answer that is read as a whole."""
ATTEMPTS = 2
PAUSE = 0.5
"""Seconds at most before a peer that is overloaded is asked again; the queues do any longer waiting."""
AGAIN = frozenset({429, 500, 502, 503, 504})
"""Answers after which a request is sent again."""
ONCE = frozenset({"DELETE", "POST"})
"""Methods of requests that are never sent again once they went out. The first may have counted although its answer was
lost: a delete would then say that somebody else was faster, and an upload would be begun twice."""
CA_VARIABLES = ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE")
"""Where the environment names other certificate authorities than the usual ones, as the SDKs read it."""
_SUCCESS = range(200, 300)
_RANDOM = SystemRandom()
"""The other generator begins alike in all instances of a function that are restored from one snapshot."""

__all__ = ["Answer", "AnswerError", "Body", "HttpClient", "TransportError"]


class AnswerError(Exception):
    """The peer answered that the request failed.

    Args:
        status: Of HTTP; any but 2xx.
        headers: As in `Answer`.
        body: The beginning of what it said.
    """

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        super().__init__(f"HTTP status {status}")
        self.status = status
        self.headers = headers
        self.body = body


class Answer:
    """What a peer answered, while its body is still to be read; the body can be read once.

    Attributes:
        status: Of HTTP.
        headers: Names in lower case; values as Latin-1 text, which is every byte as it came; those of a name that came
            more than once are joined by commas.
    """

    __slots__ = ("_raw", "headers", "status")

    def __init__(self, raw: Received) -> None:
        self._raw = raw
        self.status = raw.status
        self.headers = raw.fields

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """Yield the body as it is stored, never inflated, in pieces of at most `size` bytes.

        Raises:
            TransportError: It broke off.
        """
        raw = self._raw
        while True:
            with transport():
                chunk = raw.read(size)
            if not chunk:
                break
            yield chunk
        if raw.length:  # http.client ends a body that is too short as if it were whole
            raise TransportError(f"the answer broke off with {raw.length:,} bytes missing")

    def read(self, limit: int = ANSWER) -> bytes:
        """Return the whole body.

        Raises:
            TransportError: It broke off, or is larger than `limit` bytes.
        """
        pieces: list[bytes] = []
        for chunk in self.chunks(min(limit + 1, CHUNK)):
            pieces.append(chunk)
            if sum(map(len, pieces)) > limit:
                raise TransportError(f"the answer is larger than {limit:,} bytes")
        return b"".join(pieces)

    def excerpt(self) -> bytes:
        """Return the beginning of the body, or of what arrived of it."""
        try:
            return self._raw.read(EXCERPT)
        except IncompleteRead as error:
            return error.partial
        except (OSError, HTTPException):
            return b""


class HttpClient:
    """Requests to one origin, from any number of threads.

    Args:
        origin: Scheme, host and port, as `https://bucket.s3.eu-west-1.amazonaws.com`; a path is ignored.
        connect_timeout: Seconds for a connection to be made.
        read_timeout: Seconds without a byte, in either direction. A request has `PATIENCE` altogether, or as long as
            it takes to see that nobody answers if that is longer.

    Attributes:
        host: As the header `Host` names it.

    Raises:
        ConfigurationError: It is no origin.
    """

    def __init__(
        self, origin: str, *, connect_timeout: float = CONNECT_TIMEOUT, read_timeout: float = READ_TIMEOUT
    ) -> None:
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout
        self._patience = max(PATIENCE, ATTEMPTS * read_timeout)
        try:
            parts = urlsplit(origin)
            self._secure = {"https": True, "http": False}[parts.scheme]
            self._host, self._port = parts.hostname or "", parts.port or (443 if self._secure else 80)
        except (KeyError, ValueError):
            self._host = ""
        if not self._host:
            shown = origin.rpartition("@")[2]  # before it may be a password
            raise ConfigurationError(f"{shown!r} is not the address of a server", hint="Write https://host[:port]")
        shown = f"[{self._host}]" if ":" in self._host else self._host
        self.host = shown if self._port == (443 if self._secure else 80) else f"{shown}:{self._port}"
        self._waiting: deque[tuple[float, Connection]] = deque()
        finalize(self, _close, self._waiting)

    @contextmanager
    def open(
        self, method: str, target: str, headers: Mapping[str, str], body: Body = b"", *, size: int | None = None
    ) -> Iterator[Answer]:
        """Send a request and open its answer; the block reads as much of it as it likes.

        A request that meets no answer, or one that blames the server, is sent once more on a connection of its own, if
        its body can be sent again: bytes can, a tuple of them, and any iterable of which nothing was taken yet. A
        DELETE or POST goes out once. So a PUT must do no harm when it arrives twice; where it has a condition, a 412
        may mean that the first had arrived, and its caller looks again.

        Args:
            method: Of HTTP.
            target: Path and query, percent-encoded, as they are sent.
            headers: With lower-case names. `Content-Length` is added, and `host` if it is missing; nothing else is.
            body: Sent without being copied.
            size: Bytes of a body that is not bytes itself.

        Raises:
            TransportError: No answer came.
            AnswerError: The answer's status is not 2xx.
            ValueError: The body has not `size` bytes; nothing can have come of the request.
        """
        named = headers if "host" in headers else {"host": self.host, **headers}
        connection, raw = self._exchange(method, target, named, SizedBody(body, size))
        try:
            answer = Answer(raw)
            if raw.status not in _SUCCESS:
                raise AnswerError(raw.status, answer.headers, answer.excerpt())
            yield answer
        finally:
            self._leave(connection, raw)

    def _exchange(
        self, method: str, target: str, headers: Mapping[str, str], body: SizedBody
    ) -> tuple[Connection, Received]:
        patience = Patience(self._patience)
        for attempt in range(1, ATTEMPTS + 1):
            last = attempt == ATTEMPTS
            once = last or method in ONCE
            try:
                connection = self._connect() if last else self._kept() or self._connect()
            except TransportError:  # nothing was sent
                if last:
                    raise
                continue
            try:
                raw = connection.exchange(method, target, headers, body, patience)
            except TransportError:
                if once or body.begun or patience.over:
                    raise
                continue
            if once or body.begun or raw.status not in AGAIN:
                break
            self._leave(connection, raw)
            sleep(_RANDOM.random() * PAUSE)
        return connection, raw

    def _leave(self, connection: Connection, raw: Received) -> None:
        """Keep a connection for the next request, unless there is more to read: that would be taken for its answer."""
        whole = (raw.isclosed() or raw.length == 0) and not raw.will_close
        raw.close()
        if whole and len(self._waiting) < CONNECTIONS:
            self._waiting.append((time(), connection))
        else:
            connection.close()

    def _kept(self) -> Connection | None:
        """Return a connection that waits, and is alive as far as can be seen from here, or None."""
        while self._waiting:
            try:
                since, connection = self._waiting.pop()
            except IndexError:  # another thread was faster
                return None
            if time() - since < IDLE and not connection.stale():
                return connection
            connection.close()
        return None

    def _connect(self) -> Connection:
        return Connection(self._connection(), read_timeout=self._read_timeout)

    def _connection(self) -> HTTPConnection:
        if not self._secure:
            return HTTPConnection(self._host, self._port, timeout=self._connect_timeout)
        proxy = proxy_for(self._host)
        if proxy is None:
            return HTTPSConnection(self._host, self._port, timeout=self._connect_timeout, context=_tls())
        connection = HTTPSConnection(proxy.host, proxy.port, timeout=self._connect_timeout, context=_tls())
        connection.set_tunnel(self._host, self._port, headers=proxy.headers)
        return connection


def _close(waiting: deque[tuple[float, Connection]]) -> None:
    for _, connection in waiting:
        connection.close()


@cache
def _tls() -> ssl.SSLContext:
    """Return the one context of the process: reading the certificate authorities takes 20 ms."""
    named = next((os.environ[name] for name in CA_VARIABLES if os.environ.get(name)), None)
    if named is None:
        try:
            from certifi import where  # noqa: PLC0415 - it comes with the SDKs, and is not needed without TLS

            named = where()
        except ImportError:
            named = None  # those of the platform
    try:
        folder = named is not None and Path(named).is_dir()
        context = ssl.create_default_context(cafile=None if folder else named, capath=named if folder else None)
    except OSError as error:
        raise ConfigurationError(f"No certificate authorities can be read from {named!r}: {error}") from error
    context.set_alpn_protocols(["http/1.1"])
    return context
