"""From Blob Storage's answers to the port's values, and back into its headers."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlencode

from tradewind.clouds.azure.limits import encode_user
from tradewind.clouds.header_text import decode_name, decode_value
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Checksums, Metadata, ObjectPage, ObjectState, ObjectSummary

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

_USER = "x-ms-meta-"


def state_of(key: str, headers: Mapping[str, str], tags: Mapping[str, str]) -> ObjectState:
    """Return the state that the headers of a GET or HEAD answer show; they tell only how many `tags` there are.

    Args:
        key: The blob's name.
        headers: With names in lower case.
        tags: The blob's.
    """
    total = headers.get("content-range", "").rpartition("/")[2]
    # Of a range, Content-MD5 would be the range's.
    md5 = headers.get("x-ms-blob-content-md5") if total else headers.get("content-md5")
    return ObjectState(
        key=key,
        token=token_of(headers["etag"]),
        size=int(total or headers["content-length"]),
        modified=parsedate_to_datetime(headers["last-modified"]).astimezone(UTC),
        checksums=Checksums(md5=b64decode(md5) if md5 else None),
        metadata=Metadata(
            content_type=_text(headers.get("content-type")),
            content_encoding=_text(headers.get("content-encoding")),
            content_language=_text(headers.get("content-language")),
            content_disposition=_text(headers.get("content-disposition")),
            cache_control=_text(headers.get("cache-control")),
            user={
                decode_name(name.removeprefix(_USER)): decode_value(value)
                for name, value in headers.items()
                if name.startswith(_USER)
            },
            tags=tags,
        ),
    )


def headers_of(metadata: Metadata) -> Mapping[str, str]:
    """Return the headers that give a blob its metadata and tags.

    Raises:
        UnportableError: It is not Unicode text, or a name is empty.
    """
    headers = {
        "x-ms-blob-content-type": metadata.content_type,
        "x-ms-blob-content-encoding": metadata.content_encoding,
        "x-ms-blob-content-language": metadata.content_language,
        "x-ms-blob-content-disposition": metadata.content_disposition,
        "x-ms-blob-cache-control": metadata.cache_control,
        # A blob without tags is written without the header, which needs a right of its own.
        "x-ms-tags": urlencode(metadata.tags, quote_via=quote, safe="") or None,
    }
    user = {f"{_USER}{name}": value for name, value in encode_user(metadata).items()}
    return {**{name: value for name, value in headers.items() if value}, **user}


def condition(expect: str | None) -> Mapping[str, str]:
    """Return the header of a write that replaces the version `expect` only, or nothing only if it is None."""
    return {"if-none-match": "*"} if expect is None else {"if-match": f'"{expect}"'}


def tags_of(answer: bytes) -> Mapping[str, str]:
    """Return the tags that Get Blob Tags answers."""
    return {tag.findtext("Key", ""): tag.findtext("Value", "") for tag in parsed(answer).iter("Tag")}


def page_of(answer: bytes) -> ObjectPage:
    """Return the page that List Blobs answers."""
    page = parsed(answer)
    return ObjectPage(tuple(map(_summary_of, page.iter("Blob"))), page.findtext("NextMarker") or None)


def parsed(answer: bytes) -> Element:
    """Return the XML of an answer.

    Raises:
        StoreUnavailableError: It is none.
    """
    from xml.etree import ElementTree as ET  # noqa: PLC0415 - a copy of a small object needs none

    try:
        return ET.fromstring(answer)  # noqa: S314 - Azure itself wrote it
    except ET.ParseError as error:
        raise StoreUnavailableError(f"Azure answered something else than XML: {error}") from error


def _summary_of(blob: Element) -> ObjectSummary:
    name = blob.find("Name")
    key = (name.text or "") if name is not None else ""
    return ObjectSummary(
        # Characters that XML cannot have are percent-encoded, and everything else of such a name with them.
        key=unquote(key) if name is not None and name.get("Encoded") == "true" else key,
        token=token_of(blob.findtext("Properties/Etag", "")),
        size=int(blob.findtext("Properties/Content-Length", "0")),
        modified=parsedate_to_datetime(blob.findtext("Properties/Last-Modified", "")).astimezone(UTC),
    )


def token_of(etag: str) -> str:
    """Return the ETag without quotes, as events and listings spell it."""
    return etag.strip('"')


def _text(value: str | None) -> str | None:
    return decode_value(value) if value else None
