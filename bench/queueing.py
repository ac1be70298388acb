"""A queue between processes that gives a message out again when whoever had it dies."""

from __future__ import annotations

import json
import socket
import socketserver
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tradewind.ports import Message

PATIENCE = 0.2
"""Seconds that a worker waits for a message before it asks again."""


@dataclass(slots=True)
class _Held:
    body: str
    attempts: int = 0


@dataclass(slots=True)
class Messages:
    """The queue itself, in the process that starts the workers."""

    waiting: deque[_Held] = field(default_factory=deque)
    taken: int = 0
    """Messages that somebody works on."""
    redelivered: int = 0
    """Deliveries that ended with the death of who had the message."""
    ready: int = 0
    """Workers that have begun to ask."""
    dead: list[str] = field(default_factory=list)
    """What was dead-lettered, which no measurement survives."""
    changed: threading.Condition = field(default_factory=threading.Condition)

    def send(self, body: str) -> None:
        """Add a message."""
        with self.changed:
            self.waiting.append(_Held(body))
            self.changed.notify()

    def wait_until_done(self, seconds: float) -> None:
        """Return when no message waits and none is worked on.

        Raises:
            TimeoutError: That took too long.
            SystemExit: Something was dead-lettered.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: not self.waiting and not self.taken, timeout=seconds):
                raise TimeoutError(f"{len(self.waiting)} messages wait and {self.taken} are worked on")
            if self.dead:
                raise SystemExit(f"dead-lettered: {self.dead}")

    def wait_until_ready(self, workers: int, seconds: float = 60.0) -> None:
        """Return when so many workers have said that they are ready.

        Raises:
            TimeoutError: That took too long.
        """
        with self.changed:
            if not self.changed.wait_for(lambda: self.ready >= workers, timeout=seconds):
                raise TimeoutError(f"{self.ready} of {workers} workers are ready")

    def note(self, *, ready: int = 0, dead: Sequence[str] = ()) -> None:
        """Take note of what a worker tells."""
        with self.changed:
            self.ready += ready
            self.dead += dead
            self.changed.notify_all()

    def take(self) -> _Held | None:
        """Give one out, if there is one soon."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.waiting, timeout=PATIENCE):
                return None
            held = self.waiting.popleft()
            held.attempts += 1
            self.taken += 1
            return held

    def settle(self, held: _Held, *, again: bool, died: bool = False) -> None:
        """Take one back: it is done, or is to be given out again."""
        with self.changed:
            self.taken -= 1
            if again:
                self.waiting.append(held)
            self.redelivered += died
            self.changed.notify_all()


class _Connection(socketserver.StreamRequestHandler):
    """One thread of one worker: at most one message at a time."""

    def handle(self) -> None:
        messages: Messages = self.server.messages  # type: ignore[attr-defined] # set by `serve`
        held: _Held | None = None
        try:
            for line in self.rfile:
                asked = json.loads(line)
                answer: dict[str, Any] = {}
                match asked["do"]:
                    case "send":
                        messages.send(asked["body"])
                    case "ready":
                        messages.note(ready=1)
                    case "dead":
                        messages.note(dead=[f"{asked['body']} {asked['attributes']}"])
                    case "receive":
                        if held is not None:
                            messages.settle(held, again=True)
                        held = messages.take()
                        answer = {"body": held.body, "attempt": held.attempts} if held else {}
                    case "settle" if held is not None:
                        messages.settle(held, again=asked["again"])
                        held = None
                self.wfile.write(json.dumps(answer).encode() + b"\n")
        except OSError:
            pass  # it died, as workers here are made to
        finally:
            if held is not None:
                messages.settle(held, again=True, died=True)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 64
    messages: Messages


@contextmanager
def serve() -> Iterator[tuple[Messages, int]]:
    """Serve a queue; yields it, and the port at which workers find it."""
    with _Server(("127.0.0.1", 0), _Connection) as server:
        server.messages = Messages()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.messages, server.server_address[1]
        finally:
            server.shutdown()


class LocalQueue:
    """The queue as a worker's runtime sees it (see `ports.Queue`); each thread has a connection of its own.

    Args:
        port: Where it is served.
        sends: What a message that is sent is: one more, or a dead one.
    """

    def __init__(self, port: int, sends: str = "send") -> None:
        self._port = port
        self._sends = sends
        self._own = threading.local()

    def send(self, body: str, *, attributes: Mapping[str, str] | None = None) -> None:
        """Send one message."""
        self._ask({"do": self._sends, "body": body, "attributes": dict(attributes or {})})

    def tell_ready(self) -> None:
        """Say that this worker begins to ask."""
        self._ask({"do": "ready"})

    def receive(self, *, limit: int = 1, wait: float = 0.0) -> Sequence[Message]:  # noqa: ARG002 - of the port
        """Return one message, or none."""
        told = self._ask({"do": "receive"})
        return [Message(told["body"], "local", told["attempt"], receipt="local")] if told else []

    def acknowledge(self, message: Message) -> None:  # noqa: ARG002 - of the port; a connection has one at a time
        """Remove the message that was received last."""
        self._ask({"do": "settle", "again": False})

    def release(self, message: Message, *, delay: float = 0.0) -> None:  # noqa: ARG002 - likewise
        """Give it out again."""
        self._ask({"do": "settle", "again": True})

    def depth(self) -> int:
        """Return nothing: nobody here asks."""
        return 0

    def _ask(self, what: Mapping[str, object]) -> Mapping[str, Any]:
        stream = getattr(self._own, "stream", None)
        if stream is None:
            connection = socket.create_connection(("127.0.0.1", self._port))
            stream = self._own.stream = connection.makefile("rwb")
        stream.write(json.dumps(what).encode() + b"\n")
        stream.flush()
        return dict(json.loads(stream.readline()))
