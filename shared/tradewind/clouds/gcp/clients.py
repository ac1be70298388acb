"""The way to Cloud Storage: tuned, thread-safe, one per process for each endpoint and set of credentials."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from urllib.parse import urlsplit

from tradewind.clouds.gcp.tokens import open_tokens
from tradewind.clouds.gcp.wire import GcsWire
from tradewind.clouds.http import HttpClient
from tradewind.fleet import GcpSite

TIMEOUT = (5.0, 15.0)
"""Seconds to connect, and to wait for the next byte."""
_ENDPOINT = "https://storage.googleapis.com"


def open_wire(site: GcpSite, credentials: Mapping[str, str] | None) -> GcsWire:
    """Return signed requests to `site`, sharing their connections among sites of the same endpoint and credentials.

    Google's own client is not used: it takes half a second to import, asks for the bucket with its first call, from a
    thread of its own, reads a whole object into a file before it says anything about it, and uploads more than 8 MiB
    in several requests.

    Raises:
        CredentialsError: There are no credentials, or they are not of Google.
        ConfigurationError: The endpoint is not one.
    """
    given = tuple(sorted(credentials.items())) if credentials is not None else None
    return _wire((site.endpoint or _ENDPOINT).rstrip("/"), given)


@cache
def _wire(endpoint: str, credentials: tuple[tuple[str, str], ...] | None) -> GcsWire:
    connect, read = TIMEOUT
    http = HttpClient(endpoint, connect_timeout=connect, read_timeout=read)
    tokens = open_tokens(dict(credentials) if credentials is not None else None)
    return GcsWire(http, tokens, prefix=urlsplit(endpoint).path)
