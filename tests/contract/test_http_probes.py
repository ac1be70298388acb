"""Probes over HTTP, against servers that answer, and servers that do everything else."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Event, Thread

import pytest

from tradewind.clouds.web.probes import MOST, HttpProber
from tradewind.fleet import Endpoint
from tradewind.ports import Answer

PATIENT = 10.0
"""Seconds that a probe may take which is not about time."""
SHORT = 0.3


@dataclass(slots=True)
class Server:
    """A server that does with each connection, once it has read the request, what it is told to."""

    listening: socket.socket
    act: Callable[[socket.socket], None] = lambda _: None
    greeting: bytes = b""
    """Said before anything is read."""
    requests: list[bytes] = field(default_factory=list)
    closing: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listening.getsockname()[1]}"

    def serve(self) -> None:
        """Serve until it is closed."""
        with suppress(OSError):  # it is closed in the middle of waiting
            while True:
                connection, _ = self.listening.accept()
                Thread(target=self._answer, args=[connection], daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):  # whoever asked may be gone
            connection.sendall(self.greeting)
            request = b""
            while b"\r\n\r\n" not in request:
                if not (more := connection.recv(65_536)):
                    return
                request += more
            head, _, body = request.partition(b"\r\n\r\n")
            for line in head.lower().split(b"\r\n"):
                while line.startswith(b"content-length:") and len(body) < int(line.partition(b":")[2]):
                    body += connection.recv(65_536)
            self.requests.append(head + b"\r\n\r\n" + body)
            self.act(connection)

    def says(self, *answers: tuple[int, bytes]) -> None:
        """Answer with these statuses and bodies in turn, and with the last for ever."""
        left = list(answers)

        def act(connection: socket.socket) -> None:
            status, body = left.pop(0) if len(left) > 1 else left[0]
            connection.sendall(b"HTTP/1.1 %d It\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))

        self.act = act


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """Return a server, which is asked directly."""
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        started = Server(listening)
        thread = Thread(target=started.serve, daemon=True)
        thread.start()
        yield started
        started.closing.set()
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)


def probe(url: str, timeout: float = PATIENT, **fields: object) -> Answer:
    """Return what comes of a probe."""
    described = {"site": "aws-use1", "url": url, "probe": {"timeout_seconds": timeout, **fields}}
    return HttpProber("gcp-euw4").probe(Endpoint.model_validate(described))


def test_a_good_answer_is_asked_for_as_the_fleet_file_says(server: Server) -> None:
    """By method and path, and it is said who asks; no connection is kept."""
    server.says((204, b""))

    assert probe(server.url + "/", method="HEAD", path="/ready?deep=1", status=[200, 204]).good
    head = server.requests[0].decode().lower().split("\r\n")
    assert head[0] == "head /ready?deep=1 http/1.1"
    assert "user-agent: tradewind-observer/gcp-euw4" in head
    assert "connection: close" in head


def test_an_answer_is_held_against_all_that_is_expected(server: Server) -> None:
    """Status, text, JSON; and the load is read from it."""
    server.says((200, b'{"status": "ok", "load": 17.5}'))

    answer = probe(server.url, contains="ok", expect={"/status": "ok"}, load="/load")
    assert (answer.good, answer.load) == (True, 17.5)
    assert probe(server.url, status=[204]).reason == "status 200"
    assert probe(server.url, contains="fine").reason == "the answer does not contain 'fine'"
    assert probe(server.url, expect={"/status": "fine"}).reason == "/status is 'ok', expected 'fine'"
    untold = probe(server.url, load="/nothing")
    assert (untold.good, untold.load) == (True, None)


def test_a_redirect_is_not_followed(server: Server) -> None:
    """Where it leads to is another endpoint."""
    server.act = lambda connection: connection.sendall(
        b"HTTP/1.1 302 Elsewhere\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"
    )

    assert probe(server.url).reason == "status 302"
    assert len(server.requests) == 1


def test_a_prediction_whose_answer_is_known_is_asked_for_besides(server: Server) -> None:
    """What is healthy by its own word and predicts nonsense is not healthy."""
    golden = {"path": "/predict", "body": {"inputs": [1, 2]}, "expect": {"/scores": [0.1, 0.9]}, "tolerance": 0.01}
    server.says((200, b"ok"), (200, b'{"scores": [0.101, 0.899]}'))
    assert probe(server.url, golden=golden).good
    head, _, body = server.requests[1].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /predict ")
    assert json.loads(body) == {"inputs": [1, 2]}

    server.says((200, b"ok"), (200, b'{"scores": [0.9, 0.1]}'))
    assert probe(server.url, golden=golden).reason == "/scores is [0.9, 0.1], expected [0.1, 0.9]"
    server.says((200, b"ok"), (500, b""))
    assert probe(server.url, golden=golden).reason == "status 500 for a prediction"


def test_an_answer_that_does_not_come_is_given_up(server: Server) -> None:
    """After the timeout, with how long that was."""
    server.act = lambda _: _wait(server)
    answer = probe(server.url, SHORT)

    assert answer.reason == "no answer within 0.3 s"
    assert answer.seconds >= SHORT


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"])
def test_an_answer_that_comes_a_byte_at_a_time_is_given_up(server: Server, beginning: bytes) -> None:
    """The timeout is for the whole of it: its headers, and its body."""

    def drip(connection: socket.socket) -> None:
        connection.sendall(beginning or b"HTTP/1.1 200 OK\r\n")
        while not server.closing.wait(0.01):
            connection.sendall(b"x" if beginning else b"X: y\r\n")

    server.act = drip

    assert probe(server.url, SHORT).reason == "no answer within 0.3 s"


def test_a_resolver_that_hangs_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its thread cannot be interrupted, and is left to itself."""
    released, ended = Event(), Event()

    def resolve(*_: object, **__: object) -> object:
        released.wait(PATIENT)
        ended.set()
        raise socket.gaierror

    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolve)
        answer = probe(server.url.replace("127.0.0.1", "model.example"), SHORT)

    assert answer.reason == f"no answer within {SHORT} s"
    assert not ended.is_set()
    released.set()


def test_of_an_answer_without_end_no_more_is_read_than_is_needed(server: Server) -> None:
    """It is too long once it is longer than any health takes."""

    def flood(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            connection.sendall(b"x" * 65_536)

    server.act = flood

    assert probe(server.url).reason == f"the answer has more than {MOST} bytes"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "what it answers is not HTTP, or not whole"),
        (b"hello\r\n\r\n", "what it answers is not HTTP, or not whole"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", "what it answers is not HTTP, or not whole"),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nok",
            "what it answers cannot be decoded",
        ),
    ],
)
def test_what_is_no_whole_answer_is_said_to_be_none(server: Server, raw: bytes, reason: str) -> None:
    """Whatever else comes over the connection."""
    server.act = lambda connection: connection.sendall(raw)

    assert probe(server.url).reason == reason


def test_a_connection_that_is_reset_is_said_to_be(server: Server) -> None:
    """In the middle of the answer."""

    def reset(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

    server.act = reset

    assert probe(server.url).reason == "connection reset"


def test_nobody_there_is_a_refusal() -> None:
    """By the machine, at once."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"

    assert probe(url).reason == "connection refused"


def test_what_speaks_no_tls_is_not_believed(server: Server) -> None:
    """Where HTTPS was asked for; nor is what says nothing at all waited for beyond the timeout."""
    url = server.url.replace("http:", "https:")
    assert probe(url, SHORT).reason == "no answer within 0.3 s"

    server.greeting = b"220 welcome\r\n"
    assert probe(url).reason.startswith("no TLS: ")


def test_an_address_that_is_none_is_an_answer() -> None:
    """One endpoint that is described wrongly keeps nobody from looking at the others."""
    assert probe("http://[::1").reason == "it cannot be asked (InvalidURL)"
    assert probe("http://nobody.invalid").reason == "its name is not known"


def _wait(server: Server) -> None:
    server.closing.wait()
