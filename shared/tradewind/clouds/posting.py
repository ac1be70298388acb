"""Telling an address something by one POST, over the small client: it follows no redirects, and logs no addresses.

The path of an address may be all that keeps others from using it (Slack's are), so it is in no message.
"""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

from tradewind.clouds.http import AnswerError, HttpClient, TransportError
from tradewind.errors import AccessDeniedError, ConfigurationError, StoreUnavailableError, TradewindError

CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0
EXCERPT = 200
"""Characters of what an address says that are repeated."""
_REDIRECTS = range(300, 400)
_DENIED = frozenset({401, 403})
_LATER = frozenset({408, 425, 429})
_SERVER_ERROR = 500


class Address:
    """One address that takes POST.

    Args:
        url: Where it is.
        what: What to call it in errors, as `webhook`.
        words: Hints for what it is known to say, by the word that it says.

    Raises:
        ConfigurationError: It is no address.
    """

    def __init__(self, url: str, *, what: str, words: Mapping[str, str] | None = None) -> None:
        parts = urlsplit(url)
        self._target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        self._http = HttpClient(url, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
        self._words = words or {}
        self._subject = f"{what} at {self._http.host}"

    def post(self, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a body once.

        Raises:
            StoreUnavailableError: It does not answer, or cannot take it now.
            AccessDeniedError: It does not know who sends.
            ConfigurationError: It refuses what is sent, or is elsewhere.
        """
        try:
            with self._http.open("POST", self._target, {"user-agent": "tradewind", **headers}, body):
                return
        except TransportError as error:
            raise StoreUnavailableError(
                f"Could not notify the {self._subject}: {error}", hint="Check that it is up"
            ) from error
        except AnswerError as error:
            raise self._refusal(error) from error

    def _refusal(self, error: AnswerError) -> TradewindError:
        said = " ".join(error.body.decode(errors="replace").split())[:EXCERPT]
        message = f"Could not notify the {self._subject}: {error.status} {said}".rstrip()
        hint = next((hint for word, hint in self._words.items() if word in said), "")
        if error.status in _LATER or error.status >= _SERVER_ERROR:
            return StoreUnavailableError(message, hint=hint)
        if error.status in _REDIRECTS:
            return ConfigurationError(message, hint="It is elsewhere by now, and is not followed: correct the address")
        if error.status in _DENIED:
            return AccessDeniedError(message, hint=hint or "Check the secret that the address needs")
        return ConfigurationError(message, hint=hint or "It refuses what it is told: check the address")
