"""One table from what the Azure SDKs raise to `tradewind.errors`.

Codes: https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and `common-rest-api-error-codes`.
Every answer bears its code in the header `x-ms-error-code`, a HEAD's too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    CredentialsError,
    IntegrityError,
    NotFoundError,
    ObjectTooLargeError,
    PermanentError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
    UnportableError,
)

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

Family: TypeAlias = type[TradewindError]

PERMISSIONS: Mapping[str, str] = {
    "head": "Storage Blob Data Reader (or a SAS with `r`)",
    "get": "Storage Blob Data Reader (or a SAS with `r`)",
    "put": "Storage Blob Data Contributor (or a SAS with `cw`)",
    "delete": "Storage Blob Data Contributor (or a SAS with `d`)",
    "list": "Storage Blob Data Reader (or a SAS with `l`)",
    "send": "Storage Queue Data Message Sender (or a SAS with `a`)",
    "receive": "Storage Queue Data Message Processor (or a SAS with `p`)",
    "acknowledge": "Storage Queue Data Message Processor (or a SAS with `p`)",
    "release": "Storage Queue Data Contributor (or a SAS with `u`)",
    "count": "Storage Queue Data Reader (or a SAS with `r`)",
    "read secret": "Key Vault Secrets User",
}
"""What each operation needs."""

_GONE: tuple[Family, str] = (NotFoundError, "")
_MOVED: tuple[Family, str] = (PreconditionFailedError, "")
_NO_CONTAINER: tuple[Family, str] = (
    BucketNotFoundError,
    "Create it, or correct the site's account, container or queue in the fleet file",
)
_UNKNOWN: tuple[Family, str] = (
    CredentialsError,
    "Azure does not accept these credentials: check the secret that the site's `credentials` names, and a SAS's expiry",
)
_DENIED: tuple[Family, str] = (AccessDeniedError, "Grant {permission} to the identity that the site's credentials name")
_LOCKED: tuple[Family, str] = (AccessDeniedError, "The container has an immutability policy or a legal hold on this")
_BROKEN: tuple[Family, str] = (IntegrityError, "Nothing was written; the bytes are sent again")
_ARCHIVED: tuple[Family, str] = (PermanentError, "The blob is archived: rehydrate it, then redrive the message")
_UNPORTABLE: tuple[Family, str] = (UnportableError, "Azure cannot hold this name or metadata")
_LEASED: tuple[Family, str] = (StoreUnavailableError, "Somebody holds a lease on the blob; it is tried again")
_DOWN: tuple[Family, str] = (
    StoreUnavailableError,
    "Try again later, as queues do by themselves; see https://azure.status.microsoft if it lasts",
)
_OTHER: tuple[Family, str] = (TransientError, "Azure refused the request; what it says is above")

_CODES: Mapping[str, tuple[Family, str]] = {
    "BlobNotFound": _GONE,
    "ResourceNotFound": _GONE,
    "MessageNotFound": _GONE,
    "SecretNotFound": _GONE,
    "ContainerNotFound": _NO_CONTAINER,
    "ContainerBeingDeleted": _NO_CONTAINER,
    "ContainerDisabled": _NO_CONTAINER,
    "QueueNotFound": _NO_CONTAINER,
    "QueueBeingDeleted": _NO_CONTAINER,
    "ConditionNotMet": _MOVED,
    "TargetConditionNotMet": _MOVED,
    "BlobAlreadyExists": _MOVED,
    "AuthenticationFailed": _UNKNOWN,
    "InvalidAuthenticationInfo": _UNKNOWN,
    "NoAuthenticationInformation": _UNKNOWN,
    "AuthorizationFailure": _DENIED,
    "AuthorizationPermissionMismatch": _DENIED,
    "AuthorizationResourceTypeMismatch": _DENIED,
    "AuthorizationServiceMismatch": _DENIED,
    "AuthorizationProtocolMismatch": _DENIED,
    "AuthorizationSourceIPMismatch": _DENIED,
    "InsufficientAccountPermissions": _DENIED,
    "KeyBasedAuthenticationNotPermitted": _DENIED,
    "AccountIsDisabled": _DENIED,
    "BlobImmutableDueToPolicy": _LOCKED,
    "BlobHasLegalHold": _LOCKED,
    "SnapshotsPresent": (PermanentError, "The blob has snapshots, which are not deleted with it: remove them first"),
    "InvalidBlobType": (PermanentError, "The name is taken by an append or page blob: remove it first"),
    "BlobArchived": _ARCHIVED,
    "BlobBeingRehydrated": _ARCHIVED,
    "Md5Mismatch": _BROKEN,
    "Crc64Mismatch": _BROKEN,
    "InvalidMd5": _BROKEN,
    "MetadataTooLarge": _UNPORTABLE,
    "InvalidMetadata": _UNPORTABLE,
    "EmptyMetadataKey": _UNPORTABLE,
    "InvalidResourceName": _UNPORTABLE,
    "RequestBodyTooLarge": (ObjectTooLargeError, ""),
    "LeaseIdMissing": _LEASED,
    "LeaseNotPresentWithBlobOperation": _LEASED,
    "PendingCopyOperation": _LEASED,
    "ServerBusy": _DOWN,
    "OperationTimedOut": _DOWN,
    "InternalError": _DOWN,
}
_STATUS: Mapping[int, tuple[Family, str]] = {
    401: _UNKNOWN,
    403: _DENIED,
    404: _GONE,
    408: _DOWN,
    412: _MOVED,
    429: _DOWN,
}
_SERVER_ERROR = 500
_OTHER_MD5 = "contentMD5 doesn't match"
"""How Azurite says Md5Mismatch."""
_WRONG_SIGNATURE = "Server failed to authenticate the request"
"""How Azurite says AuthenticationFailed; Azure's message begins so, too."""


@contextmanager
def translate(operation: str, subject: str) -> Iterator[None]:
    """Turn what the SDKs raise in the block into an error of `tradewind.errors`; other errors pass.

    Args:
        operation: A key of `PERMISSIONS`.
        subject: What was worked on, as `az://account/container/key`.
    """
    try:
        yield
    except TradewindError:
        raise
    except Exception as error:
        meaning = _meaning(error, operation)
        if meaning is None:
            raise
        family, hint = meaning
        raise family(f"Could not {operation} {subject}: {_describe(error)}", hint=hint) from error


def _meaning(error: Exception, operation: str) -> tuple[Family, str] | None:
    from azure.core import exceptions as sdk  # noqa: PLC0415 - loaded already when it raises, and not before
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - likewise

    if isinstance(error, sdk.HttpResponseError) and error.response is not None:
        return _answered(error, operation)
    if type(error).__name__ == "AzureSigningError":  # each SDK has a private class of this name
        return CredentialsError, "The account key is not one: it must be base64, as the portal shows it"
    if isinstance(error, sdk.ClientAuthenticationError):  # azure-identity found no identity, or was refused a token
        return CredentialsError, "Set the site's `credentials` in the fleet file, or give this process an identity"
    return _DOWN if isinstance(error, (sdk.AzureError, HTTPError, OSError)) else None


def _answered(error: HttpResponseError, operation: str) -> tuple[Family, str]:
    status = error.status_code or 0
    if _OTHER_MD5 in str(error):
        return _BROKEN
    if _WRONG_SIGNATURE in str(error):
        return _UNKNOWN
    meaning = _CODES.get(_code(error)) or _STATUS.get(status) or (_DOWN if status >= _SERVER_ERROR else _OTHER)
    family, hint = meaning
    return family, hint.format(permission=PERMISSIONS.get(operation, "the role"))


def _code(error: Exception) -> str:
    headers = getattr(getattr(error, "response", None), "headers", {})
    return str(headers.get("x-ms-error-code") or getattr(error, "error_code", "") or "")


def _describe(error: Exception) -> str:
    lines = str(error).splitlines()
    text = lines[0].rstrip(".") if lines else type(error).__name__
    code = _code(error)
    return f"{code}: {text}" if code and code not in text else text
