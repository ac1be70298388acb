"""What is said to S3 and by S3 about an upload in parts.

https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html and its neighbours.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

from tradewind.clouds.aws.answers import read
from tradewind.clouds.aws.states import token_of
from tradewind.clouds.pieces import checksums_from
from tradewind.ports import Algorithm, Part

_NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of the parts that have arrived."""

    parts: tuple[Part, ...]
    next_marker: str | None
    """Where the next page begins; None after the last one."""


def upload_in(body: bytes) -> str:
    """Return the id in the answer of CreateMultipartUpload."""
    return read_fields(body)["UploadId"]


def read_fields(body: bytes) -> Mapping[str, str]:
    """Return the texts of a document's first level; its own name is under the empty one."""
    root = read(body)
    return {"": _name(root.tag)} | {_name(each.tag): each.text or "" for each in root}


def listed_in(body: bytes, algorithm: Algorithm) -> Listed:
    """Return the parts in the answer of ListParts."""
    root = read(body)
    fields = {_name(each.tag): each.text or "" for each in root}
    parts = ({_name(each.tag): each.text or "" for each in part} for part in root if _name(part.tag) == "Part")
    more = fields.get("IsTruncated") == "true"
    return Listed(tuple(_part(part, algorithm) for part in parts), fields["NextPartNumberMarker"] if more else None)


def naming(parts: Iterable[Part]) -> bytes:
    """Return the body of CompleteMultipartUpload."""
    named = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><ETag>&quot;{escape(part.tag)}&quot;</ETag></Part>"
        for part in parts
    )
    return f'<CompleteMultipartUpload xmlns="{_NAMESPACE}">{named}</CompleteMultipartUpload>'.encode()


def _part(fields: Mapping[str, str], algorithm: Algorithm) -> Part:
    value = fields.get(f"Checksum{algorithm.upper()}")
    checksum = int.from_bytes(b64decode(value)) if value else None
    return Part(
        int(fields["PartNumber"]), int(fields["Size"]), token_of(fields["ETag"]), checksums_from({algorithm: checksum})
    )


def _name(tag: str) -> str:
    return tag.rpartition("}")[2]
