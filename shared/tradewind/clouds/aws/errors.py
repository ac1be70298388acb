"""One table from what our wire and boto3 raise to `tradewind.errors`.

Codes: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html. A HEAD answer has no body, so its error is
called by the HTTP status (`"404"`), here as in botocore.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from tradewind.clouds.aws.answers import Fault, fault_of
from tradewind.clouds.http import AnswerError
from tradewind.clouds.meaning import BROKEN, DENIED, GONE, MOVED, NO_BUCKET, Meaning, down, translating
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    ConfigurationError,
    CredentialsError,
    IntegrityError,
    ObjectTooLargeError,
    PermanentError,
    TransientError,
    UnportableError,
)

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

PERMISSIONS: Mapping[str, str] = {
    "head": "s3:GetObject (and s3:ListBucket, without which S3 answers 403 for a key that does not exist)",
    "get": "s3:GetObject (and s3:ListBucket, without which S3 answers 403 for a key that does not exist)",
    "put": "s3:PutObject (and s3:PutObjectTagging, for an object that has tags)",
    "read the tags of": "s3:GetObjectTagging",
    "delete": "s3:DeleteObject and s3:GetObject (a conditional delete needs both)",
    "list": "s3:ListBucket",
    "begin an upload of": "s3:PutObject (and s3:PutObjectTagging, for an object that has tags)",
    "list the parts of": "s3:ListMultipartUploadParts",
    "join the parts of": "s3:PutObject and s3:GetObject (and kms:Decrypt, in a bucket with a key of KMS)",
    "abort the upload of": "s3:AbortMultipartUpload",
    "begin a session with": "s3express:CreateSession",
    "send": "sqs:SendMessage",
    "receive": "sqs:ReceiveMessage",
    "acknowledge": "sqs:DeleteMessage",
    "release": "sqs:ChangeMessageVisibility",
    "count": "sqs:GetQueueAttributes",
    "read secret": "secretsmanager:GetSecretValue",
    "notify": "sns:Publish",
    "read the health checks of": "route53:ListHealthChecks and route53:ListTagsForResources",
    "make the health checks of": "route53:CreateHealthCheck, route53:UpdateHealthCheck, route53:ChangeTagsForResource "
    "and route53:ChangeResourceRecordSets",
    "read the records of": "route53:ListResourceRecordSets and route53:GetHostedZone",
    "change the records of": "route53:ChangeResourceRecordSets and route53:ListResourceRecordSets",
}
"""What each operation needs."""

_UNKNOWN: Meaning = (
    CredentialsError,
    "AWS does not know these credentials: check the secret that the site's `credentials` names",
)
_MISSING: Meaning = (
    CredentialsError,
    "Set the site's `credentials` in the fleet file, or give this process a role",
)
_EXPIRED: Meaning = (CredentialsError, "The session token has expired: renew it, or use a role")
_CLOCK: Meaning = (CredentialsError, "Set this machine's clock; AWS refuses signatures that are 15 min off")
_KEY: Meaning = (AccessDeniedError, "Let the same identity use the bucket's KMS key, and check its state")
_REFUSED: Meaning = (PermanentError, "SQS does not take this message, now or later; what it says is above")
_NO_ZONE: Meaning = (ConfigurationError, "Correct `zone` in the group's `director`: it is the hosted zone's id")
_DOWN = down("https://health.aws.amazon.com")
_OTHER: Meaning = (TransientError, "AWS refused the request; what it says is above")

_CODES: Mapping[str, Meaning] = {
    "NoSuchKey": GONE,
    "NoSuchVersion": GONE,
    "NoSuchUpload": GONE,
    "InvalidPart": GONE,
    "404": GONE,
    "NoSuchBucket": NO_BUCKET,
    "AWS.SimpleQueueService.NonExistentQueue": NO_BUCKET,
    "QueueDoesNotExist": NO_BUCKET,
    "NoSuchHostedZone": _NO_ZONE,
    "PreconditionFailed": MOVED,
    "ConditionalRequestConflict": MOVED,
    "412": MOVED,
    "InvalidAccessKeyId": _UNKNOWN,
    "InvalidClientTokenId": _UNKNOWN,
    "SignatureDoesNotMatch": _UNKNOWN,
    "UnrecognizedClientException": _UNKNOWN,
    "InvalidToken": _UNKNOWN,
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "RequestTimeTooSkewed": _CLOCK,
    "AccessDenied": DENIED,
    "AccessDeniedException": DENIED,
    "AllAccessDisabled": DENIED,
    "AccountProblem": DENIED,
    "403": DENIED,
    "KMS.DisabledException": _KEY,
    "KMS.NotFoundException": _KEY,
    "KMS.KMSInvalidStateException": _KEY,
    "BadDigest": BROKEN,
    "InvalidDigest": BROKEN,
    "XAmzContentChecksumMismatch": BROKEN,
    "XAmzContentSHA256Mismatch": BROKEN,
    "KeyTooLongError": (UnportableError, "S3 keys have at most 1,024 bytes"),
    "MetadataTooLarge": (UnportableError, "S3 keeps 2 KB of user metadata"),
    "InvalidTag": (UnportableError, "S3 cannot hold these tags"),
    "EntityTooLarge": (ObjectTooLargeError, ""),
    "EntityTooSmall": (PermanentError, "A part but the last has less than 5 MiB"),
    "InvalidObjectState": (PermanentError, "The object is archived: restore it, then redrive the message"),
    "InvalidMessageContents": _REFUSED,
    "InvalidParameterValue": _REFUSED,
    "SlowDown": _DOWN,
    "RequestTimeout": _DOWN,
    "Throttling": _DOWN,
    "ThrottlingException": _DOWN,
    "TooManyRequestsException": _DOWN,
    "RequestThrottled": _DOWN,
    "PriorRequestNotComplete": _DOWN,
}
_ELSEWHERE = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException"}
)
_REDIRECTS = frozenset({301, 302, 307})
_THROTTLED = 429
_SERVER_ERROR = 500


def translate(operation: str, subject: str) -> AbstractContextManager[None]:
    """Turn what our wire or boto3 raises in the block into an error of `tradewind.errors`; other errors pass.

    Args:
        operation: A key of `PERMISSIONS`.
        subject: What was worked on, as `s3://bucket/key`.
    """
    return translating(operation, subject, meaning=_meaning, describe=_describe)


def _meaning(error: Exception, operation: str) -> Meaning | None:
    if isinstance(error, AnswerError):
        return _answered(fault_of(error), operation)
    # What boto3 raises is known once it is loaded; this process may well do without.
    if "botocore.exceptions" in sys.modules:
        return _raised(error, operation)
    return _DOWN if isinstance(error, OSError) else None


def _raised(error: Exception, operation: str) -> Meaning | None:
    from botocore import exceptions as sdk  # noqa: PLC0415 - loaded already
    from urllib3.exceptions import HTTPError  # noqa: PLC0415 - likewise

    if isinstance(error, sdk.ClientError):
        return _answered(_fault(error), operation)
    kinds: tuple[tuple[tuple[type[Exception], ...], Meaning], ...] = (
        ((sdk.FlexibleChecksumError,), (IntegrityError, "The bytes were damaged on the way; they are read again")),
        ((sdk.NoCredentialsError, sdk.PartialCredentialsError, sdk.CredentialRetrievalError), _MISSING),
        ((sdk.TokenRetrievalError, sdk.SSOError, sdk.MetadataRetrievalError), _MISSING),
        ((sdk.HTTPClientError, sdk.ConnectionError, sdk.IncompleteReadError, HTTPError, OSError), _DOWN),
        ((sdk.BotoCoreError,), _OTHER),
    )
    return next((meaning for kind, meaning in kinds if isinstance(error, kind)), None)


def _fault(error: ClientError) -> Fault:
    answer: Mapping[str, Any] = error.response
    said, about = answer.get("Error", {}), answer.get("ResponseMetadata", {})
    region = said.get("Region") or about.get("HTTPHeaders", {}).get("x-amz-bucket-region")
    return Fault(about.get("HTTPStatusCode", 0), said.get("Code", ""), said.get("Message", ""), region)


def _answered(fault: Fault, operation: str) -> Meaning:
    # A HEAD that was signed for another region is answered by a bare 400 that bears the right one.
    if fault.code in _ELSEWHERE or fault.status in _REDIRECTS or (fault.code == "400" and fault.region):
        region = fault.region or "another region"
        return BucketNotFoundError, f"The bucket is in {region}: correct the site's `region` in the fleet file"
    if fault.code in _CODES:
        family, hint = _CODES[fault.code]
        return family, hint.format(permission=PERMISSIONS.get(operation, "the permission"))
    return _DOWN if fault.status == _THROTTLED or fault.status >= _SERVER_ERROR else _OTHER


def _describe(error: Exception) -> str:
    if isinstance(error, AnswerError):
        fault = fault_of(error)
        return f"{fault.code}: {fault.message}".rstrip(".")
    answer = getattr(error, "response", None)
    if isinstance(answer, dict) and "Error" in answer:
        return f"{answer['Error'].get('Code')}: {answer['Error'].get('Message')}".rstrip(".")
    lines = str(error).splitlines()
    return lines[0].rstrip(".") if lines else type(error).__name__
