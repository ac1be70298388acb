"""What moto's S3 says of the checksums of objects that were uploaded in parts, as S3 says it.

A checksum of the parts' checksums ends with their number and bears its type, in every answer; who may ask for the
attributes of such an object hears each part's size and checksum; and a copy of it has a checksum of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response

from tradewind_sandbox.s3_copies import checksum

if TYPE_CHECKING:
    from moto.s3.models import FakeKey

_COMPOSITE = "COMPOSITE"
_PAGE = 1000
"""Parts in one answer, where the client does not say."""
_told: WeakKeyDictionary[FakeMultipart, Mapping[int, str]] = WeakKeyDictionary()
"""What is said of each part of what was uploaded with checksums: moto throws the parts away as it joins them."""


def tell_checksums_as_s3_does() -> None:
    """Let moto keep and tell the checksums of parts."""
    join = FakeMultipart.complete
    head, attributes, copy = S3Response.head_object, S3Response.get_object_attributes, S3Response.copy_object

    def complete(self: FakeMultipart, body: Iterable[tuple[int, str]]) -> Any:  # noqa: ANN401 - moto's
        listed = list(body)
        parts = {number: self.parts[number] for number, _ in listed if number in self.parts}
        algorithm = self.metadata.get("x-amz-checksum-algorithm")
        if algorithm:
            _told[self] = {number: _part(number, part, algorithm) for number, part in parts.items()}
        return join(self, iter(listed))

    def head_object(self: S3Response, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - moto's
        status, headers, body = head(self, *arguments, **named)
        key = _key(self)
        name = f"x-amz-checksum-{key.checksum_algorithm.lower()}" if key and key.checksum_algorithm else ""
        if key and name in headers and key.checksum_type:
            headers["x-amz-checksum-type"] = key.checksum_type
            if key.checksum_type == _COMPOSITE:
                headers[name] = f"{key.checksum_value}-{key.checksum_parts}"
        return status, headers, body

    def get_object_attributes(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        status, headers, body = attributes(self)
        key = _key(self)
        told = _told.get(key.multipart) if key and key.multipart else None
        if told is not None and "ObjectParts" in self.headers.get("x-amz-object-attributes", ""):
            before, end, root = (body if isinstance(body, str) else body.decode()).rpartition("</")
            body = f"{before}{_parts(self, told)}{end}{root}"
        return status, headers, body

    def copy_object(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        answer = copy(self)
        key = _key(self)
        if key and key.checksum_algorithm:  # moto hands on the source's, though it may be one of parts
            key.checksum_value = checksum(key.value, key.checksum_algorithm).decode()
        return answer

    FakeMultipart.complete = complete  # type: ignore[method-assign]  # it is what is meant
    S3Response.head_object = head_object  # type: ignore[method-assign]  # likewise
    S3Response.get_object_attributes = get_object_attributes  # type: ignore[method-assign]  # likewise
    S3Response.copy_object = copy_object  # type: ignore[method-assign]  # likewise


def _key(request: S3Response) -> FakeKey | None:
    version = request.querystring.get("versionId", [None])[0]
    return request.backend.get_object(request.bucket_name, request.parse_key_name(), version_id=version)


def _parts(request: S3Response, told: Mapping[int, str]) -> str:
    marker = int(request.headers.get("x-amz-part-number-marker") or 0)
    most = int(request.headers.get("x-amz-max-parts") or _PAGE)
    later = [number for number in sorted(told) if number > marker]
    shown = later[:most]
    return (
        f"<ObjectParts><IsTruncated>{str(len(later) > most).lower()}</IsTruncated><MaxParts>{most}</MaxParts>"
        f"<PartNumberMarker>{marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{shown[-1] if shown else 0}</NextPartNumberMarker>"
        f"<PartsCount>{len(told)}</PartsCount>{''.join(told[number] for number in shown)}</ObjectParts>"
    )


def _part(number: int, part: FakeKey, algorithm: str) -> str:
    value = checksum(part.value, algorithm).decode()
    return (
        f"<Part><PartNumber>{number}</PartNumber><Size>{part.size}</Size>"
        f"<Checksum{algorithm}>{value}</Checksum{algorithm}></Part>"
    )
