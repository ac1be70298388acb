"""The HTTP server of a model: what asks it, and what is done to requests when something is meant to be wrong."""

from __future__ import annotations

import json
import random
import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tradewind_sandbox.disturbances import Disturbance, Watched, disturbance
from tradewind_sandbox.names import HEALTH, PREDICT
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.serving.answers import Reply, health, predict
from tradewind_sandbox.serving.loading import Loader
from tradewind_sandbox.serving.rate import Rate

_LOOK = 0.1
"""Seconds between two looks whether a request that hangs still does."""
_chance = random.Random()  # noqa: S311 - of errors at a rate


@dataclass(frozen=True, slots=True)
class Served:
    """One model server."""

    endpoint: str
    site: str
    loader: Loader
    faults: Watched
    rate: Rate

    def disturbance(self, agent: str) -> Disturbance:
        """Say what becomes of a request that comes now."""
        faults = self.faults.now()
        return disturbance(faults, self.endpoint, agent, _chance.random()) if faults else Disturbance()

    def answer(self, method: str, path: str, body: bytes) -> Reply:
        """Answer one request."""
        if path == HEALTH and method in ("GET", "HEAD"):
            return health(self.loader.now, self.site, self.rate.per_second())
        if path == PREDICT and method == "POST":
            self.rate.count()
            return predict(self.loader.now, self.site, body)
        return Reply(HTTPStatus.NOT_FOUND, {"error": f"{method} {path}: there are GET {HEALTH} and POST {PREDICT}"})


def serve(served: Served, port: int) -> ThreadingHTTPServer:
    """Return a server for a model; the caller runs it."""
    return _Server((HOST, port), served)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], served: Served) -> None:
        super().__init__(address, _ModelApi)
        self.served = served


class _ModelApi(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body in one packet

    def __getattr__(self, name: str) -> Callable[[], None]:
        # The base class looks up `do_GET`, `do_POST` and so on; here every method goes the same way.
        if name.startswith("do_"):
            return self._answer
        raise AttributeError(name)

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        agent = self.headers.get("User-Agent") or ""
        what = self.server.served.disturbance(agent)
        if what.hangs:
            self._hang(agent)
            return
        time.sleep(what.seconds)
        if what.fails:
            self._reply(Reply(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "an error that was asked for"}))
            return
        self._reply(self.server.served.answer(self.command, self.path, body))

    def _hang(self, agent: str) -> None:
        """Answer nothing until the fault is lifted or the client hangs up."""
        while self.server.served.disturbance(agent).hangs and not _hung_up(self.connection):
            time.sleep(_LOOK)
        self.close_connection = True

    def _reply(self, reply: Reply) -> None:
        body = json.dumps(reply.document).encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Served-By", self.server.served.endpoint)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nobody reads 50 lines a second."""


def _hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    try:
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
