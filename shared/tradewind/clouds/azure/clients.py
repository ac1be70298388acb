"""The clients of Blob Storage: tuned, thread-safe, one per process for each account and set of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tradewind.clouds.azure.identity import open_credential
from tradewind.clouds.azure.signing import open_signer
from tradewind.clouds.azure.wire import BlobWire
from tradewind.clouds.http import HttpClient
from tradewind.errors import ConfigurationError
from tradewind.fleet import AzureSite

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

CONNECTIONS = 64
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 15.0
RETRIES = 1


def open_wire(site: AzureSite, credentials: Mapping[str, str] | None, *, read_timeout: float | None = None) -> BlobWire:
    """Return signed requests to `site`, sharing their connections among sites of the same account and credentials.

    Args:
        site: Of the account.
        credentials: Of the secret (see `fleet.Credentials`); None for the identity of the process.
        read_timeout: Seconds to wait for the next byte, if not `READ_TIMEOUT`.

    Raises:
        CredentialsError: There are no credentials, or they are not of Azure.
        ConfigurationError: The endpoint is not one.
    """
    return _wire(site.account, _endpoint(site), _given(credentials), read_timeout or READ_TIMEOUT)


def open_client(site: AzureSite, credentials: Mapping[str, str] | None) -> BlobServiceClient:
    """Return Azure's own client for `site`, for the calls that are few, sharing one among sites as `open_wire` does.

    Raises:
        CredentialsError: There are no credentials, or they are not of Azure.
        ConfigurationError: The endpoint is not one.
    """
    return _client(site.account, _endpoint(site), _given(credentials))


def _endpoint(site: AzureSite) -> str:
    return (site.endpoint or f"https://{site.account}.blob.core.windows.net").rstrip("/")


def _given(credentials: Mapping[str, str] | None) -> tuple[tuple[str, str], ...] | None:
    return tuple(sorted(credentials.items())) if credentials is not None else None


@cache
def _wire(
    account: str, endpoint: str, credentials: tuple[tuple[str, str], ...] | None, read_timeout: float
) -> BlobWire:
    http = HttpClient(endpoint, connect_timeout=CONNECT_TIMEOUT, read_timeout=read_timeout)
    signer = open_signer(account, endpoint, dict(credentials) if credentials is not None else None)
    return BlobWire(http, signer, prefix=urlsplit(endpoint).path)


@cache
def _client(account: str, endpoint: str, credentials: tuple[tuple[str, str], ...] | None) -> BlobServiceClient:
    # Half a second that only a function that talks to Azure pays.
    from azure.core.pipeline.transport import RequestsTransport  # noqa: PLC0415
    from azure.storage.blob import BlobServiceClient, LinearRetry  # noqa: PLC0415
    from requests import Session  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415

    given = dict(credentials) if credentials is not None else None
    credential = open_credential(account, given, subject=f"az://{account}")
    session = Session()
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS)  # the pipeline retries, not the adapter
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    try:
        return BlobServiceClient(
            endpoint,
            credential=credential,
            transport=RequestsTransport(
                session=session,
                session_owner=False,
                connection_timeout=CONNECT_TIMEOUT,
                read_timeout=READ_TIMEOUT,
            ),
            retry_policy=LinearRetry(backoff=1, retry_total=RETRIES, random_jitter_range=1),
            user_agent="tradewind",
        )
    except ValueError as error:
        raise ConfigurationError(
            f"No Blob Storage client for account {account!r}, endpoint {endpoint!r}: {error}",
            hint="Correct the site's `account` or `endpoint` in the fleet file",
        ) from error
