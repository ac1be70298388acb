"""Who this process is at Azure: the credentials that the fleet file names, or its managed identity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential, TokenCredential

    Credential: TypeAlias = AzureNamedKeyCredential | AzureSasCredential | TokenCredential

PRINCIPAL = ("tenant_id", "client_id", "client_secret")


def open_credential(account: str, fields: Mapping[str, str] | None, *, subject: str) -> Credential:
    """Return an Azure credential.

    Args:
        account: The storage account, which an account key belongs to; "" where there is none.
        fields: Of the secret (see `fleet.Credentials`); None for the identity of the process.
        subject: What it is for, as `azq://account/queue`, for the message.

    Raises:
        CredentialsError: The secret has none of the three sets of fields.
    """
    if fields is None or all(fields.get(name) for name in PRINCIPAL):
        return open_token_credential(fields)
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential  # noqa: PLC0415 - only if needed

    if key := fields.get("account_key"):
        return AzureNamedKeyCredential(account, key)
    if token := fields.get("sas_token"):
        return AzureSasCredential(token.removeprefix("?"))
    raise CredentialsError(
        f"The credentials for {subject} are none that Azure knows",
        hint="The secret is a JSON object with account_key, or sas_token, or tenant_id, client_id and client_secret",
    )


def open_token_credential(fields: Mapping[str, str] | None) -> TokenCredential:
    """Return the credential of the principal that a secret describes, or of the process if there is none."""
    from azure.identity import ClientSecretCredential, DefaultAzureCredential  # noqa: PLC0415 - 0.4 s, only if needed

    if fields is None:
        return DefaultAzureCredential()
    return ClientSecretCredential(fields["tenant_id"], fields["client_id"], fields["client_secret"])
