"""Uploads in parts to moto as S3 takes them: each part is compared with its checksum, and the whole with its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from moto.s3.exceptions import NoSuchUpload, S3ClientError
from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response

from tradewind_sandbox.s3_copies import checksum, require_target

if TYPE_CHECKING:
    from moto.s3.models import FakeKey

_NUMBER = re.compile(r"<PartNumber>(\d+)</PartNumber>")


class BadDigestError(S3ClientError):
    """The bytes have another checksum than was sent with them."""

    code = "BadDigest"

    def __init__(self) -> None:
        super().__init__("The checksum that was sent does not match the calculated checksum")


def upload_as_s3_does() -> None:
    """Let moto keep, list and compare the checksums of parts, and keep the conditions of a completion."""
    send, show, post = S3Response.upload_part, S3Response.list_parts, S3Response._key_response_post  # noqa: SLF001 - there is no other place

    def upload_part(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        upload = _upload(self)
        answer = send(self)
        number = int(self._get_param("partNumber"))
        algorithm = _algorithm(upload)
        part = upload.parts[number]
        part.checksum_value = checksum(part.value, algorithm).decode()
        if answer[1].get(f"x-amz-checksum-{algorithm.lower()}", part.checksum_value) != part.checksum_value:
            upload.partlist.remove(number)
            upload.parts.pop(number).dispose()
            raise BadDigestError
        return answer

    def list_parts(self: S3Response) -> Any:  # noqa: ANN401 - moto's
        upload = _upload(self)
        algorithm = _algorithm(upload)

        def with_checksum(number: re.Match[str]) -> str:
            part = upload.parts[int(number[1])]
            value = part.checksum_value or checksum(part.value, algorithm).decode()  # none is kept of a copied part
            return f"{number[0]}<Checksum{algorithm}>{value}</Checksum{algorithm}>"

        status, headers, body = show(self)
        text = body.decode() if isinstance(body, bytes) else body
        return status, headers, _NUMBER.sub(with_checksum, text)

    def complete(self: S3Response, request: object, body: bytes, bucket: str, query: dict[str, Any], key: str) -> Any:  # noqa: ANN401 - moto's
        if "uploadId" in query:
            existing = self.backend.get_object(bucket, key)
            done = existing is not None and existing.multipart and existing.multipart.id == query["uploadId"][0]
            if not done:
                upload = _upload(self)
                require_target(self)
                _require_whole(self, upload, body)
        return post(self, request, body, bucket, query, key)

    S3Response.upload_part = upload_part  # type: ignore[method-assign]  # it is what is meant
    S3Response.list_parts = list_parts  # type: ignore[method-assign]  # likewise
    S3Response._key_response_post = complete  # type: ignore[assignment, method-assign]  # noqa: SLF001 - likewise
    FakeMultipart.list_parts = _by_number  # type: ignore[method-assign]  # likewise


def _by_number(self: FakeMultipart, part_number_marker: int, max_parts: int) -> Iterator[FakeKey]:
    numbers = [number for number in self.partlist if number > part_number_marker]
    yield from (self.parts[number] for number in numbers[:max_parts])


def _upload(request: S3Response) -> FakeMultipart:
    name = request.querystring["uploadId"][0]
    uploads = request.backend.get_bucket(request.bucket_name).multiparts
    if name not in uploads:
        raise NoSuchUpload(upload_id=name)
    return uploads[name]


def _algorithm(upload: FakeMultipart) -> str:
    return str(upload.metadata.get("x-amz-checksum-algorithm") or "CRC64NVME")


def _require_whole(request: S3Response, upload: FakeMultipart, body: bytes) -> None:
    algorithm = _algorithm(upload)
    numbers = (int(number) for number in _NUMBER.findall(body.decode()))
    parts = [upload.parts[number] for number in numbers if number in upload.parts]
    size = request.headers.get("x-amz-mp-object-size")
    if size and int(size) != sum(part.contentsize for part in parts):
        raise BadDigestError
    sent = request.headers.get(f"x-amz-checksum-{algorithm.lower()}")
    if sent and sent != checksum(b"".join(part.value for part in parts), algorithm).decode():
        raise BadDigestError
