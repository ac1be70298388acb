"""The small HTTP client, against a peer that says exactly what a test wants, over a Unix socket."""

from __future__ import annotations

import socket
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.client import HTTPConnection
from io import BytesIO
from itertools import repeat
from pathlib import Path
from traceback import format_exception
from typing import Any, BinaryIO

import pytest

from tradewind.clouds import http, http_connection
from tradewind.clouds.http import AnswerError, HttpClient, TransportError
from tradewind.clouds.http_connection import TOGETHER
from tradewind.errors import ConfigurationError, StoreUnavailableError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLOSE = b""
"""In place of an answer: the peer hangs up."""


class Peer:
    """Answers the requests of each connection in order, and hangs up after the last."""

    def __init__(self, path: Path) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self.script: list[list[bytes]] = []
        self.deaf = False
        """Whether it answers without having read a body."""
        self.path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                with connection, connection.makefile("rb") as arriving, suppress(OSError):
                    for answer in self.script.pop(0) if self.script else []:
                        self._read(arriving)
                        connection.sendall(answer)

    def _read(self, arriving: BinaryIO) -> None:
        head = b""
        size = 0
        while line := arriving.readline():
            head += line
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
            if line == b"\r\n":
                break
        body = b"" if self.deaf else arriving.read(size)
        self.received.append(head + body)


class LocalConnection(HTTPConnection):
    """Connects to a Unix socket."""

    path = ""

    def connect(self) -> None:
        """Connect."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)


class LocalClient(HttpClient):
    """A client of a peer at a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("http://peer.example:8080", read_timeout=5)
        self._path = path

    def _connection(self) -> HTTPConnection:
        made = LocalConnection("peer.example", 8080)
        made.path = str(self._path)
        return made


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """Listens."""
    made = Peer(tmp_path / "peer")
    yield made
    made.close()


@pytest.fixture
def client(peer: Peer) -> LocalClient:
    """A client of the peer."""
    return LocalClient(peer.path)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.0)


def get(client: HttpClient) -> bytes:
    """Return what the peer answers."""
    with client.open("GET", "/x?y=z", {"a": "b"}) as answer:
        return answer.read()


def test_a_connection_is_used_again(peer: Peer, client: LocalClient) -> None:
    """Whoever reads an answer to its end leaves the connection to the next request."""
    peer.script = [[OK, OK, b"HTTP/1.1 204 No Content\r\n\r\n", OK]]

    assert [get(client) for _ in range(4)] == [b"ok", b"ok", b"", b"ok"]
    assert peer.connections == 1
    assert peer.received[0] == b"GET /x?y=z HTTP/1.1\r\nhost: peer.example:8080\r\na: b\r\n\r\n"


def test_the_answer_to_a_head_has_a_size_and_no_body(peer: Peer, client: LocalClient) -> None:
    """Its connection is good for the next request, too."""
    peer.script = [[b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", OK]]

    with client.open("HEAD", "/", {}) as answer:
        assert answer.headers == {"content-length": "1000"}
    assert get(client) == b"ok"
    assert peer.connections == 1


def test_who_leaves_early_leaves_no_connection(peer: Peer, client: LocalClient) -> None:
    """The rest of a body is never taken for the next answer."""
    peer.script = [[OK], [OK]]

    with client.open("GET", "/", {}) as answer:
        assert next(answer.chunks(1)) == b"o"
    assert get(client) == b"ok"
    assert peer.connections == 2


@pytest.mark.parametrize("first", [[OK], [OK, CLOSE]], ids=["seen", "unseen"])
def test_a_connection_that_the_peer_closed_is_replaced(peer: Peer, client: LocalClient, first: list[bytes]) -> None:
    """It had waited too long; the request is sent again, once, on a new one."""
    peer.script = [first, [OK]]

    assert [get(client), get(client)] == [b"ok", b"ok"]
    assert peer.connections == 2


def test_a_connection_that_waited_long_is_not_trusted(
    peer: Peer, client: LocalClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was frozen does not know what happened to it."""
    peer.script = [[OK], [OK]]
    get(client)
    monkeypatch.setattr(http, "IDLE", 0.0)

    assert get(client) == b"ok"


def test_a_peer_that_always_hangs_up(peer: Peer, client: LocalClient) -> None:
    """Two tries are enough."""
    peer.script = [[CLOSE], [CLOSE]]

    with pytest.raises(TransportError, match="closed the connection"):
        get(client)
    assert peer.connections == 2


def test_nobody_is_there(client: LocalClient, tmp_path: Path) -> None:
    """What cannot be connected to did not answer."""
    client._path = tmp_path / "nobody"

    with pytest.raises(TransportError, match="No such file"):
        get(client)


def test_an_overloaded_peer_is_asked_twice(peer: Peer, client: LocalClient) -> None:
    """A moment later it may have time; if not, its answer stands."""
    busy = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 4\r\n\r\nbusy"
    peer.script = [[busy], [OK], [busy], [busy]]

    assert get(client) == b"ok"
    with pytest.raises(AnswerError, match="503"):
        get(client)


@pytest.mark.parametrize("method", ["DELETE", "POST"])
@pytest.mark.parametrize("said", [CLOSE, b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n"], ids=["nothing", "503"])
def test_what_may_have_counted_is_not_sent_again(peer: Peer, client: LocalClient, method: str, said: bytes) -> None:
    """A second delete would say that somebody else was faster, and a second upload would be begun."""
    peer.script = [[OK, said], [OK]]
    get(client)

    with pytest.raises((TransportError, AnswerError)), client.open(method, "/", {}):
        pass
    assert [request.split()[0] for request in peer.received] == [b"GET", method.encode()]


@pytest.mark.parametrize("method", ["DELETE", "POST"])
def test_what_never_went_out_is_sent(
    peer: Peer, client: LocalClient, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection that could not be made is made once more, whatever the request."""
    peer.script = [[OK]]
    paths = iter(["/nobody/is/there", str(peer.path)])
    made = client._connection

    def connection() -> HTTPConnection:
        client._path = Path(next(paths))
        return made()

    monkeypatch.setattr(client, "_connection", connection)

    with client.open(method, "/", {}) as answer:
        assert answer.read() == b"ok"
    assert len(peer.received) == 1


def test_a_request_that_failed(peer: Peer, client: LocalClient) -> None:
    """Status, headers and the beginning of the body say why."""
    peer.script = [[b'HTTP/1.1 412 No\r\nETag: "1"\r\nContent-Length: 5\r\n\r\n<no/>', OK]]

    with pytest.raises(AnswerError) as caught:
        get(client)
    assert (caught.value.status, caught.value.headers["etag"], caught.value.body) == (412, '"1"', b"<no/>")
    assert get(client) == b"ok"
    assert peer.connections == 1


@pytest.mark.parametrize("size", [5, TOGETHER + 1, 3_000_000])
@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda body: (body[:2], body[2:])])
def test_bytes_are_sent_as_they_are(peer: Peer, client: LocalClient, size: int, kind: Callable[[bytes], bytes]) -> None:
    """They arrive whole, after a length; and if nobody answered, they are sent again."""
    peer.script = [[CLOSE], [OK]]
    body = bytes(range(256)) * (size // 256) + bytes(size % 256)

    with client.open("PUT", "/", {}, kind(body)) as answer:
        assert answer.read() == b"ok"

    assert all(request.partition(b"\r\n\r\n")[2] == body for request in peer.received)
    assert f"content-length: {size}\r\n".encode() in peer.received[1]


def test_a_body_that_is_made_while_it_is_sent(peer: Peer, client: LocalClient) -> None:
    """Its size is announced, and it is not sent in the framing of chunks."""
    peer.script = [[OK]]

    with client.open("PUT", "/", {}, iter([b"he", b"", b"llo"]), size=5) as answer:
        assert answer.read() == b"ok"

    assert peer.received == [b"PUT / HTTP/1.1\r\nhost: peer.example:8080\r\ncontent-length: 5\r\n\r\nhello"]


def test_a_body_that_was_begun_is_not_sent_again(peer: Peer, client: LocalClient) -> None:
    """What was taken from an iterator is gone."""
    peer.script = [[CLOSE]]

    with pytest.raises(TransportError), client.open("PUT", "/", {}, iter([b"hello"]), size=5):
        pass
    assert peer.connections == 1


@pytest.mark.parametrize(("size", "word"), [(4, "longer"), (6, "shorter")])
def test_a_body_of_another_size(peer: Peer, client: LocalClient, size: int, word: str) -> None:
    """The request is cut off, so that nothing can come of it."""
    peer.script = [[CLOSE]]

    with pytest.raises(ValueError, match=word), client.open("PUT", "/", {}, iter([b"hel", b"lo"]), size=size):
        pass


def test_errors_of_the_body_pass(peer: Peer, client: LocalClient) -> None:
    """A source that fails is not a target that fails, though both are connections."""
    peer.script = [[CLOSE]]

    def failing() -> Iterator[bytes]:
        yield b"he"
        raise StoreUnavailableError("the source is down")

    failed = pytest.raises(StoreUnavailableError, match="the source is down")
    with failed, client.open("PUT", "/", {}, failing(), size=5):
        pass


def test_a_peer_that_refuses_before_it_has_read(peer: Peer, client: LocalClient) -> None:
    """Its answer is heard although the body could not be sent."""
    peer.deaf = True
    peer.script = [[b"HTTP/1.1 412 No\r\nContent-Length: 0\r\n\r\n"]]

    with pytest.raises(AnswerError, match="412"), client.open("PUT", "/", {}, bytes(50_000_000)):
        pass


def test_a_body_that_breaks_off(peer: Peer, client: LocalClient) -> None:
    """A connection that ends early is never taken for the end of the body."""
    peer.script = [[b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"]]

    with pytest.raises(TransportError, match="2 bytes missing"):
        get(client)


def test_a_body_in_chunks(peer: Peer, client: LocalClient) -> None:
    """A peer that does not know the size says so, and the connection lives on."""
    peer.script = [[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", OK]]

    assert [get(client), get(client)] == [b"hello", b"ok"]
    assert peer.connections == 1


def test_chunks_that_break_off(peer: Peer, client: LocalClient) -> None:
    """Without the last chunk there is no end."""
    peer.script = [[b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"]]

    with pytest.raises(TransportError):
        get(client)


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
    ],
    ids=["no size", "close", "1.0", "after 100"],
)
def test_other_ways_to_answer(peer: Peer, client: LocalClient, head: bytes) -> None:
    """An answer may end with the connection, or come after another that only promises it."""
    peer.script = [[head + b"\r\nok"], [head + b"\r\nok"]]

    assert [get(client), get(client)] == [b"ok", b"ok"]


@pytest.mark.parametrize(
    "said",
    [
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 two hundred\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\nX: " + bytes(70_000),
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 3000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\r\n",
    ],
    ids=["not HTTP", "no status", "two sizes", "long line", "many lines", "half a head"],
)
def test_what_is_no_answer(peer: Peer, client: LocalClient, said: bytes) -> None:
    """A peer that speaks something else did not answer."""
    peer.script = [[said], [said]]

    with pytest.raises(TransportError):
        get(client)


def test_headers_as_they_came(peer: Peer, client: LocalClient) -> None:
    """Any number of them, in lower case, every byte kept; those that come twice are joined."""
    many = b"".join(b"x-meta-%d: %d\r\n" % (number, number) for number in range(500))
    said = b"X-Text:  caf\xc3\xa9 \r\nTwice: a\r\ntwice: b\r\nFolded: a\r\n  b\r\nEmpty:\r\n"
    peer.script = [[b"HTTP/1.1 200 OK\r\n" + said + many + b"Content-Length: 0\r\n\r\n"]]

    with client.open("GET", "/", {}) as answer:
        headers = answer.headers

    assert headers["x-text"].encode("latin-1") == b"caf\xc3\xa9"
    assert (headers["twice"], headers["folded"], headers["empty"]) == ("a, b", "a b", "")
    assert headers["x-meta-499"] == "499"


@pytest.mark.parametrize(
    ("target", "headers"), [("/", {"a": "b\r\nevil: 1"}), ("/", {"a\n": "b"}), ("/\r\n", {}), ("/a b", {})]
)
def test_headers_are_not_forged(client: LocalClient, target: str, headers: dict[str, str]) -> None:
    """A line break in a header would begin another one."""
    with pytest.raises(ValueError, match="forge"), client.open("GET", target, headers):
        pass


def test_a_large_answer_is_not_read_whole(peer: Peer, client: LocalClient) -> None:
    """Memory is bounded even when a peer goes on and on."""
    peer.script = [[b"HTTP/1.1 200 OK\r\n\r\n" + bytes(5000)]]

    with client.open("GET", "/", {}) as answer, pytest.raises(TransportError, match="larger than 100"):
        answer.read(100)


@pytest.mark.parametrize("origin", ["peer.example", "ftp://peer.example", "https://", "http://peer.example:port"])
def test_what_is_no_origin(origin: str) -> None:
    """A server has a scheme and a name."""
    with pytest.raises(ConfigurationError, match="is not the address of a server"):
        HttpClient(origin)


@pytest.mark.parametrize("origin", ["ftp://user:hidden@peer.example", "https://user:hidden@peer.example:port"])
def test_no_password_of_an_origin_is_told(origin: str) -> None:
    """What is no origin may still hold a secret."""
    with pytest.raises(ConfigurationError) as caught:
        HttpClient(origin)

    assert "hidden" not in "".join(format_exception(caught.value))


def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who can only reach the clouds through a proxy says so in the usual variables."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "near.example")

    assert HttpClient("https://far.example")._connection().host == "proxy.example"
    assert HttpClient("https://near.example")._connection().host == "near.example"
    assert HttpClient("http://far.example")._connection().host == "far.example"


def test_a_proxy_is_asked_for_a_tunnel_by_name_and_password(monkeypatch: pytest.MonkeyPatch) -> None:
    """It connects to the proxy's host, and what the proxy is told goes no further."""
    monkeypatch.setenv("HTTPS_PROXY", "http://us%40er:hid%3Aden@127.0.0.1:3128")
    monkeypatch.delenv("NO_PROXY", raising=False)
    said: list[bytes] = []

    class Proxy:
        """Refuses a tunnel."""

        def sendall(self, data: bytes) -> None:
            said.append(data)

        def makefile(self, _: str) -> BytesIO:
            return BytesIO(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")

        def setsockopt(self, *_: object) -> None:
            """Whatever it is."""

        def close(self) -> None:
            """Nothing is open."""

    def connect(address: tuple[str, int], *_: object) -> Proxy:
        assert address == ("127.0.0.1", 3128)
        return Proxy()

    monkeypatch.setattr(socket, "create_connection", connect)

    with pytest.raises(TransportError, match="407") as caught:
        get(HttpClient("https://far.example"))
    assert b"CONNECT far.example:443 " in said[0]
    assert f"Proxy-Authorization: Basic {b64encode(b'us@er:hid:den').decode()}\r\n".encode() in b"".join(said)
    assert "hid" not in "".join(format_exception(caught.value))


class Dripping(HTTPConnection):
    """Connects to a peer that says one byte a second, by a clock that does not wait."""

    said = b""
    now = 0.0
    read = 0
    sent = 0
    seconds = 1.0
    """Between two bytes."""

    def connect(self) -> None:
        """Connect."""
        self.sock: Any = self

    def settimeout(self, _: float) -> None:
        """Each byte is in time."""

    def sendall(self, data: bytes) -> None:
        """Take any number of bytes in the time of one."""
        self.sent += len(data)
        self.now += self.seconds

    def recv_into(self, buffer: memoryview) -> int:
        """Say the next byte."""
        self.now += self.seconds
        said = self.said[self.read : self.read + 1]
        self.read += 1
        buffer[: len(said)] = said
        return len(said)


class DrippingClient(HttpClient):
    """A client of such a peer."""

    def __init__(self, peer: Dripping) -> None:
        super().__init__("http://peer.example")
        self.peer = peer
        self.connections = 0

    def _connection(self) -> HTTPConnection:
        self.connections += 1
        return self.peer


@pytest.fixture
def dripping(monkeypatch: pytest.MonkeyPatch) -> DrippingClient:
    """A client of a peer that drips."""
    peer = Dripping("peer.example")
    monkeypatch.setattr(http_connection, "monotonic", lambda: peer.now)
    return DrippingClient(peer)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nX: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffff\r\n",
        b"HTTP/1.1 404 No\r\nContent-Length: 100000\r\n\r\n",
    ],
    ids=["head", "body", "endless", "chunked", "refusal"],
)
def test_a_peer_that_drips_is_given_up(dripping: DrippingClient, said: bytes) -> None:
    """Each byte is in time, and all together hold a function for a minute only, whatever is tried again."""
    dripping.peer.said = said + b"x" * 100_000

    with pytest.raises((TransportError, AnswerError)) as caught:
        get(dripping)

    assert dripping.connections == 1
    assert dripping.peer.now == pytest.approx(http.PATIENCE, abs=2)
    assert isinstance(caught.value, AnswerError) or "takes too long" in str(caught.value)


def test_a_peer_that_takes_a_body_in_drips_is_given_up(dripping: DrippingClient) -> None:
    """Bytes that go out are no different from those that come in."""
    dripping.peer.seconds = 10

    with pytest.raises(TransportError, match="does not read"), dripping.open("PUT", "/", {}, bytes(50_000_000)):
        pass
    assert (dripping.connections, dripping.peer.sent < 10_000_000) == (1, True)


def test_a_large_part_passes_a_slow_line(dripping: DrippingClient) -> None:
    """What arrives at a megabyte a second may take as long as that takes."""
    dripping.peer.said = OK
    dripping.peer.seconds = 1.0
    size = 1024**3

    with dripping.open("PUT", "/", {}, repeat(bytes(1_000_000), size // 1_000_000), size=size // 1_000_000 * 1_000_000):
        pass
    assert dripping.peer.now > 1000


def test_who_reads_slowly_is_not_the_peers_fault(dripping: DrippingClient) -> None:
    """What a reader does between two pieces may take any time."""
    dripping.peer.said = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
    dripping.peer.seconds = 0.1
    arrived = b""

    with dripping.open("GET", "/", {}) as answer:
        for chunk in answer.chunks(1):
            arrived += chunk
            dripping.peer.now += 1000
    assert arrived == b"abc"
