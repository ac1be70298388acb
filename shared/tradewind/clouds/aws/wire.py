"""Signed requests to one bucket of S3, for the calls that are made for every object; the others are boto3's.

A call of boto3 costs ten times the processor of a request from here, and importing it 0.35 s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime

from tradewind.clouds.aws.addresses import Address
from tradewind.clouds.aws.signing import Keys, Signer, spell
from tradewind.clouds.http import Answer, Body, HttpClient

AGENT = "tradewind"


class S3Wire:
    """Requests about one bucket and its objects.

    Args:
        http: Connections to where the bucket answers; shared by all who ask there.
        address: Where that is.
        signer: For the bucket's region.
        keys: Returns those to sign with now.
    """

    def __init__(self, http: HttpClient, address: Address, signer: Signer, keys: Callable[[], Keys]) -> None:
        self._http = http
        self._address = address
        self._signer = signer
        self._keys = keys

    @contextmanager
    def request(
        self,
        method: str,
        key: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: Body = b"",
        size: int | None = None,
    ) -> Iterator[Answer]:
        """Send a signed request and open its answer (see `HttpClient.open`).

        Args:
            method: Of HTTP.
            key: The object's; empty for the bucket itself.
            query: Fields; one without a value has an empty one.
            headers: With lower-case names. Unless `x-amz-content-sha256` is one of them, the body is not signed.
            body: Sent without being copied.
            size: Bytes of a body that is not bytes itself.

        Raises:
            AnswerError: S3 answered that the request failed.
            TransportError: S3 did not answer.
            CredentialsError: There is nobody to sign.
        """
        target = self._address.target(key, spell(query) if query else "")
        named = {**headers, "host": self._address.host} if headers else {"host": self._address.host}
        signed = self._signer.sign(self._keys(), method, target, named, datetime.now(UTC))
        signed["user-agent"] = AGENT
        with self._http.open(method, target, signed, body, size=size) as answer:
            yield answer

    def link(self, key: str, query: Mapping[str, str], *, seconds: int) -> str:
        """Return an address at which anybody can GET an object until `seconds` are over: no request.

        Raises:
            CredentialsError: There is nobody to sign.
        """
        path = self._address.target(key)
        signed = self._signer.presign(self._keys(), path, query, self._address.host, seconds, datetime.now(UTC))
        return f"{self._address.origin}{path}?{spell(signed)}"
