"""One table from what Azure answers, and what its SDKs raise, to `tradewind.errors`.

Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and `common-rest-api-error-codes`.
Every answer of storage bears its code in the header `x-ms-error-code`, a HEAD's too; other services tell it in JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager
from html import unescape

from tradewind.clouds.http import AnswerError
from tradewind.clouds.meaning import BROKEN, DENIED, GONE, MOVED, Meaning, down, translating
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    ObjectTooLargeError,
    PermanentError,
    StoreUnavailableError,
    TransientError,
    UnportableError,
)

PERMISSIONS: Mapping[str, str] = {
    "head": "Storage Blob Data Reader (or a SAS with `r`)",
    "get": "Storage Blob Data Reader (or a SAS with `r`)",
    "put": "Storage Blob Data Contributor (or a SAS with `cw`), and `blobs/tags/write` (`t`) for a blob that has tags",
    "read the tags of": "`blobs/tags/read`, of Storage Blob Data Owner or of a role of your own (or a SAS with `t`)",
    "delete": "Storage Blob Data Contributor (or a SAS with `d`)",
    "list": "Storage Blob Data Reader (or a SAS with `l`)",
    "put a part of": "Storage Blob Data Contributor (or a SAS with `cw`)",
    "list the parts of": "Storage Blob Data Reader (or a SAS with `r`)",
    "join the parts of": "Storage Blob Data Contributor (or a SAS with `cw`), and `blobs/tags/write` (`t`) for tags",
    "send": "Storage Queue Data Message Sender (or a SAS with `a`)",
    "receive": "Storage Queue Data Message Processor (or a SAS with `p`)",
    "acknowledge": "Storage Queue Data Message Processor (or a SAS with `p`)",
    "release": "Storage Queue Data Contributor (or a SAS with `u`)",
    "count": "Storage Queue Data Reader (or a SAS with `r`)",
    "read secret": "Key Vault Secrets User",
    "read the profile": "Traffic Manager Contributor",
    "change the profile": "Traffic Manager Contributor",
}
"""What each operation needs."""

_NO_CONTAINER: Meaning = (
    BucketNotFoundError,
    "Create it, or correct the site's account, container or queue in the fleet file",
)
_UNKNOWN: Meaning = (
    CredentialsError,
    "Azure does not accept these credentials: check the secret that the site's `credentials` names, and a SAS's expiry",
)
_LOCKED: Meaning = (AccessDeniedError, "The container has an immutability policy or a legal hold on this")
_ARCHIVED: Meaning = (PermanentError, "The blob is archived: rehydrate it, then redrive the message")
_UNPORTABLE: Meaning = (UnportableError, "Azure cannot hold this name, metadata or tags")
_UNTAGGED: Meaning = (
    UnportableError,
    "This account has no blob index tags (v2 accounts without hierarchical namespace have): remove them at the source",
)
_OTHERS_BLOCKS: Meaning = (
    TransientError,
    "Another tool has sent blocks for this blob and never joined them; they go in a week, or when it is written",
)
_FULL: Meaning = (
    TransientError,
    "Copies that were given up, or another tool, have left their blocks here; they go in a week, or when it is written",
)
_LEASED: Meaning = (StoreUnavailableError, "Somebody holds a lease on the blob; it is tried again")
_DOWN = down("https://azure.status.microsoft")
_OTHER: Meaning = (TransientError, "Azure refused the request; what it says is above")

_CODES: Mapping[str, Meaning] = {
    "BlobNotFound": GONE,
    "ResourceNotFound": GONE,
    "MessageNotFound": GONE,
    "SecretNotFound": GONE,
    "ContainerNotFound": _NO_CONTAINER,
    "ContainerBeingDeleted": _NO_CONTAINER,
    "ContainerDisabled": _NO_CONTAINER,
    "QueueNotFound": _NO_CONTAINER,
    "QueueBeingDeleted": _NO_CONTAINER,
    "InvalidBlockList": GONE,
    "InvalidBlobOrBlock": _OTHERS_BLOCKS,
    "BlockCountExceedsLimit": _FULL,
    "ConditionNotMet": MOVED,
    "TargetConditionNotMet": MOVED,
    "BlobAlreadyExists": MOVED,
    "AuthenticationFailed": _UNKNOWN,
    "InvalidAuthenticationInfo": _UNKNOWN,
    "NoAuthenticationInformation": _UNKNOWN,
    "AuthorizationFailure": DENIED,
    "AuthorizationPermissionMismatch": DENIED,
    "AuthorizationResourceTypeMismatch": DENIED,
    "AuthorizationServiceMismatch": DENIED,
    "AuthorizationProtocolMismatch": DENIED,
    "AuthorizationSourceIPMismatch": DENIED,
    "InsufficientAccountPermissions": DENIED,
    "KeyBasedAuthenticationNotPermitted": DENIED,
    "AccountIsDisabled": DENIED,
    "BlobImmutableDueToPolicy": _LOCKED,
    "BlobHasLegalHold": _LOCKED,
    "SnapshotsPresent": (PermanentError, "The blob has snapshots, which are not deleted with it: remove them first"),
    "InvalidBlobType": (PermanentError, "The name is taken by an append or page blob: remove it first"),
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED,
    "Md5Mismatch": BROKEN,
    "Crc64Mismatch": BROKEN,
    "InvalidMd5": BROKEN,
    "MetadataTooLarge": _UNPORTABLE,
    "InvalidMetadata": _UNPORTABLE,
    "EmptyMetadataKey": _UNPORTABLE,
    "InvalidResourceName": _UNPORTABLE,
    "TagsTooLarge": _UNPORTABLE,
    "InvalidTag": _UNPORTABLE,
    "EmptyTagName": _UNPORTABLE,
    "BlobTagsNotSupportedForAccountType": _UNTAGGED,
    "FeatureNotYetSupportedForHierarchicalNamespaceAccounts": _UNTAGGED,
    "RequestBodyTooLarge": (ObjectTooLargeError, ""),
    "LeaseIdMissing": _LEASED,
    "LeaseNotPresentWithBlobOperation": _LEASED,
    "PendingCopyOperation": _LEASED,
    "ServerBusy": _DOWN,
    "OperationTimedOut": _DOWN,
    "InternalError": _DOWN,
}
_STATUS: Mapping[int, Meaning] = {
    401: _UNKNOWN,
    403: DENIED,
    404: GONE,
    408: _DOWN,
    412: MOVED,
    429: _DOWN,
}
_SERVER_ERROR = 500
_OTHER_MD5 = "contentMD5 doesn't match"
"""How Azurite says Md5Mismatch."""
_WRONG_SIGNATURE = "Server failed to authenticate the request"
"""How Azurite says AuthenticationFailed; Azure's message begins so, too."""
_MESSAGE = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
_LIBRARIES = ("azure.", "urllib3.")


def has_meaning(code: str) -> bool:
    """Say whether the table has one of Azure's codes."""
    return code in _CODES


def translate(operation: str, subject: str) -> AbstractContextManager[None]:
    """Turn what a request or the SDKs raise in the block into an error of `tradewind.errors`; other errors pass.

    Args:
        operation: A key of `PERMISSIONS`.
        subject: What was worked on, as `az://account/container/key`.
    """
    return translating(operation, subject, meaning=_meaning, describe=_describe)


def _meaning(error: Exception, operation: str) -> Meaning | None:
    if isinstance(error, AnswerError):
        return _answered(error.status, _code(error), _text(error), operation)
    if isinstance(error, OSError):  # those of `clouds.http` and of requests are
        return _DOWN
    if any(kind.__module__.startswith(_LIBRARIES) for kind in type(error).__mro__):
        return _library(error, operation)
    return None


def _library(error: Exception, operation: str) -> Meaning | None:
    from azure.core import exceptions as sdk  # noqa: PLC0415 - loaded already when it raises, and not before
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - likewise

    if isinstance(error, sdk.HttpResponseError) and error.response is not None:
        return _answered(error.status_code or 0, _code(error), str(error), operation)
    if type(error).__name__ == "AzureSigningError":  # each SDK has a private class of this name
        return CredentialsError, "The account key is not one: it must be base64, as the portal shows it"
    if isinstance(error, sdk.ClientAuthenticationError):  # azure-identity found no identity, or was refused a token
        return CredentialsError, "Set the site's `credentials` in the fleet file, or give this process an identity"
    return _DOWN if isinstance(error, (sdk.AzureError, HTTPError)) else None


def _answered(status: int, code: str, text: str, operation: str) -> Meaning:
    if _OTHER_MD5 in text:
        return BROKEN
    if _WRONG_SIGNATURE in text:
        return _UNKNOWN
    meaning = _CODES.get(code) or _STATUS.get(status) or (_DOWN if status >= _SERVER_ERROR else _OTHER)
    family, hint = meaning
    return family, hint.format(permission=PERMISSIONS.get(operation, "the role"))


def _code(error: Exception) -> str:
    if isinstance(error, AnswerError):
        return error.headers.get("x-ms-error-code") or _told(error)[0]
    headers = getattr(getattr(error, "response", None), "headers", {})
    return str(headers.get("x-ms-error-code") or getattr(error, "error_code", "") or "")


def _text(error: Exception) -> str:
    if not isinstance(error, AnswerError):
        return str(error)
    found = _MESSAGE.search(error.body.decode(errors="replace"))
    return unescape(found[1]) if found else _told(error)[1] or str(error)


def _told(error: AnswerError) -> tuple[str, str]:
    """Return the code and the message of a service that answers in JSON, as Azure Resource Manager does."""
    try:
        said = json.loads(error.body)["error"]
        return str(said["code"]), str(said["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return "", ""


def _describe(error: Exception) -> str:
    lines = _text(error).splitlines()
    text = lines[0].rstrip(".") if lines else type(error).__name__
    code = _code(error)
    return f"{code}: {text}" if code and code not in text else text
