"""What stands before moto."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tradewind_sandbox.journal import Journal, read
from tradewind_sandbox.observe import writes_object
from tradewind_sandbox.s3_server import Serialised, signer

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Backend:
    """Answers with the status that it is told, and counts how many requests are in it at one time."""

    def __init__(self, status: str = "200 OK") -> None:
        self._status = status
        self._inside = 0
        self.most = 0
        self.meeting: threading.Barrier | None = None
        self.bodies: list[bytes] = []

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        self._inside += 1
        self.most = max(self.most, self._inside)
        if self.meeting:
            self.meeting.wait(5)
        self.bodies.append(environ["wsgi.input"].read())
        self._inside -= 1
        start_response(self._status, [])
        return [b"done"]


def request(method: str, path: str, body: bytes = b"", **more: str) -> WSGIEnvironment:
    """A request as the server hands it over."""
    said = {"REQUEST_METHOD": method, "RAW_URI": path, "CONTENT_LENGTH": str(len(body))}
    return {**said, "wsgi.input": io.BytesIO(body), **more}


def ask(app: Serialised, environ: WSGIEnvironment) -> bytes:
    """Send one request."""
    return b"".join(app(environ, lambda *_: lambda _: None))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal"


@pytest.fixture
def journal(path: Path) -> Iterator[Journal]:
    """An empty journal."""
    with closing(Journal(path)) as made:
        yield made


def test_writes_come_one_after_the_other(journal: Journal) -> None:
    """Of many writes at once, one at a time reaches moto."""
    backend = Backend()
    app = Serialised(backend, journal)

    with ThreadPoolExecutor(8) as workers:
        list(workers.map(lambda i: ask(app, request("PUT", f"/b/{i}", b"x")), range(64)))

    assert backend.most == 1
    assert len(backend.bodies) == 64


@pytest.mark.parametrize(
    "environ",
    [
        request("GET", "/b/k"),
        request("POST", "/", HTTP_X_AMZ_TARGET="AmazonSQS.ReceiveMessage"),
        request("POST", "/", CONTENT_TYPE="application/x-www-form-urlencoded; charset=utf-8"),
    ],
    ids=["read", "another service", "a form"],
)
def test_what_writes_nothing_waits_for_nobody(journal: Journal, environ: WSGIEnvironment) -> None:
    """Two requests that do not write to S3 are worked on at the same time."""
    backend = Backend()
    backend.meeting = threading.Barrier(2)
    app = Serialised(backend, journal)

    with ThreadPoolExecutor(2) as workers:
        answers = list(workers.map(lambda _: ask(app, dict(environ)), range(2)))

    assert answers == [b"done", b"done"]


def test_successful_writes_are_noted(journal: Journal, path: Path) -> None:
    """The journal names method, bucket, key and query of a write, the key as the user spelled it."""
    app = Serialised(Backend(), journal)

    ask(app, request("PUT", "/bucket//l%20e+a%2Bd?x-id=PutObject", b"body"))

    ((entry, _),) = read(path)
    assert entry == {"method": "PUT", "bucket": "bucket", "key": "/l e+a+d", "query": "x-id=PutObject"}


def test_refused_writes_are_not_noted(journal: Journal, path: Path) -> None:
    """A failed condition wrote nothing."""
    app = Serialised(Backend("412 Precondition Failed"), journal)

    ask(app, request("PUT", "/bucket/key", b"body"))

    assert list(read(path)) == []


@pytest.mark.parametrize(
    ("environ", "who"),
    [
        (
            request("PUT", "/b/k", HTTP_AUTHORIZATION="AWS4-HMAC-SHA256 Credential=AKID/2026/x/s3/aws4_request, Si"),
            "AKID",
        ),
        (request("PUT", "/b/k", HTTP_AUTHORIZATION="AWS AKID:c2lnbmF0dXJl"), "AKID"),
        (
            request("PUT", "/b/k", QUERY_STRING="X-Amz-Credential=AKID%2F2026%2Fx%2Fs3%2Faws4_request&X-Amz-Date=1"),
            "AKID",
        ),
        (request("PUT", "/b/k", QUERY_STRING="AWSAccessKeyId=AKID&Signature=c2ln"), "AKID"),
        (request("PUT", "/b/k", HTTP_AUTHORIZATION="Bearer AKID"), ""),
        (request("PUT", "/b/k"), ""),
    ],
    ids=["version 4", "version 2", "presigned", "presigned, version 2", "something else", "nobody"],
)
def test_a_request_names_its_signer(environ: WSGIEnvironment, who: str) -> None:
    """The access key id is found in every way in which S3 takes a signature."""
    assert signer(environ) == who


@pytest.mark.parametrize(
    ("method", "query", "counts"),
    [
        ("PUT", "", True),
        ("PUT", "x-id=PutObject", True),
        ("PUT", "X-Amz-Signature=00&X-Amz-Date=1", True),
        ("POST", "uploadId=1", True),
        ("POST", "uploads", False),
        ("PUT", "partNumber=1&uploadId=1", False),
        ("PUT", "tagging", False),
        ("PUT", "acl=", False),
        ("DELETE", "", False),
    ],
)
def test_counts_what_makes_an_object(method: str, query: str, counts: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Putting an object and completing an upload count; parts, tags and deletes do not."""
    entry = {"method": method, "bucket": "tradewind-use1", "key": "k", "query": query}

    assert writes_object(entry) is counts
    assert not writes_object({**entry, "bucket": "tradewind-use1-control"})
