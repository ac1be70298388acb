"""From S3's answers to the port's values."""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Literal

from tradewind.checksums import combine, extended
from tradewind.clouds.aws.answers import UploadedPart
from tradewind.clouds.header_text import decode_name, decode_value
from tradewind.ports import Checksums, CompositeChecksum, Metadata, ObjectState, ObjectSummary

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_MD5 = re.compile(r"[0-9a-f]{32}")
_SSE = "x-amz-server-side-encryption"
USER = "x-amz-meta-"
"""Begins the headers of user metadata."""
DIRECTORY_BUCKET = "--x-s3"
"""Ends the names of directory buckets, whose ETags are no MD5 and whose objects have no tags."""


def state_of(
    bucket: str,
    key: str,
    headers: Mapping[str, str],
    parts: Callable[[str], tuple[UploadedPart, ...] | None],
    tags: Mapping[str, str],
) -> ObjectState:
    """Return the state that a GET or HEAD answered.

    Args:
        bucket: Whose kind decides what an ETag means.
        key: The object's.
        headers: Of the answer, with lower-case names.
        parts: Asked, with the token, if the answer bears a checksum of part checksums.
        tags: The object's, of which an answer tells only how many there are.
    """
    token = token_of(headers["etag"])
    total = headers.get("content-range", "").rpartition("/")[2]
    return ObjectState(
        key=key,
        token=token,
        size=int(total) if total.isdecimal() else int(headers["content-length"]),
        modified=_whole_seconds(parsedate_to_datetime(headers["last-modified"])),
        checksums=_checksums(bucket, token, headers, parts),
        metadata=Metadata(
            content_type=_text(headers.get("content-type")),
            content_encoding=_without_framing(headers.get("content-encoding")),
            content_language=_text(headers.get("content-language")),
            content_disposition=_text(headers.get("content-disposition")),
            cache_control=_text(headers.get("cache-control")),
            user={
                decode_name(name.removeprefix(USER)): decode_value(value)
                for name, value in headers.items()
                if name.startswith(USER)
            },
            tags=tags,
        ),
    )


def summary_of(entry: ObjectTypeDef) -> ObjectSummary:
    """Return one line of a listing."""
    return ObjectSummary(
        key=entry["Key"],
        token=token_of(entry["ETag"]),
        size=entry["Size"],
        modified=_whole_seconds(entry["LastModified"]),
    )


def token_of(etag: str) -> str:
    """Return the ETag without quotes, as events spell it."""
    return etag.strip('"')


def _checksums(
    bucket: str, token: str, headers: Mapping[str, str], parts: Callable[[str], tuple[UploadedPart, ...] | None]
) -> Checksums:
    values: dict[str, int] = {}
    composite: CompositeChecksum | None = None
    algorithms: tuple[Literal["crc32c", "crc32"], ...] = ("crc32c", "crc32")
    for algorithm in algorithms:
        value = headers.get(f"x-amz-checksum-{algorithm}", "")
        encoded, _, count = value.partition("-")
        # Full-object checksums carry no number of parts, whatever the type field says.
        if count or (value and headers.get("x-amz-checksum-type") == "COMPOSITE"):
            uploaded = parts(token)
            if uploaded is None or count not in ("", str(len(uploaded))):
                continue
            whole = _of_whole(algorithm, b64decode(encoded), uploaded)
            if whole is None:
                composite = CompositeChecksum(algorithm, b64decode(encoded), tuple(part.size for part in uploaded))
            else:
                values[algorithm] = whole
        elif value:
            values[algorithm] = int.from_bytes(b64decode(value))
    if crc64 := headers.get("x-amz-checksum-crc64nvme"):
        values["crc64nvme"] = int.from_bytes(b64decode(crc64))
    return Checksums(**values, md5=_md5(bucket, token, headers), composite=composite)


def _of_whole(algorithm: Literal["crc32c", "crc32"], digest: bytes, parts: Sequence[UploadedPart]) -> int | None:
    """Return the checksum of all bytes, if S3 says those of the parts, and they are the ones that `digest` is of."""
    told = [b64decode(part.crc32c if algorithm == "crc32c" else part.crc32) for part in parts]
    if not all(told) or extended(algorithm, 0, b"".join(told)).to_bytes(4) != digest:
        return None
    whole = 0
    for part, value in zip(parts, told, strict=True):
        whole = combine(algorithm, whole, int.from_bytes(value), part.size)
    return whole


def _md5(bucket: str, token: str, headers: Mapping[str, str]) -> bytes | None:
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: an ETag is the MD5 of the bytes only if the
    # object was not uploaded in parts and is not encrypted with a key of KMS or of the customer.
    encrypted = _SSE + "-customer-algorithm" in headers or headers.get(_SSE, "AES256") != "AES256"
    if encrypted or bucket.endswith(DIRECTORY_BUCKET) or not _MD5.fullmatch(token):
        return None
    return bytes.fromhex(token)


def _without_framing(encoding: str | None) -> str | None:
    # `aws-chunked` is how some clients frame an upload; S3 sometimes keeps the word, though not the framing.
    codings = [coding.strip() for coding in (encoding or "").split(",")]
    return ", ".join(coding for coding in codings if coding and coding != "aws-chunked") or None


def _text(value: str | None) -> str | None:
    return decode_value(value) if value else None


def _whole_seconds(time: datetime) -> datetime:
    # Headers have whole seconds; a listing may have more digits, and must not look like another version for it.
    return time.astimezone(UTC).replace(microsecond=0)
