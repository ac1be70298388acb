"""The tokens of an Azure identity, each fetched when it is needed and kept until shortly before it expires.

azure-identity takes four tenths of a second to import, so a managed identity of Azure Functions is asked for without
it: that is one request to the host beside the process.
https://learn.microsoft.com/azure/app-service/overview-managed-identity#rest-endpoint-reference
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeAlias
from urllib.parse import urlencode, urlsplit

from tradewind.clouds.azure.identity import open_token_credential
from tradewind.clouds.http import AnswerError, HttpClient
from tradewind.clouds.renewal import Renewed
from tradewind.errors import CredentialsError

EARLY = 300.0
"""Seconds before its end at which a token is replaced."""
STORAGE = "https://storage.azure.com"
MANAGEMENT = "https://management.azure.com"
"""What a token is for."""
_OTHERS = ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH", "AZURE_FEDERATED_TOKEN_FILE")
"""Environment variables of identities that azure-identity prefers to the managed one."""

Fetch: TypeAlias = Callable[[], tuple[str, float]]
"""Returns a token, and when it ends, in seconds since 1970."""


class Tokens:
    """The tokens of one identity.

    Args:
        fetch: Gets another.
    """

    def __init__(self, fetch: Fetch) -> None:
        self._kept = Renewed(fetch, early=EARLY)

    def token(self) -> str:
        """Return a token that has not ended."""
        return self._kept.value()

    def forget(self) -> None:
        """Fetch another next time."""
        self._kept.forget()


def open_tokens(fields: Mapping[str, str] | None, *, resource: str = STORAGE) -> Tokens:
    """Return the tokens of the principal that a secret describes, or of the process's identity if there is none.

    Args:
        fields: Of the secret; None for the identity of the process.
        resource: What they are for.
    """
    managed = {"IDENTITY_ENDPOINT", "IDENTITY_HEADER"} <= os.environ.keys()
    if fields is None and managed and not any(os.environ.get(name) for name in _OTHERS):
        return Tokens(partial(_managed, resource))
    credential = open_token_credential(fields)

    def fetch() -> tuple[str, float]:
        found = credential.get_token(f"{resource}/.default")
        return found.token, found.expires_on

    return Tokens(fetch)


def _managed(resource: str) -> tuple[str, float]:
    parts = urlsplit(os.environ["IDENTITY_ENDPOINT"])
    query = {"api-version": "2019-08-01", "resource": resource, "client_id": os.environ.get("AZURE_CLIENT_ID", "")}
    target = f"{parts.path}?{urlencode({name: value for name, value in query.items() if value})}"
    headers = {"X-IDENTITY-HEADER": os.environ["IDENTITY_HEADER"]}
    try:
        with HttpClient(f"{parts.scheme}://{parts.netloc}").open("GET", target, headers) as answer:
            said = json.loads(answer.read())
        return str(said["access_token"]), float(said["expires_on"])
    except (AnswerError, ValueError, KeyError, TypeError) as error:
        raise CredentialsError(
            f"The managed identity has no token for this process: {error}",
            hint="Assign an identity to the function app, or set the site's `credentials` in the fleet file",
        ) from error
