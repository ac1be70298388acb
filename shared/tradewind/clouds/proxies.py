"""The proxy that the environment names for HTTPS, as curl and the SDKs read it."""

from __future__ import annotations

import os
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from tradewind.errors import ConfigurationError

PORT = 80
VARIABLES = ("https_proxy", "HTTPS_PROXY")


@dataclass(frozen=True, slots=True)
class Proxy:
    """Through which connections are made.

    Attributes:
        host: Its name.
        port: Where it listens.
        headers: Of the request for a tunnel; they may hold a password.
    """

    host: str
    port: int
    headers: Mapping[str, str] = field(repr=False)


def proxy_for(host: str) -> Proxy | None:
    """Return the proxy for HTTPS to `host`, or None if it is asked directly.

    Raises:
        ConfigurationError: What the environment says is no address of one.
    """
    if not any(os.environ.get(name) for name in VARIABLES):
        return None
    from urllib.request import getproxies, proxy_bypass  # noqa: PLC0415 - rarely needed

    return None if proxy_bypass(host) else read_proxy(getproxies()["https"])


def read_proxy(address: str) -> Proxy:
    """Return the proxy at `[http://][user[:password]@]host[:port]`.

    Raises:
        ConfigurationError: It is no such address; the error repeats nothing of it, since it may hold a password.
    """
    host, port, headers = "", PORT, dict[str, str]()
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        # A password with a slash ends the address early, and what is left of it would be taken for a host.
        if parts.scheme in ("", "http") and "@" not in f"{parts.path}{parts.query}{parts.fragment}":
            host, port = parts.hostname or "", PORT if parts.port is None else parts.port
            if parts.username is not None:
                pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
                headers["Proxy-Authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    except ValueError:  # which says what it could not read
        host = ""
    if not host:
        raise ConfigurationError(
            "The proxy that the environment names is not one that can be used",
            hint="Write HTTPS_PROXY=http://user:password@host:port, with other characters than letters and digits of "
            "the password percent-encoded",
        )
    return Proxy(host, port, headers)
