"""The Blob Storage client: tuned, thread-safe, one per process for each account and set of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from tradewind.clouds.azure.identity import open_credential
from tradewind.errors import ConfigurationError
from tradewind.fleet import AzureSite

if TYPE_CHECKING:
    from azure.storage.blob import BlobServiceClient

CONNECTIONS = 64
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 15.0
RETRIES = 1
SINGLE_PUT = 256 * 1024 * 1024
"""Bytes up to which a blob is written in one request; the service takes 5,000 MiB, the caller holds 64 MiB."""


def open_client(site: AzureSite, credentials: Mapping[str, str] | None) -> BlobServiceClient:
    """Return the client for `site`, sharing one among sites of the same account, endpoint and credentials.

    Raises:
        CredentialsError: There are no credentials, or they are not of Azure.
        ConfigurationError: The endpoint is not one.
    """
    given = tuple(sorted(credentials.items())) if credentials is not None else None
    endpoint = site.endpoint or f"https://{site.account}.blob.core.windows.net"
    return _client(site.account, endpoint.rstrip("/"), given)


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
            max_single_put_size=SINGLE_PUT,
            user_agent="tradewind",
        )
    except ValueError as error:
        raise ConfigurationError(
            f"No Blob Storage client for account {account!r}, endpoint {endpoint!r}: {error}",
            hint="Correct the site's `account` or `endpoint` in the fleet file",
        ) from error
