"""One execution environment of a Lambda function: AWS's own runtime client, and the Runtime API that it polls.

https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tradewind_sandbox.ports import HOST

_API = "/2018-06-01/runtime"
_INIT_SECONDS = 60.0
"""Generous beside Lambda's 10 s: the machine also runs three clouds."""


@dataclass(frozen=True, slots=True)
class FunctionSettings:
    """What Lambda is told about a function."""

    name: str
    arn: str
    handler: str
    folder: Path
    """The handler's file is here."""
    timeout: float
    """Seconds that one invocation may take."""
    env: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of an invocation."""

    payload: bytes
    failed: bool = False
    """The function raised, ran out of time, or its process ended."""


@dataclass(frozen=True, slots=True)
class _Invocation:
    event: bytes
    deadline: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    answer: Future[Answer] = field(default_factory=Future)


class Environment:
    """A process of the function. It works on one event at a time and is never used again after it ended.

    Returns from the constructor when the handler is loaded, or could not be; `alive` says which.
    """

    def __init__(self, settings: FunctionSettings) -> None:
        self._settings = settings
        self._inbox: queue.Queue[_Invocation | None] = queue.Queue()
        self._lock = threading.Lock()
        self._current: _Invocation | None = None
        self._loaded = threading.Event()
        self._ended = False
        self._server = ThreadingHTTPServer((HOST, 0), _api(self))
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._process = self._start()
        threading.Thread(target=self._watch, daemon=True).start()
        self._loaded.wait(_INIT_SECONDS)

    @property
    def alive(self) -> bool:
        """Say whether another event can be handed to it."""
        return not self._ended

    def invoke(self, event: bytes) -> Answer:
        """Hand over one event and return what the function answered."""
        invocation = _Invocation(event, time.time() + self._settings.timeout)
        with self._lock:
            if self._ended:
                return _failure("Runtime.ExitError", "Runtime exited before it took the event")
            self._current = invocation
        self._inbox.put(invocation)
        try:
            return invocation.answer.result(self._settings.timeout)
        except FutureTimeoutError:
            self.close()
            message = f"{invocation.id} Task timed out after {self._settings.timeout:.2f} seconds"
            return _failure("Sandbox.Timedout", message)

    def close(self) -> None:
        """End the process and what belongs to it."""
        self._process.kill()
        self._process.wait()

    def next(self) -> _Invocation | None:
        """Wait for the next event; None when there will be none."""
        self._loaded.set()
        return self._inbox.get()

    def answer(self, invocation_id: str, answer: Answer) -> bool:
        """Take the function's answer; False if nobody waits for it any more."""
        with self._lock:
            current, self._current = self._current, None
        if current is None or current.id != invocation_id:
            return False
        current.answer.set_result(answer)
        return True

    @property
    def arn(self) -> str:
        """The function's."""
        return self._settings.arn

    def _start(self) -> subprocess.Popen[bytes]:
        settings = self._settings
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        env = {
            **os.environ,
            "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{self._server.server_port}",
            "AWS_LAMBDA_FUNCTION_NAME": settings.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1024",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{settings.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"sandbox/[$LATEST]{uuid.uuid4().hex}",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
            "_HANDLER": settings.handler,
            **settings.env,
        }
        # Not a session of its own: whoever kills the runtime's process group means this process, too.
        command = [sys.executable, "-m", "awslambdaric", settings.handler]
        return subprocess.Popen(command, cwd=settings.folder, env=env, stdin=subprocess.DEVNULL)

    def _watch(self) -> None:
        code = self._process.wait()
        with self._lock:
            self._ended = True
            current, self._current = self._current, None
        if current is not None and not current.answer.done():
            message = f"RequestId: {current.id} Error: Runtime exited with error: exit status {code}"
            current.answer.set_result(_failure("Runtime.ExitError", message))
        self._loaded.set()
        self._inbox.put(None)
        self._server.shutdown()
        self._server.server_close()


def _failure(kind: str, message: str) -> Answer:
    return Answer(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)


def _api(environment: Environment) -> type[BaseHTTPRequestHandler]:
    class RuntimeApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_GET(self) -> None:
            if self.path != f"{_API}/invocation/next":
                self.send_error(HTTPStatus.NOT_FOUND)
                return
            invocation = environment.next()
            if invocation is None:
                self.close_connection = True
                return
            headers = {
                "Lambda-Runtime-Aws-Request-Id": invocation.id,
                "Lambda-Runtime-Deadline-Ms": str(int(invocation.deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": environment.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0",
            }
            self._reply(HTTPStatus.OK, invocation.event, headers)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            match self.path.removeprefix(_API).strip("/").split("/"):
                case ["invocation", invocation_id, "response" | "error" as kind]:
                    taken = environment.answer(invocation_id, Answer(body, failed=kind == "error"))
                    self._reply(HTTPStatus.ACCEPTED if taken else HTTPStatus.BAD_REQUEST, b'{"status": "OK"}')
                case ["init", "error"]:
                    # The process ends by itself after this, which `_watch` reports; the error is in the log already.
                    self._reply(HTTPStatus.ACCEPTED, b'{"status": "OK"}')
                case _:
                    self.send_error(HTTPStatus.NOT_FOUND)

        def _reply(self, status: HTTPStatus, body: bytes, headers: Mapping[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Keep the polling out of the log."""

    return RuntimeApi
