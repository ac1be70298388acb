"""Copies inside one bucket of S3."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from tradewind.clouds.aws.clients import open_client
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.limits import check_key, check_metadata, encode_user
from tradewind.clouds.aws.states import token_of
from tradewind.clouds.copying import require_time, side_by_side
from tradewind.clouds.telling import told
from tradewind.errors import NotFoundError, PreconditionFailedError, TradewindError
from tradewind.fleet import AwsSite
from tradewind.ports import Algorithm, Metadata, ObjectState, PutReceipt

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

RANGE = 256 * 1024**2
"""Bytes that are copied in one request. S3 takes 5 GiB, but would not answer in time; ranges go side by side."""
RANGES = 10_000
SIZES: Mapping[Algorithm, int] = {"crc32c": 4, "crc64nvme": 8, "crc32": 4}
"""Bytes of the checksums that S3 can compute of a whole object, the one that tradewind likes best first."""


def open_copies(site: AwsSite, credentials: Mapping[str, str] | None) -> S3Copies:
    """Return the copies inside a site's bucket."""
    return S3Copies(open_client(site, credentials), site.bucket)


class S3Copies:
    """The copies inside one bucket (see `ports.Copies`).

    S3 computes a checksum of the whole copy and keeps it: of the kind that the source shows, and a CRC-32C where that
    shows none. Both conditions are sent: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html.

    Args:
        client: Shared with the stores of a process.
        bucket: Its name.
        single: Bytes up to which an object is copied in one request.
        span: Bytes of a range, beyond that.
    """

    def __init__(self, client: S3Client, bucket: str, *, single: int = RANGE, span: int = RANGE) -> None:
        self._client = client
        self._bucket = bucket
        self._single = single
        self._span = span

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source`: 1 request up to 256 MiB, above that 2 and one for each range.

        Raises:
            ObjectTooLargeError: It would not be done in time.
        """
        check_key(key)
        check_metadata(metadata)
        condition = {"IfNoneMatch": "*"} if expect is None else {"IfMatch": f'"{expect}"'}
        with self._missing_told(source, key, expect):
            if source.size <= self._single:
                return self._whole(source, key, metadata, condition)
            return self._in_ranges(source, key, metadata, condition)

    def _whole(self, source: ObjectState, key: str, metadata: Metadata, condition: dict[str, str]) -> PutReceipt:
        request: dict[str, Any] = {**_described(metadata), **condition, "ChecksumAlgorithm": _kind(source).upper()}
        with translate("copy", self._uri(key)):
            answer = self._client.copy_object(
                Bucket=self._bucket,
                Key=key,
                **self._from(source),
                MetadataDirective="REPLACE",
                TaggingDirective="REPLACE",
                **request,
            )
        return PutReceipt(token_of(answer["CopyObjectResult"]["ETag"]))

    def _in_ranges(self, source: ObjectState, key: str, metadata: Metadata, condition: dict[str, str]) -> PutReceipt:
        spans = list(ranges(source.size, self._span))
        require_time([size for _, _, size in spans], self._uri(key))
        request: dict[str, Any] = {**_described(metadata), "ChecksumAlgorithm": _kind(source).upper()}
        with translate("copy", self._uri(key)):
            upload = self._client.create_multipart_upload(
                Bucket=self._bucket, Key=key, ChecksumType="FULL_OBJECT", **request
            )["UploadId"]
        try:
            copies = [partial(self._range, source, key, upload, number, span) for number, span, _ in spans]
            return self._joined(source, key, upload, side_by_side(copies, self._uri(key)), condition)
        except BaseException:
            self._abort(key, upload)
            raise

    def _range(self, source: ObjectState, key: str, upload: str, number: int, span: str) -> CompletedPartTypeDef:
        with translate("copy", self._uri(key)):
            answer = self._client.upload_part_copy(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                PartNumber=number,
                CopySourceRange=span,
                **self._from(source),
            )
        result: Any = answer["CopyPartResult"]
        checksums = {name: value for name, value in result.items() if name.startswith("Checksum")}
        part: Any = {"PartNumber": number, "ETag": result["ETag"], **checksums}
        return cast("CompletedPartTypeDef", part)

    def _joined(
        self, source: ObjectState, key: str, upload: str, parts: list[CompletedPartTypeDef], condition: dict[str, str]
    ) -> PutReceipt:
        kind = _kind(source)
        known: int | None = getattr(source.checksums, kind)
        request: dict[str, Any] = dict(condition)
        if known is not None:  # then S3 itself refuses a copy with another one
            request[f"Checksum{kind.upper()}"] = b64encode(known.to_bytes(SIZES[kind])).decode()
        with translate("copy", self._uri(key)):
            answer = self._client.complete_multipart_upload(
                Bucket=self._bucket,
                Key=key,
                UploadId=upload,
                MultipartUpload={"Parts": parts},
                ChecksumType="FULL_OBJECT",
                MpuObjectSize=source.size,
                **request,
            )
        return PutReceipt(token_of(answer["ETag"]))

    def _abort(self, key: str, upload: str) -> None:
        # What is left if this fails is removed by the bucket's lifecycle rule for uploads that were given up.
        with suppress(TradewindError), translate("copy", self._uri(key)):
            self._client.abort_multipart_upload(Bucket=self._bucket, Key=key, UploadId=upload)

    def _from(self, source: ObjectState) -> Any:  # noqa: ANN401 - arguments of two calls, typed by neither
        return {
            "CopySource": {"Bucket": self._bucket, "Key": source.key},
            "CopySourceIfMatch": f'"{source.token}"',
        }

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{told(key)}"

    @contextmanager
    def _missing_told(self, source: ObjectState, key: str, expect: str | None) -> Iterator[None]:
        """Tell a missing source from a missing target, which S3 answers alike where the target was to be replaced."""
        try:
            yield
        except NotFoundError as error:
            if expect is None or not self._is_there(source.key):
                raise
            raise PreconditionFailedError(f"Could not copy {self._uri(key)}: there is no such object") from error

    def _is_there(self, key: str) -> bool:
        try:
            with translate("head", self._uri(key)):
                self._client.head_object(Bucket=self._bucket, Key=key)
        except NotFoundError:
            return False
        return True


def ranges(size: int, smallest: int) -> Iterator[tuple[int, str, int]]:
    """Yield the ranges that an object is copied in: number, from 1, bytes as HTTP spells them, and how many."""
    length = max(smallest, -(-size // RANGES))
    for number, start in enumerate(range(0, size, length), 1):
        end = min(start + length, size)
        yield number, f"bytes={start}-{end - 1}", end - start


def _kind(source: ObjectState) -> Algorithm:
    return next((kind for kind in SIZES if getattr(source.checksums, kind) is not None), "crc32c")


def _described(metadata: Metadata) -> dict[str, Any]:
    headers = {
        "ContentType": metadata.content_type,
        "ContentEncoding": metadata.content_encoding,
        "ContentLanguage": metadata.content_language,
        "ContentDisposition": metadata.content_disposition,
        "CacheControl": metadata.cache_control,
        "Tagging": urlencode(metadata.tags, quote_via=quote),
    }
    return {"Metadata": encode_user(metadata), **{name: value for name, value in headers.items() if value}}
