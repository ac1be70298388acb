"""`python -m tradewind_sandbox.s3_server`: moto, with the two things that it lacks beside real S3.

Moto checks a condition and then writes, in whatever thread the request came; here writes come one after the other, so
that a conditional write is atomic. And every successful write is noted in a journal, so that a test can count them.
"""

from __future__ import annotations

import argparse
import io
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from tradewind_sandbox.journal import Journal
from tradewind_sandbox.ports import HOST

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SUCCESS = "2"


class _Answer(Protocol):
    def __call__(self, data: bytes, /) -> object: ...


class Serialised:
    """Lets one write to S3 through at a time; reads, and every request to another service, pass freely."""

    def __init__(self, app: WSGIApplication, journal: Journal) -> None:
        self._app = app
        self._journal = journal
        self._writing = threading.Lock()

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        # Other services name their action in a header or a form; a long poll of SQS must not hold up S3.
        form = environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded")
        if environ["REQUEST_METHOD"] in _READS or "HTTP_X_AMZ_TARGET" in environ or form:
            return self._app(environ, start_response)
        # The body first: a slow client holds up nobody.
        if length := int(environ.get("CONTENT_LENGTH") or 0):
            environ["wsgi.input"] = io.BytesIO(environ["wsgi.input"].read(length))
        with self._writing:
            return self._write(environ, start_response)

    def _write(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        said = ""

        def remember(status: str, headers: list[tuple[str, str]], *rest: object) -> _Answer:
            nonlocal said
            said = status
            return start_response(status, headers, *rest)  # type: ignore[arg-type]  # exactly what came

        body = list(self._app(environ, remember))
        if said.startswith(_SUCCESS):
            path, _, query = str(environ["RAW_URI"]).partition("?")
            bucket, _, key = path.removeprefix("/").partition("/")
            self._journal.note(method=environ["REQUEST_METHOD"], bucket=bucket, key=unquote(key), query=query)
        return body


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.s3_server", description="S3 and SQS, by moto.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with closing(Journal(options.journal)) as journal:
        app = Serialised(DomainDispatcherApplication(create_backend_app), journal)
        server = make_server(HOST, options.port, app, threaded=True, request_handler=MotoRequestHandler)
        server.serve_forever()


if __name__ == "__main__":
    main()
