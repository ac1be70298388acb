"""The tokens that requests to Google bear, each fetched when it is needed and kept until shortly before it expires.

google-auth is imported when there is something for it to do, and it speaks through `clouds.http`: its own transport
brings a second HTTP library. A process on Cloud Run asks the metadata server itself, which is one request; google-auth
takes a quarter of a second to be ready to ask it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from datetime import UTC
from math import inf
from time import time
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from tradewind.clouds.gcp.identity import load_credentials
from tradewind.clouds.http import AnswerError, HttpClient, TransportError
from tradewind.clouds.renewal import Renewed
from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

EARLY = 225.0
"""Seconds before its end at which a token is replaced, as in google-auth: the metadata server has a new one by then."""
_METADATA_HOST = "metadata.google.internal"
_TOKEN = "/computeMetadata/v1/instance/service-accounts/default/token"  # noqa: S105 - where to ask for one


class Tokens(Protocol):
    """Whoever a request is from."""

    def sign(self, headers: MutableMapping[str, str]) -> None:
        """Add what says who asks; may fetch a token, which takes 1 request and is done by one thread for all."""

    def forget(self) -> bool:
        """Drop a token that was refused, and say whether another can be had."""


def open_tokens(fields: Mapping[str, str] | None) -> Tokens:
    """Return the tokens of the credentials that a secret describes, or of the process if there is none.

    Raises:
        CredentialsError: There are no credentials, or they are not of Google.
    """
    if fields is not None and fields.get("type") == "anonymous":
        return NoTokens()
    # Cloud Run, and functions on it, set K_SERVICE; a key file named in the environment comes first, as in google-auth.
    if fields is None and os.environ.get("K_SERVICE") and not os.environ.get("GOOGLE_APPLICATION_CREDENTIALS"):
        return ServerTokens(os.environ.get("GCE_METADATA_HOST") or _METADATA_HOST)
    return LibraryTokens(load_credentials(fields))


class NoTokens:
    """Nobody, for emulators and public buckets."""

    def sign(self, headers: MutableMapping[str, str]) -> None:
        """Add nothing."""

    def forget(self) -> bool:
        """Say that there is none."""
        return False


class ServerTokens:
    """The service account of the machine, by the metadata server.

    https://cloud.google.com/run/docs/container-contract#metadata-server

    Args:
        host: Of the server, with a port if it is another than 80.
    """

    def __init__(self, host: str) -> None:
        self._http = HttpClient(f"http://{host}")
        self._kept = Renewed(self._fetch, early=EARLY)

    def sign(self, headers: MutableMapping[str, str]) -> None:
        """Add the token.

        Raises:
            TransportError: The metadata server did not answer.
            CredentialsError: It has none.
        """
        headers["Authorization"] = f"Bearer {self._kept.value()}"

    def forget(self) -> bool:
        """Ask again next time."""
        self._kept.forget()
        return True

    def _fetch(self) -> tuple[str, float]:
        try:
            with self._http.open("GET", _TOKEN, {"Metadata-Flavor": "Google"}) as answer:
                said = json.loads(answer.read())
            return str(said["access_token"]), time() + int(said["expires_in"])
        except (AnswerError, ValueError, KeyError, TypeError) as error:
            raise CredentialsError(
                f"The metadata server has no token for this process: {error}",
                hint="Give the service a service account, or set the site's `credentials` in the fleet file",
            ) from error


class LibraryTokens:
    """Any credentials that google-auth knows.

    Args:
        credentials: Refreshed here and nowhere else.
    """

    def __init__(self, credentials: Credentials) -> None:
        self._credentials: Any = credentials  # most of google-auth is untyped
        self._refused: str | None = None
        self._kept = Renewed(self._fetch, early=EARLY)

    def sign(self, headers: MutableMapping[str, str]) -> None:
        """Add the token, and the project that is charged if the credentials name one.

        Raises:
            GoogleAuthError: No token could be had.
        """
        # With the token in hand: the credentials' own may be another by now, or none while it is refreshed.
        self._credentials.apply(headers, token=self._kept.value())

    def forget(self) -> bool:
        """Refresh next time."""
        self._refused = self._credentials.token
        self._kept.forget()
        return True

    def _fetch(self) -> tuple[str, float]:
        held = self._credentials
        if not held.valid or held.token == self._refused:
            held.refresh(_fetch)
        # google-auth has it in UTC, and says so nowhere; what has no end lasts.
        return held.token, held.expiry.replace(tzinfo=UTC).timestamp() if held.expiry else inf


@dataclass(frozen=True, slots=True)
class _Fetched:
    """An answer as google-auth wants it (`google.auth.transport.Response`)."""

    status: int
    headers: Mapping[str, str]
    data: bytes


def _fetch(
    url: str,
    method: str = "GET",
    body: bytes | str | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,  # noqa: ARG001 - ours is shorter
    **_: object,
) -> _Fetched:
    """Ask for google-auth (`google.auth.transport.Request`)."""
    from google.auth import exceptions  # noqa: PLC0415 - its caller has loaded it

    parts = urlsplit(url)
    target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    content = body.encode() if isinstance(body, str) else body or b""
    try:
        with HttpClient(f"{parts.scheme}://{parts.netloc}").open(method, target, headers or {}, content) as answer:
            return _Fetched(answer.status, answer.headers, answer.read())
    except AnswerError as error:
        return _Fetched(error.status, error.headers, error.body)
    except TransportError as error:
        raise exceptions.TransportError(error) from error
