"""What S3's XML says: errors, tags, parts, sessions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from http.client import responses
from typing import TYPE_CHECKING

from tradewind.clouds.aws.signing import Keys
from tradewind.clouds.http import AnswerError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


@dataclass(frozen=True, slots=True)
class Fault:
    """What S3 says of a request that failed."""

    status: int
    code: str
    """S3's own, or the status where an answer has no body, as that to a HEAD."""
    message: str
    region: str | None
    """Where the bucket is, if S3 says so."""


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """A part that an object was uploaded in."""

    size: int
    """Bytes."""
    crc32c: str
    """Base64; "" where S3 keeps another one, or says none."""
    crc32: str


@dataclass(frozen=True, slots=True)
class PartsPage:
    """One page of the parts that an object was uploaded in."""

    etag: str
    parts: tuple[UploadedPart, ...]
    next_marker: str | None
    """Where the next page begins; None after the last one."""


def fault_of(error: AnswerError) -> Fault:
    """Return what a failed answer says."""
    said: dict[str, str] = {}
    with suppress(ValueError):  # a HEAD's answer has no body, and a proxy's is neither XML nor JSON
        said = _said(error.body)
    return Fault(
        error.status,
        said.get("Code") or str(error.status),
        said.get("Message") or responses.get(error.status, ""),
        said.get("Region") or error.headers.get("x-amz-bucket-region"),
    )


def _said(body: bytes) -> dict[str, str]:
    if body.startswith(b"{"):  # other services than S3 speak JSON
        told = json.loads(body)
        code = str(told.get("__type", "")).rpartition("#")[2]
        return {"Code": code, "Message": str(told.get("message") or told.get("Message") or "")}
    return {_name(each): each.text or "" for each in read(body)} if body else {}


def tags_of(body: bytes) -> dict[str, str]:
    """Return the tags in the answer of GetObjectTagging."""
    return {_text(tag, "Key"): _text(tag, "Value") for tag in _all(read(body), "Tag")}


def parts_of(body: bytes) -> PartsPage:
    """Return the parts in the answer of GetObjectAttributes."""
    root = read(body)
    more = _text(root, "IsTruncated") == "true"
    parts = tuple(
        UploadedPart(int(_text(part, "Size")), _text(part, "ChecksumCRC32C"), _text(part, "ChecksumCRC32"))
        for part in _all(root, "Part")
    )
    return PartsPage(_text(root, "ETag"), parts, _text(root, "NextPartNumberMarker") if more else None)


def session_of(body: bytes) -> tuple[Keys, datetime]:
    """Return the keys in the answer of CreateSession, and when they expire."""
    root = read(body)
    keys = Keys(*(_text(root, name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    return keys, datetime.fromisoformat(_text(root, "Expiration"))


def read(body: bytes) -> Element:
    """Return the root of an XML document.

    Raises:
        ValueError: It is none.
    """
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - most answers have no body

    try:
        return ET.fromstring(body)  # noqa: S314 - from the endpoint that the fleet file names, as boto3 reads it
    except ET.ParseError as error:
        raise ValueError(f"it is no XML: {error}") from error


def _all(root: Element, name: str) -> Iterator[Element]:
    return (each for each in root.iter() if _name(each) == name)


def _text(root: Element, name: str) -> str:
    return next((each.text or "" for each in _all(root, name)), "")


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]  # S3's namespace comes and goes
