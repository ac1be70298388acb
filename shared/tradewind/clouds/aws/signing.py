"""Signature Version 4, as S3 has it.

https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html. The body is not signed: it has a checksum
of its own, which S3 compares, and another hash would cost more than everything else that a small copy does.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from urllib.parse import quote

UNSIGNED = "UNSIGNED-PAYLOAD"
_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)
    """Of temporary credentials."""


class Signer:
    """Signs requests to one service in one region; the key of a day is derived once.

    Args:
        region: AWS's name of it.
        service: AWS's name of it.
        token: The header that the token of temporary keys is in.
    """

    def __init__(self, region: str, service: str = "s3", *, token: str = "x-amz-security-token") -> None:  # noqa: S107 - a name
        self._region = region
        self._service = service
        self._token = token
        self._derived: tuple[tuple[str, str], bytes] = ("", ""), b""

    def sign(self, keys: Keys, method: str, target: str, headers: Mapping[str, str], now: datetime) -> dict[str, str]:
        """Return `headers` with those that a signed request needs; all of them are signed.

        Args:
            keys: Who signs.
            method: Of HTTP.
            target: Path and query as they are sent; the query's fields sorted, each with its `=`.
            headers: With lower-case names, `host` among them.
            now: In UTC.
        """
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {"x-amz-content-sha256": UNSIGNED, **headers, "x-amz-date": stamp}
        if keys.session_token:
            signed[self._token] = keys.session_token
        names = sorted(signed)
        path, _, query = target.partition("?")
        lines = [method, path, query, *(f"{name}:{_one_spaced(signed[name])}" for name in names), ""]
        lines += [";".join(names), signed["x-amz-content-sha256"]]
        scope, signature = self._signature(keys, stamp, "\n".join(lines))
        signed["authorization"] = (
            f"{_ALGORITHM} Credential={keys.access_key_id}/{scope}, SignedHeaders={lines[-2]}, Signature={signature}"
        )
        return signed

    def presign(
        self, keys: Keys, path: str, query: Mapping[str, str], host: str, seconds: int, now: datetime
    ) -> Mapping[str, str]:
        """Return `query` with the fields that let anybody GET an object for a time, whatever else they ask with.

        https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html

        Args:
            keys: Who signs; temporary ones end the time when they expire.
            path: As it is sent.
            query: The fields that are signed, too.
            host: As the header names it.
            seconds: How long, from now.
            now: In UTC.
        """
        stamp = now.strftime("%Y%m%dT%H%M%SZ")
        signed = {
            **query,
            "X-Amz-Algorithm": _ALGORITHM,
            "X-Amz-Credential": f"{keys.access_key_id}/{self._scope(stamp)}",
            "X-Amz-Date": stamp,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": "host",
        }
        if keys.session_token:
            signed["X-Amz-Security-Token"] = keys.session_token
        lines = ["GET", path, spell(signed), f"host:{host}", "", "host", UNSIGNED]
        _, signature = self._signature(keys, stamp, "\n".join(lines))
        return {**signed, "X-Amz-Signature": signature}

    def _signature(self, keys: Keys, stamp: str, request: str) -> tuple[str, str]:
        """Return the scope, and the signature of a request in its canonical form."""
        scope = self._scope(stamp)
        text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{sha256(request.encode()).hexdigest()}"
        return scope, hmac.digest(self._key(keys.secret_access_key, stamp[:8]), text.encode(), "sha256").hex()

    def _scope(self, stamp: str) -> str:
        return f"{stamp[:8]}/{self._region}/{self._service}/aws4_request"

    def _key(self, secret: str, day: str) -> bytes:
        known, key = self._derived  # read and replaced at once, so that threads need no lock
        if known != (secret, day):
            key = f"AWS4{secret}".encode()
            for step in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, step.encode(), "sha256")
            self._derived = (secret, day), key
        return key


def spell(query: Mapping[str, str]) -> str:
    """Return a query as the signature wants it: an equals sign in each field, and sorted as they are sent."""
    fields = sorted((quote(name, safe="~"), quote(value, safe="~")) for name, value in query.items())
    return "&".join(f"{name}={value}" for name, value in fields)


def _one_spaced(value: str) -> str:
    # The signature has one space for many. Within words they stay: metadata is sent as it is.
    return " ".join(filter(None, value.split(" "))) if "  " in value else value.strip(" ")
