"""`python -m tradewind_sandbox.s3_server`: moto, with the four things that it lacks beside real S3.

Moto checks a condition and then writes, in whatever thread the request came; here writes come one after the other, so
that a conditional write is atomic. Its notifications name nobody, and speak of a change of tags at every write; here
they name who signed the request, and speak of tags where only tags changed. And every successful write is noted in a
journal, so that a test can count them.
"""

from __future__ import annotations

import argparse
import io
import re
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import closing
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import parse_qs, unquote

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from moto.s3 import notifications
from werkzeug.serving import make_server

from tradewind_sandbox.journal import Journal
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.s3_checksums import tell_checksums_as_s3_does
from tradewind_sandbox.s3_copies import copy_as_s3_does
from tradewind_sandbox.s3_uploads import upload_as_s3_does

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment
    from moto.s3.models import FakeBucket

_READS = frozenset({"GET", "HEAD", "OPTIONS"})
_SUCCESS = "2"
_SIGNER = re.compile(r"AWS4-HMAC-SHA256 Credential=([^/]+)/|AWS ([^:]+):")
"""In the header `Authorization`, of signature version 4 or 2."""
_TAGGING = "s3:ObjectTagging:"
_request: ContextVar[WSGIEnvironment] = ContextVar("request")
"""The write that is being worked on."""


class Dispatcher(DomainDispatcherApplication):
    """Finds out once which service a host is, where moto lists its own folder at each request."""

    @cache  # noqa: B019 - there is one, and it lives as long as the process
    def get_backend_for_host(self, host: str | None) -> Any:  # noqa: ANN401 - moto's
        """Return the name of the service that is meant by a host name."""
        return super().get_backend_for_host(host)


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
            _request.set(environ)
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


def signer(environ: WSGIEnvironment) -> str:
    """Return the access key id that a request was signed with, in its header or in its address; "" if it was not."""
    authorization: str = environ.get("HTTP_AUTHORIZATION", "")
    if found := _SIGNER.match(authorization):
        return found[1] or found[2]
    query: str = environ.get("QUERY_STRING", "")
    signed = parse_qs(query)
    credential, plain = signed.get("X-Amz-Credential", [""])[0], signed.get("AWSAccessKeyId", [""])[0]
    return credential.partition("/")[0] or plain


def announce_as_s3_does() -> None:
    """Make moto's notifications say who acted, as S3's do (`AWS:` and an id, here the access key's), and no more."""
    describe, send = notifications._get_s3_event, notifications.send_event  # noqa: SLF001 - there is no other place

    def describe_with_identity(
        event_name: str,
        bucket: FakeBucket,
        key: Any,  # noqa: ANN401 - moto's
        notification_id: str,
    ) -> dict[str, list[dict[str, Any]]]:
        event = describe(event_name, bucket, key, notification_id)
        for record in event["Records"]:
            record["userIdentity"] = {"principalId": f"AWS:{signer(_request.get())}"}
        return event

    def send_if_true(
        account_id: str, event_name: notifications.S3NotificationEvent, bucket: object, key: object
    ) -> None:
        asked = parse_qs(_request.get().get("QUERY_STRING", ""), keep_blank_values=True)
        if not event_name.value.startswith(_TAGGING) or "tagging" in asked:
            send(account_id, event_name, bucket, key)

    notifications._get_s3_event = describe_with_identity  # noqa: SLF001 - see above
    notifications.send_event = send_if_true


def main() -> None:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tradewind_sandbox.s3_server", description="S3 and SQS, by moto.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    announce_as_s3_does()
    copy_as_s3_does()
    upload_as_s3_does()
    tell_checksums_as_s3_does()
    with closing(Journal(options.journal)) as journal:
        app = Serialised(Dispatcher(create_backend_app), journal)
        server = make_server(HOST, options.port, app, threaded=True, request_handler=MotoRequestHandler)
        server.serve_forever()


if __name__ == "__main__":
    main()
