"""Who a request to Azure Storage is from: signed with an account key, by a shared access signature, or with a token.

https://learn.microsoft.com/rest/api/storageservices/authorize-requests-to-azure-storage
"""

from __future__ import annotations

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, MutableMapping
from hashlib import sha256
from typing import Protocol
from urllib.parse import parse_qsl

from tradewind.clouds.azure.identity import PRINCIPAL
from tradewind.clouds.azure.tokens import Tokens, open_tokens
from tradewind.errors import ConfigurationError, CredentialsError

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_ORDER = str.maketrans({"-": None, "_": " "})
"""Azure sorts names as its platform's culture does: a hyphen counts for nothing, an underscore before digits."""


class Signer(Protocol):
    """Whoever a request is from."""

    def sign(self, method: str, target: str, headers: MutableMapping[str, str], size: int) -> str:
        """Add what says who asks to the headers, and return the target, which it may be added to as well.

        Args:
            method: Of HTTP.
            target: Path and query, percent-encoded.
            headers: All others that are sent but `Host` and `Content-Length`, with names in lower case.
            size: Bytes of the body.
        """

    def forget(self) -> bool:
        """Drop a token that was refused, and say whether another can be had."""


def open_signer(account: str, endpoint: str, fields: Mapping[str, str] | None) -> Signer:
    """Return the signer that a secret describes, or that of the process's identity if there is none.

    Args:
        account: The storage account.
        endpoint: Of the account's blobs; a token is sent over HTTPS only.
        fields: Of the secret (see `fleet.Credentials`); None for the identity of the process.

    Raises:
        CredentialsError: The secret has none of the three sets of fields, or its key is none.
        ConfigurationError: A token would be sent in the clear.
    """
    if fields is None or all(fields.get(name) for name in PRINCIPAL):
        if not endpoint.startswith("https://"):
            raise ConfigurationError(
                f"A token is sent over HTTPS only, and the endpoint of account {account!r} is {endpoint!r}",
                hint="Correct the site's `endpoint` in the fleet file, or give it an account key",
            )
        return TokenSigner(open_tokens(fields))
    if key := fields.get("account_key"):
        return KeySigner(account, key)
    if token := fields.get("sas_token"):
        return SharedAccess(token.removeprefix("?"))
    raise CredentialsError(
        f"The credentials for az://{account} are none that Azure knows",
        hint="The secret is a JSON object with account_key, or sas_token, or tenant_id, client_id and client_secret",
    )


class KeySigner:
    """The account key (Shared Key): https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key.

    Args:
        account: Whose key it is.
        key: In base64.

    Raises:
        CredentialsError: It is not.
    """

    def __init__(self, account: str, key: str) -> None:
        self._account = account
        try:
            self._key = b64decode(key, validate=True)
        except ValueError as error:
            raise CredentialsError(
                f"The account key for az://{account} is not one",
                hint="It must be base64, as the portal shows it",
            ) from error

    def sign(self, method: str, target: str, headers: MutableMapping[str, str], size: int) -> str:
        """Sign all that Azure looks at."""
        text = _text(self._account, method, target, {**headers, "content-length": str(size) if size else ""})
        signature = b64encode(hmac.digest(self._key, text.encode(), sha256)).decode()
        headers["authorization"] = f"SharedKey {self._account}:{signature}"
        return target

    def forget(self) -> bool:
        """Have no other."""
        return False


class SharedAccess:
    """A shared access signature, which is part of every address.

    Args:
        token: Its parameters, percent-encoded.
    """

    def __init__(self, token: str) -> None:
        self._token = token

    def sign(self, method: str, target: str, headers: MutableMapping[str, str], size: int) -> str:  # noqa: ARG002 - of the protocol
        """Return the target with the signature."""
        return f"{target}{'&' if '?' in target else '?'}{self._token}"

    def forget(self) -> bool:
        """Have no other."""
        return False


class TokenSigner:
    """An identity's token.

    Args:
        tokens: Of the identity.
    """

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens

    def sign(self, method: str, target: str, headers: MutableMapping[str, str], size: int) -> str:  # noqa: ARG002 - of the protocol
        """Add the token; this may fetch one, which one thread does for all."""
        headers["authorization"] = f"Bearer {self._tokens.token()}"
        return target

    def forget(self) -> bool:
        """Fetch another next time."""
        self._tokens.forget()
        return True


def _text(account: str, method: str, target: str, headers: Mapping[str, str]) -> str:
    """Return what is signed of a request."""
    path, _, query = target.partition("?")
    own = [f"{name}:{headers[name]}" for name in in_order(name for name in headers if name.startswith("x-ms-"))]
    asked = [f"{name.lower()}:{value}" for name, value in sorted(parse_qsl(query, keep_blank_values=True))]
    known = [headers.get(name, "") for name in _SIGNED]
    return "\n".join([method, *known, *own, f"/{account}{path}", *asked])


def in_order(names: Iterable[str]) -> list[str]:
    """Return names of headers in the order in which Azure signs them."""
    return sorted(names, key=lambda name: name.translate(_ORDER))
