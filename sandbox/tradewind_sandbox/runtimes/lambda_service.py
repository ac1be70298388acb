"""Lambda as its callers see it: functions that are invoked over HTTP, each with a few execution environments."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tradewind_sandbox.ports import HOST
from tradewind_sandbox.runtimes.lambda_environment import Answer, Environment, FunctionSettings

_log = logging.getLogger(__name__)


class Function:
    """One function. Environments are started when they are needed, kept, and replaced when they end.

    Args:
        settings: What to run.
        concurrency: At most so many events are worked on at one time; the others wait.
    """

    def __init__(self, settings: FunctionSettings, *, concurrency: int) -> None:
        self.settings = settings
        self._places = threading.Semaphore(concurrency)
        self._lock = threading.Lock()
        self._idle: list[Environment] = []

    def invoke(self, event: bytes) -> Answer:
        """Run the function on one event."""
        with self._places:
            environment = self._take()
            answer = environment.invoke(event)
            if environment.alive:
                with self._lock:
                    self._idle.append(environment)
        if answer.failed:
            _log.error("%s failed: %s", self.settings.name, answer.payload.decode(errors="replace"))
        return answer

    def warm_up(self) -> None:
        """Start one environment before the first event needs it."""
        environment = Environment(self.settings)
        with self._lock:
            self._idle.append(environment)

    def close(self) -> None:
        """End the environments that have nothing to do."""
        with self._lock:
            idle, self._idle = self._idle, []
        for environment in idle:
            environment.close()

    def _take(self) -> Environment:
        while True:
            with self._lock:
                environment = self._idle.pop() if self._idle else None
            if environment is None:
                return Environment(self.settings)
            if environment.alive:
                return environment


def serve(functions: Sequence[Function], port: int) -> ThreadingHTTPServer:
    """Return a server that offers `Invoke` of the Lambda API for `functions`; the caller runs it.

    https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    paths = {f"/2015-03-31/functions/{each.settings.name}/invocations": each for each in functions}

    class LambdaApi(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_POST(self) -> None:
            event = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}"
            function = paths.get(self.path)
            if function is None:
                self._reply(HTTPStatus.NOT_FOUND, b'{"Type": "User", "Message": "Function not found"}')
            elif self.headers.get("X-Amz-Invocation-Type") == "Event":
                threading.Thread(target=function.invoke, args=(event,)).start()
                self._reply(HTTPStatus.ACCEPTED, b"")
            else:
                answer = function.invoke(event)
                self._reply(HTTPStatus.OK, answer.payload, error=answer.failed)

        def _reply(self, status: HTTPStatus, body: bytes, *, error: bool = False) -> None:
            self.send_response(status)
            if error:
                self.send_header("X-Amz-Function-Error", "Unhandled")
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """The function writes its own log."""

    server = ThreadingHTTPServer((HOST, port), LambdaApi)
    server.daemon_threads = True
    return server
