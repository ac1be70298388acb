"""Blob Storage as far as it reads from elsewhere by itself: a server in front of Azurite, which lacks some of that.

https://learn.microsoft.com/rest/api/storageservices/put-block-from-url. Azurite, as the sandbox runs it, checks the
request's signature, reads the source and keeps the block. This server reads the same bytes from the same address and
tells their CRC-64, refuses what Blob Storage would refuse, looks at the time until which an address is good, as S3 does
and moto does not, and fails in whatever way a test wants.
"""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tradewind.checksums import crc64nvme
from tradewind_sandbox.ports import HOST

LARGEST_BLOCK = 4000 * 1024 * 1024
LONGEST_ADDRESS = 2048
_HOP = frozenset({"connection", "transfer-encoding", "keep-alive", "content-length", "date", "server"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that says no."""

    status: int
    code: str
    source_status: int | None = None

    @property
    def headers(self) -> Mapping[str, str]:
        """Return its headers."""
        source = {} if self.source_status is None else {"x-ms-copy-source-status-code": str(self.source_status)}
        return {"x-ms-error-code": self.code, "Content-Type": "application/xml", **source}

    @property
    def body(self) -> bytes:
        """Return what it says."""
        return f"<Error><Code>{self.code}</Code><Message>{self.code}</Message></Error>".encode()


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to read from elsewhere."""

    url: str
    range: str


def obliging(_: Asked) -> Refusal | None:
    """Refuse nothing that Blob Storage does not refuse."""
    return None


@dataclass(slots=True)
class Front:
    """What a test knows of the server, and wants of it.

    Args:
        backend: Azurite's address, with the account.
    """

    backend: str
    endpoint: str = ""
    asked: list[Asked] = field(default_factory=list)
    sent: int = 0
    """Bytes of blocks that functions sent."""
    refuse: Callable[[Asked], Refusal | None] = obliging
    checksum: Callable[[bytes], int] = crc64nvme
    """What it says of what it has read."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)

    def reset(self) -> None:
        """Forget what was asked, and be obliging again."""
        self.asked.clear()
        self.sent = 0
        self.refuse, self.checksum, self.clock = obliging, crc64nvme, lambda: datetime.now(UTC)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    front: Front

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_PUT(self) -> None:
        """Read from elsewhere, or pass it on."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = self.headers.get("x-ms-copy-source")
        if url is None:
            if parse_qs(urlsplit(self.path).query).get("comp") == ["block"]:
                self.front.sent += len(body)
            self._pass_on(body, {})
            return
        asked = Asked(url, self.headers.get("x-ms-source-range", ""))
        self.front.asked.append(asked)
        refusal = self.front.refuse(asked) or self._refusal(asked, body)
        found = b""
        if refusal is None:
            refusal, found = self._read(asked)
        if refusal is not None:
            self._answer(refusal.status, refusal.headers, refusal.body)
            return
        checksum = b64encode(self.front.checksum(found).to_bytes(8, "little")).decode()
        self._pass_on(body, {"x-ms-content-crc64": checksum})

    def do_GET(self) -> None:
        """Pass it on."""
        self._pass_on(b"", {})

    def do_HEAD(self) -> None:
        """Pass it on."""
        self._pass_on(b"", {})

    def do_DELETE(self) -> None:
        """Pass it on."""
        self._pass_on(b"", {})

    def _refusal(self, asked: Asked, body: bytes) -> Refusal | None:
        first, _, last = asked.range.removeprefix("bytes=").partition("-")
        if body or len(asked.url) > LONGEST_ADDRESS:
            return Refusal(400, "InvalidHeaderValue")
        if int(last) - int(first) >= LARGEST_BLOCK:
            return Refusal(413, "RequestBodyTooLarge")
        query = parse_qs(urlsplit(asked.url).query)
        signed = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if self.front.clock() > signed + timedelta(seconds=int(query["X-Amz-Expires"][0])):
            return Refusal(403, "CannotVerifyCopySource", 403)
        return None

    def _read(self, asked: Asked) -> tuple[Refusal | None, bytes]:
        with _asking(asked.url, "GET", b"", {"Range": asked.range}) as answer:
            found = answer.read()
        if answer.status in (200, 206):
            return None, found
        return Refusal(answer.status, "CannotVerifyCopySource", answer.status), b""

    def _pass_on(self, body: bytes, more: Mapping[str, str]) -> None:
        url = urlsplit(self.front.backend)._replace(path="", query="").geturl() + self.path
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        with _asking(url, self.command, body, headers) as answer:
            found = answer.read()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in _HOP}
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self._answer(answer.status, {**kept, **(more if answer.status < 300 else {})}, found, length)

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, length: str | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", length or str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextmanager
def _asking(url: str, method: str, body: bytes, headers: Mapping[str, str]) -> Iterator[HTTPResponse]:
    parts = urlsplit(url)
    connection = HTTPConnection(str(parts.hostname), parts.port, timeout=60)
    try:
        connection.request(method, f"{parts.path}?{parts.query}" if parts.query else parts.path, body, dict(headers))
        yield connection.getresponse()
    finally:
        connection.close()


@contextmanager
def azure_front(backend: str) -> Iterator[Front]:
    """Serve in front of Azurite for as long as the block lasts."""
    front = Front(backend)
    handler: Any = type("Handler", (_Handler,), {"front": front})
    with ThreadingHTTPServer((HOST, 0), handler) as server:
        front.endpoint = f"http://{HOST}:{server.server_port}{urlsplit(backend).path}"
        serving = threading.Thread(target=server.serve_forever, daemon=True)
        serving.start()
        try:
            yield front
        finally:
            server.shutdown()
            serving.join()
