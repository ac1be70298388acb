"""Where the sandbox's notices go: each that is posted here is a line of `notices.jsonl` in the state folder."""

from __future__ import annotations

import json
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tradewind_sandbox.ports import HOST

FILE = "notices.jsonl"
PATH = "/notices"


def serve(state: Path, port: int) -> ThreadingHTTPServer:
    """Return a server that takes notices; the caller runs it."""
    one_at_a_time = threading.Lock()

    class Webhook(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body in one packet

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
            # The headers are kept: a signature is of the very bytes that came.
            entry = {"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body}
            with one_at_a_time, (state / FILE).open("a") as file:
                file.write(json.dumps(entry) + "\n")
            self.send_response(HTTPStatus.NO_CONTENT)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """The file is the log."""

    server = ThreadingHTTPServer((HOST, port), Webhook)
    server.daemon_threads = True
    return server
