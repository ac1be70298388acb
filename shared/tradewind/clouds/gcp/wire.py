"""Requests to Cloud Storage without an SDK, for the calls that are many: get, head, put, and the parts of uploads.

Objects are read over the XML API, whose answer has the object's metadata in its headers, and everything else goes over
the JSON API, which takes and tells it exactly; both know the same tokens.
https://cloud.google.com/storage/docs/request-endpoints
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from urllib.parse import quote, urlencode

from tradewind.clouds.gcp.tokens import Tokens
from tradewind.clouds.http import Answer, AnswerError, Body, HttpClient

_REFUSED = 401


def xml_target(bucket: str, key: str) -> str:
    """Return where an object's bytes are; with its slashes escaped, since no proxy then resolves `..` in a key."""
    return f"/{quote(bucket, safe='')}/{quote(key, safe='')}"


def json_target(
    bucket: str, key: str | None = None, query: Mapping[str, str] | None = None, *, upload: bool = False
) -> str:
    """Return where an object's resource is, or the objects of a bucket.

    Args:
        bucket: Its name.
        key: None for the bucket's objects.
        query: Parameters, unescaped; those without a value are left out.
        upload: Whether bytes follow.
    """
    path = f"{'/upload' if upload else ''}/storage/v1/b/{quote(bucket, safe='')}/o"
    if key is not None:
        path += f"/{quote(key, safe='')}"
    given = {name: value for name, value in (query or {}).items() if value}
    return f"{path}?{urlencode(given)}" if given else path


class GcsWire:
    """Signed requests to one endpoint, from any number of threads.

    Args:
        http: Of the endpoint.
        tokens: Who asks.
        prefix: What the endpoint's path begins with.
    """

    def __init__(self, http: HttpClient, tokens: Tokens, *, prefix: str = "") -> None:
        self._http = http
        self._tokens = tokens
        self._prefix = prefix

    @contextmanager
    def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        size: int | None = None,
    ) -> Iterator[Answer]:
        """Send a signed request and open its answer, as `HttpClient.open` does.

        A token that is refused is fetched anew, and the request sent once more if its body can be (bytes, or a tuple of
        them).

        Args:
            method: Of HTTP.
            target: As `xml_target` and `json_target` return it.
            headers: Beside those that sign it.
            body: What is sent.
            size: Bytes of a body that is not bytes itself.

        Raises:
            TransportError: No answer came.
            AnswerError: The answer's status is not 2xx.
            GoogleAuthError: No token could be had.
        """
        with ExitStack() as stack:
            try:
                answer = stack.enter_context(self._open(method, target, headers, body, size))
            except AnswerError as error:
                if error.status != _REFUSED or not self._tokens.forget() or not isinstance(body, bytes | tuple):
                    raise
                answer = stack.enter_context(self._open(method, target, headers, body, size))
            yield answer

    @contextmanager
    def _open(
        self, method: str, target: str, headers: Mapping[str, str] | None, body: Body, size: int | None
    ) -> Iterator[Answer]:
        signed = {"User-Agent": "tradewind", **(headers or {})}
        self._tokens.sign(signed)
        with self._http.open(method, self._prefix + target, signed, body, size=size) as answer:
            yield answer
