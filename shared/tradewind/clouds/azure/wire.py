"""Requests to Blob Storage without an SDK, for the calls that are many: get, head, put, delete, and blocks.

https://learn.microsoft.com/rest/api/storageservices/blob-service-rest-api
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from email.utils import formatdate
from urllib.parse import quote, urlencode

from tradewind.clouds.azure.signing import Signer
from tradewind.clouds.http import Answer, AnswerError, Body, HttpClient

VERSION = "2024-11-04"
"""Of the service, by whose rules it answers."""
_REFUSED = 401


def blob_target(container: str, key: str, query: Mapping[str, str] | None = None) -> str:
    """Return where a blob is.

    Args:
        container: Its name.
        key: The blob's name.
        query: Parameters, unescaped.
    """
    path = f"/{container}/{quote(key, safe='/~')}"
    return f"{path}?{urlencode(query, quote_via=quote)}" if query else path


class BlobWire:
    """Signed requests to one account, from any number of threads.

    Args:
        http: Of the account's endpoint.
        signer: Who asks.
        prefix: What the endpoint's path begins with.
    """

    def __init__(self, http: HttpClient, signer: Signer, *, prefix: str = "") -> None:
        self._http = http
        self._signer = signer
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
            target: As `blob_target` returns it.
            headers: Beside those that sign it, with names in lower case and values without spaces at their ends.
            body: What is sent.
            size: Bytes of a body that is not bytes itself.

        Raises:
            TransportError: No answer came.
            AnswerError: The answer's status is not 2xx.
            AzureError: No token could be had.
        """
        if isinstance(body, tuple):
            size = sum(map(len, body))
        elif isinstance(body, bytes | bytearray | memoryview):
            size = len(body)
        with ExitStack() as stack:
            try:
                answer = stack.enter_context(self._open(method, target, headers, body, size or 0))
            except AnswerError as error:
                once = not isinstance(body, bytes | bytearray | memoryview | tuple)
                if error.status != _REFUSED or once or not self._signer.forget():
                    raise
                answer = stack.enter_context(self._open(method, target, headers, body, size or 0))
            yield answer

    @contextmanager
    def _open(
        self, method: str, target: str, headers: Mapping[str, str] | None, body: Body, size: int
    ) -> Iterator[Answer]:
        sent = {"x-ms-version": VERSION, "x-ms-date": formatdate(usegmt=True), "user-agent": "tradewind"}
        sent.update(headers or {})
        target = self._signer.sign(method, self._prefix + target, sent, size)
        with self._http.open(method, target, sent, body, size=size) as answer:
            yield answer
