"""The Cloud Storage client: tuned, thread-safe, one per process for each set of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache, cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from tradewind.clouds.gcp.identity import load_credentials
from tradewind.clouds.gcp.tokens import open_tokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.clouds.http import ATTEMPTS, HttpClient
from tradewind.fleet import GcpSite

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession
    from google.cloud.storage import Client

CONNECTIONS = 64
TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for the next byte."""
_RETRIED = (408, 429, 500, 502, 503, 504)
_ENDPOINT = "https://storage.googleapis.com"


class GcsClient:
    """Cloud Storage by its wire, and by Google's own client for whoever needs more than that.

    Google's client takes half a second to import, and asks for the bucket with its first call, from a thread of its
    own; it reads a whole object into a file before it says anything about it, and uploads more than 8 MiB in several
    requests.

    Args:
        wire: To the endpoint.
        project: Of the buckets.
        endpoint: Without a slash at its end.
        credentials: Of the secret (see `fleet.Credentials`); None for the identity of the process.
    """

    def __init__(self, wire: GcsWire, project: str, endpoint: str, credentials: Mapping[str, str] | None) -> None:
        self.wire = wire
        self.endpoint = endpoint
        self._project = project
        self._credentials = credentials

    @cached_property
    def session(self) -> AuthorizedSession:
        """What Google's client asks through."""
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415 - only if it is needed
        from requests.adapters import HTTPAdapter  # noqa: PLC0415 - likewise
        from urllib3.util.retry import Retry  # noqa: PLC0415 - likewise

        session = AuthorizedSession(load_credentials(self._credentials))
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
        return session

    @cached_property
    def sdk(self) -> Client:
        """Google's client."""
        from google.cloud.storage import Client  # noqa: PLC0415 - half a second, only if it is needed

        return Client(
            project=self._project or None,
            credentials=self.session.credentials,
            _http=self.session,
            client_options={"api_endpoint": self.endpoint},
        )

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
    given = dict(credentials) if credentials is not None else None
    connect, read = TIMEOUT
    http = HttpClient(endpoint, connect_timeout=connect, read_timeout=read)
    wire = GcsWire(http, open_tokens(given), prefix=urlsplit(endpoint).path)
    return GcsClient(wire, project, endpoint, given)
