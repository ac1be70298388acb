"""Why a request over HTTP failed, in words."""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator

import httpx

_WORDS = {
    errno.ECONNREFUSED: "connection refused",
    errno.ECONNRESET: "connection reset",
    errno.ECONNABORTED: "connection reset",
    errno.EPIPE: "connection reset",
    errno.EHOSTUNREACH: "no route to the host",
    errno.ENETUNREACH: "no route to the network",
    errno.ETIMEDOUT: "no connection in time",
}
_KINDS = {
    httpx.RemoteProtocolError: "what it answers is not HTTP, or not whole",
    httpx.DecodingError: "what it answers cannot be decoded",
    httpx.NetworkError: "the connection broke",
    httpx.ProxyError: "the proxy does not let it through",
    httpx.TimeoutException: "no answer in time",
}


def in_words(error: BaseException) -> str:
    """Return why a request failed; without the addresses that it was made to, which may hold what nobody should see."""
    reasons = (reason for cause in _causes(error) if (reason := _deep(cause)))
    return next(reasons, "") or next(
        (words for kind, words in _KINDS.items() if isinstance(error, kind)),
        f"it cannot be asked ({type(error).__name__})",
    )


def _deep(cause: BaseException) -> str:
    match cause:
        case ssl.SSLCertVerificationError():
            return f"its certificate is not right: {cause.verify_message}"
        case ssl.SSLError():
            return f"no TLS: {cause.reason or 'the connection broke'}"
        case socket.gaierror():
            return "its name is not known"
        case OSError() if cause.errno is not None:
            return _WORDS.get(cause.errno, "")
    return ""


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and what led to it, the deepest first."""
    further = error.__cause__ or error.__context__
    if further is not None:
        yield from _causes(further)
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _causes(each)
    yield error
