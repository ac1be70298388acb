"""A cloud that answers by a script: what a store sends can be read, and what it receives can be chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter, HTTPAdapter
from urllib3 import HTTPResponse

from tradewind.clouds import http
from tradewind.clouds.http_connection import Received

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, slots=True)
class Answer:
    """What the cloud says next."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Sent:
    """A request as it would have gone over the wire."""

    method: str
    url: str
    headers: Mapping[str, str]
    """With lower-case names."""
    body: bytes


class Script:
    """Answers requests in order, and keeps them."""

    def __init__(self, *answers: Answer) -> None:
        self.sent: list[Sent] = []
        self._answers = list(answers)

    @property
    def only(self) -> Sent:
        """The one request that was sent."""
        (request,) = self.sent
        return request

    def then(self, *answers: Answer) -> None:
        """Answer with these next."""
        self._answers += answers

    def answer(self, method: str, url: str, headers: Mapping[str, Any], body: Any) -> HTTPResponse:  # noqa: ANN401 - whatever an SDK sends
        """Keep the request and return the next answer as urllib3 has it."""
        told = self.tell(method, url, headers, body)
        return HTTPResponse(
            BytesIO(told.body),
            told.headers,
            told.status,
            preload_content=False,
            request_method=method,
            reason="Scripted",
        )

    def tell(self, method: str, url: str, headers: Mapping[str, Any], body: Any) -> Answer:  # noqa: ANN401 - whatever an SDK sends
        """Keep the request and return the next answer."""
        names = {name.lower(): value.decode() if isinstance(value, bytes) else value for name, value in headers.items()}
        self.sent.append(Sent(method, url, names, _read(body)))
        answer = self._answers.pop(0)
        return Answer(answer.status, {"Content-Length": str(len(answer.body)), **answer.headers}, answer.body)


def _read(body: Any) -> bytes:  # noqa: ANN401 - whatever an SDK sends
    if body is None or isinstance(body, (bytes, str)):
        return (body or b"") if not isinstance(body, str) else body.encode()
    return bytes(body.read()) if hasattr(body, "read") else b"".join(body)


class ScriptedAdapter(BaseAdapter):
    """Puts a script under a `requests` session."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self._script = script

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:
        """Answer by the script."""
        raw = self._script.answer(str(request.method), str(request.url), request.headers, request.body)
        return HTTPAdapter().build_response(request, raw)

    def close(self) -> None:
        """Nothing is open."""


class ScriptedHttp(http.HttpClient):
    """A client whose peer answers by a script; what it says is parsed as if it had come over the wire."""

    def __init__(self, origin: str, script: Script) -> None:
        super().__init__(origin)
        self._origin = origin
        self._script = script

    @contextmanager
    def open(
        self, method: str, target: str, headers: Mapping[str, str], body: http.Body = b"", *, size: int | None = None
    ) -> Iterator[http.Answer]:
        """Answer by the script."""
        told = self._script.tell(method, self._origin + target, headers, body)
        spelled = [f"HTTP/1.1 {told.status} Scripted", *(f"{name}: {value}" for name, value in told.headers.items())]
        arrived = "\r\n".join([*spelled, "", ""]).encode("latin-1") + told.body
        raw = Received(_Arrived(arrived), method)
        raw.begin()
        answer = http.Answer(raw)
        if not 200 <= raw.status < 300:
            raise http.AnswerError(raw.status, answer.headers, answer.excerpt())
        yield answer


class _Arrived:
    """A socket as far as an answer is read from it."""

    def __init__(self, arrived: bytes) -> None:
        self._arrived = arrived

    def makefile(self, _: str, /) -> BytesIO:
        """Return what has arrived."""
        return BytesIO(self._arrived)


@contextmanager
def scripted_s3(client: S3Client, script: Script) -> Iterator[None]:
    """Put a script under a boto3 client."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415 - only the tests of one cloud need it

    def answer(request: Any, **_: object) -> object:  # noqa: ANN401 - botocore's events are untyped
        raw = script.answer(request.method, request.url, dict(request.headers), request.body)
        headers: Any = raw.headers
        return AWSResponse(request.url, raw.status, headers, raw)

    events: Any = client.meta.events  # the stubs have it that an event's answer is ignored
    events.register("before-send.s3", answer)
    try:
        yield
    finally:
        events.unregister("before-send.s3", answer)
