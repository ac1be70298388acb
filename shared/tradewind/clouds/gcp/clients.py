"""The Cloud Storage client: tuned, thread-safe, one per process for each set of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import quote

from tradewind.clouds.gcp.identity import load_credentials
from tradewind.fleet import GcpSite

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud.storage import Client

CONNECTIONS = 64
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for the next byte."""
ATTEMPTS = 2
_RETRIED = (408, 429, 500, 502, 503, 504)
_ENDPOINT = "https://storage.googleapis.com"


@dataclass(frozen=True, slots=True)
class GcsClient:
    """Google's client, and the session under it for the two calls in which bytes travel.

    The client itself reads a whole object into a file before it says anything about it, and uploads more than 8 MiB in
    several requests; both calls are one plain request of the JSON API.
    """

    sdk: Client
    session: AuthorizedSession
    endpoint: str

    def url(self, service: str, bucket: str, key: str | None = None) -> str:
        """Return the address of an object, or of the bucket's objects; `service` is `download` or `upload`."""
        url = f"{self.endpoint}/{service}/storage/v1/b/{quote(bucket, safe='')}/o"
        return url if key is None else f"{url}/{quote(key, safe='')}"


def open_client(site: GcpSite, credentials: Mapping[str, str] | None) -> GcsClient:
    """Return the client for `site`, sharing one among sites of the same project, endpoint and credentials.

    Raises:
        CredentialsError: There are no credentials, or they are not of Google.
    """
    given = tuple(sorted(credentials.items())) if credentials is not None else None
    return _client(site.project, (site.endpoint or _ENDPOINT).rstrip("/"), given)


@cache
def _client(project: str, endpoint: str, credentials: tuple[tuple[str, str], ...] | None) -> GcsClient:
    # A few hundred milliseconds that only a function that talks to Cloud Storage pays.
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415
    from google.cloud.storage import Client  # noqa: PLC0415
    from requests.adapters import HTTPAdapter  # noqa: PLC0415
    from urllib3.util.retry import Retry  # noqa: PLC0415

    identity = load_credentials(dict(credentials) if credentials is not None else None)
    session = AuthorizedSession(identity)
    # Every write is under a condition, so a repeated one does no harm: its condition fails, and the caller looks.
    retry = Retry(
        total=ATTEMPTS - 1,
        status_forcelist=_RETRIED,
        allowed_methods=None,
        backoff_factor=0.2,
        backoff_jitter=0.2,
        raise_on_status=False,
    )
    adapter = HTTPAdapter(pool_connections=4, pool_maxsize=CONNECTIONS, max_retries=retry)
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    session.headers["User-Agent"] = "tradewind"
    sdk = Client(
        project=project or None, credentials=identity, _http=session, client_options={"api_endpoint": endpoint}
    )
    return GcsClient(sdk, session, endpoint)
