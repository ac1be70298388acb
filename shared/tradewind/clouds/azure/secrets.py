"""Secrets in Azure Key Vault, read with the identity of the process.

Source: https://learn.microsoft.com/rest/api/keyvault/secrets/get-secret/get-secret
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from tradewind.clouds.azure.errors import PERMISSIONS, translate
from tradewind.clouds.azure.identity import open_credential
from tradewind.clouds.vault import reading
from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

NAME = re.compile(r"(?P<vault>https://[^/?#]+)/secrets/(?P<name>[0-9a-zA-Z-]+)(/(?P<version>[0-9a-f]+))?/?")
CONNECT_TIMEOUT, READ_TIMEOUT, RETRIES = 5, 10, 2


def open_secrets() -> KeyVault:
    """Return the secrets that the identity of the process may read."""
    return KeyVault(_client)


class KeyVault:
    """Secrets by their URL, `https://VAULT.vault.azure.net/secrets/NAME` (see `ports.Secrets`).

    Args:
        client_of: Opens the vault at an address.
    """

    def __init__(self, client_of: Callable[[str], SecretClient]) -> None:
        self._client_of = client_of

    def get(self, name: str) -> str:
        """Return the present value of a secret.

        Raises:
            CredentialsError: There is no such secret, or it may not be read.
            StoreUnavailableError: Key Vault did not answer.
        """
        url = NAME.fullmatch(name)
        if url is None:
            raise CredentialsError(
                f"{name!r} names no secret", hint="Spell it https://VAULT.vault.azure.net/secrets/NAME"
            )
        with reading(name, permission=PERMISSIONS["read secret"]), translate("read secret", name):
            value = self._client_of(url["vault"]).get_secret(url["name"], url["version"]).value
        if value is None:
            raise CredentialsError(f"The secret {name!r} is empty", hint="Store a JSON object in it")
        return value


@cache
def _client(vault: str) -> SecretClient:
    from azure.keyvault.secrets import SecretClient  # noqa: PLC0415 - only a function that reads secrets pays for it

    return SecretClient(
        vault,
        open_credential("", None, subject=vault),  # type: ignore[arg-type] # without fields it is a token credential
        connection_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retry_total=RETRIES,
        user_agent="tradewind",
    )
