"""The load of a drill, against a server on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from threading import Event, Lock, Thread
from time import monotonic

import pytest

from tradewind.failover.drills.load import Load, Question, question
from tradewind.failover.drills.timeline import Request
from tradewind.fleet import Endpoint

ENOUGH, RATE = 20, 100


class Server(ThreadingHTTPServer):
    """Answers what it is asked, but for the first request, which waits until the others were answered."""

    daemon_threads = True
    request_queue_size = 128  # of connections that wait to be taken, on a machine that is busy

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[tuple[str, str, bytes]] = []
        self.enough = Event()
        self.lock = Lock()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Server

    def do_POST(self) -> None:
        """Answer."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            self.server.seen.append((self.command, self.path, body))
            number = len(self.server.seen)
        if number == 1:
            self.server.enough.wait(60)
        self.send_response(503 if number == ENOUGH // 2 else 200)
        self.send_header("X-Served-By", "e-aws")
        self.send_header("X-Tradewind-Epoch", "7")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name is given
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    """A server that runs."""
    made = Server()
    thread = Thread(target=made.serve_forever)
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


def send(asked: Question, stop_at: int, *, enough: Event | None = None, timeout: float = 60) -> list[Request]:
    """Send requests until so many have ended, and return them."""
    ended: list[Request] = []

    def tell(request: Request) -> None:
        ended.append(request)
        if len(ended) >= stop_at:
            load.stop()
            if enough is not None:
                enough.set()

    load = Load(asked, rate=RATE, timeout=timeout, tell=tell, begun=monotonic())
    load.run()
    return ended


def test_a_slow_answer_slows_no_other_request(server: Server) -> None:
    """Requests are sent when they are due, whatever came of those before, and each is told as it ended."""
    endpoint = Endpoint.model_validate(
        {
            "site": "aws-use1",
            "url": "http://elsewhere",
            "probe": {"golden": {"path": "/predict", "body": {"text": "x"}, "expect": {"/label": "python"}}},
        }
    )

    ended = send(question(f"{server.url}/", endpoint), ENOUGH, enough=server.enough)

    assert {(method, path, body) for method, path, body in server.seen} == {("POST", "/predict", b'{"text":"x"}')}
    slow = max(ended, key=lambda each: each.end - each.start)
    assert sum(each is not slow and each.end <= slow.end for each in ended) >= ENOUGH
    starts = sorted(each.start for each in ended)
    assert all(later - earlier == pytest.approx(1 / RATE) for earlier, later in pairwise(starts))
    assert sorted({each.reason for each in ended}) == ["", "status 503"]
    assert {(each.endpoint, each.epoch) for each in ended} == {("e-aws", 7)}


def test_an_answer_that_does_not_come_is_a_lost_request(server: Server) -> None:
    """A user gives up after a while; a server that is gone refuses at once."""
    asked = Question("POST", f"{server.url}/predict", {"text": "x"})

    lost = [each for each in send(asked, ENOUGH, timeout=0.3) if not each.good]
    server.enough.set()

    assert "no answer within 0.3 s" in {each.reason for each in lost}
    assert {each.reason for each in send(Question("GET", "http://127.0.0.1:1/"), 3)} == {"ConnectError"}
