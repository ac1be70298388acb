"""One table from what Google's services answer, and what Google's libraries raise, to `tradewind.errors`.

Status codes: https://cloud.google.com/storage/docs/json_api/v1/status-codes. Cloud Storage tells cases of one status
apart only in the message, so a few phrases of it count, too; it is the same in the JSON API and in the XML API.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html import unescape

from tradewind.clouds.http import AnswerError
from tradewind.clouds.meaning import BROKEN, DENIED, GONE, MOVED, NO_BUCKET, Meaning, down, translating
from tradewind.errors import (
    CredentialsError,
    ObjectTooLargeError,
    TransientError,
    UnportableError,
)

PERMISSIONS: Mapping[str, str] = {
    "head": "storage.objects.get (role Storage Object Viewer)",
    "get": "storage.objects.get (role Storage Object Viewer)",
    "put": "storage.objects.create, and storage.objects.delete to replace (role Storage Object User)",
    "delete": "storage.objects.delete (role Storage Object User)",
    "list": "storage.objects.list (role Storage Object Viewer)",
    "put a part of": "storage.objects.create and storage.objects.delete (role Storage Object User)",
    "describe a part of": "storage.objects.update (role Storage Object User)",
    "list the parts of": "storage.objects.list (role Storage Object User)",
    "join the parts of": "storage.objects.create, .get and .delete (role Storage Object User)",
    "remove the parts of": "storage.objects.delete (role Storage Object User)",
    "send": "pubsub.topics.publish (role Pub/Sub Publisher)",
    "receive": "pubsub.subscriptions.consume (role Pub/Sub Subscriber)",
    "acknowledge": "pubsub.subscriptions.consume (role Pub/Sub Subscriber)",
    "release": "pubsub.subscriptions.consume (role Pub/Sub Subscriber)",
    "count": "monitoring.timeSeries.list (role Monitoring Viewer)",
    "read secret": "secretmanager.versions.access (role Secret Manager Secret Accessor)",
    "read the records of": "dns.resourceRecordSets.list and dns.changes.get (role DNS Administrator)",
    "change the records of": "dns.changes.create and dns.resourceRecordSets.* (role DNS Administrator)",
}
"""What each operation needs."""

_UNKNOWN: Meaning = (
    CredentialsError,
    "Google does not accept these credentials: check the secret that the site's `credentials` names",
)
_MISSING: Meaning = (
    CredentialsError,
    "Set the site's `credentials` in the fleet file, or give this process a service account",
)
_DOWN = down("https://status.cloud.google.com")
_OTHER: Meaning = (TransientError, "Google refused the request; what it says is above")

_PHRASES: tuple[tuple[int, str, Meaning], ...] = (
    (404, "specified bucket does not exist", NO_BUCKET),
    (404, "resource not found (resource=", NO_BUCKET),
    (400, "doesn't match calculated", BROKEN),
    (400, "metadata part is too large", (UnportableError, "Cloud Storage keeps 8 KiB of user metadata")),
    (400, "exceeds the limit of 8", (UnportableError, "Cloud Storage keeps 8 KiB of user metadata")),
)
_STATUS: Mapping[int, Meaning] = {
    401: _UNKNOWN,
    403: DENIED,
    404: GONE,
    408: _DOWN,
    412: MOVED,
    413: (ObjectTooLargeError, ""),
    429: _DOWN,
    499: _DOWN,
}
_SERVER_ERROR = 500
_REQUEST = re.compile(r"^(\d+) [A-Z]+ https?://\S+: ")
_XML_MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
_LIBRARIES = ("google.", "urllib3.")


def translate(operation: str, subject: str) -> AbstractContextManager[None]:
    """Turn what a request or Google's libraries raise in the block into an error of `tradewind.errors`; others pass.

    Args:
        operation: A key of `PERMISSIONS`.
        subject: What was worked on, as `gs://bucket/key`.
    """
    return translating(operation, subject, meaning=_meaning, describe=_describe)


def _meaning(error: Exception, operation: str) -> Meaning | None:
    if isinstance(error, AnswerError):
        return _answered(error.status, _message(error), operation)
    if isinstance(error, OSError):  # those of `clouds.http` and of requests are
        return _DOWN
    if any(kind.__module__.startswith(_LIBRARIES) for kind in type(error).__mro__):
        return _library(error, operation)
    return None


def _library(error: Exception, operation: str) -> Meaning | None:
    # Loaded already when they raise, and not before.
    from google.api_core import exceptions as api  # noqa: PLC0415
    from google.auth import exceptions as auth  # noqa: PLC0415
    from urllib3.exceptions import HTTPError  # noqa: PLC0415

    if isinstance(error, api.GoogleAPICallError):
        return _answered(int(error.code or 0), str(error.message), operation)
    if isinstance(error, auth.RefreshError) and error.retryable:
        return _DOWN
    kinds: tuple[tuple[tuple[type[Exception], ...], Meaning], ...] = (
        ((auth.DefaultCredentialsError,), _MISSING),
        ((auth.TransportError, api.RetryError, HTTPError), _DOWN),
        ((auth.GoogleAuthError,), _UNKNOWN),
    )
    return next((meaning for kind, meaning in kinds if isinstance(error, kind)), None)


def _answered(status: int, message: str, operation: str) -> Meaning:
    for number, phrase, meaning in _PHRASES:
        if status == number and phrase in message.lower():
            return meaning
    family, hint = _STATUS.get(status) or (_DOWN if status >= _SERVER_ERROR else _OTHER)
    return family, hint.format(permission=PERMISSIONS.get(operation, "the role"))


def _message(error: AnswerError) -> str:
    """Return what an answer says: in JSON, in XML, or in plain words; nothing in answer to a HEAD."""
    body = error.body.decode(errors="replace")
    if found := _XML_MESSAGE.search(body):
        return unescape(found[1])
    try:
        return str(json.loads(body)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return body


def _describe(error: Exception) -> str:
    text = f"{error.status} {_message(error)}" if isinstance(error, AnswerError) else str(error)
    lines = text.splitlines()
    # Google's messages begin with the request, which can be a page long and says nothing that the subject does not.
    return _REQUEST.sub(r"\1 ", lines[0]).rstrip(".") if lines else type(error).__name__
