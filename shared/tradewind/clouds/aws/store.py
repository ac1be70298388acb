"""Object storage on Amazon S3."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

from tradewind.clouds.aws.clients import open_client
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.limits import check_key, check_metadata, encode_user
from tradewind.clouds.aws.states import DIRECTORY_BUCKET, state_of, summary_of, token_of
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
    TransientError,
)
from tradewind.fleet import AwsSite
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import GetObjectOutputTypeDef

CHUNK = 1024 * 1024
_UNSATISFIABLE = 416
_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")


def open_store(site: AwsSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> S3Store:
    """Return the store of a site's bucket, or of another `bucket` of the same site, whose tags mean nothing to us."""
    return S3Store(open_client(site, credentials), bucket or site.bucket, require_tags=bucket is None)


class S3Store:
    """One bucket (see `ports.ObjectStore`).

    Args:
        client: Shared by the stores of a process.
        bucket: Its name.
        require_tags: Fail, once per process, where nobody may read the tags of objects (see `_tags`).
    """

    checksum: Literal["crc32c"] = "crc32c"
    keeps_tags = True

    def __init__(self, client: S3Client, bucket: str, *, require_tags: bool = False) -> None:
        self._client = client
        self._bucket = bucket
        self._bucket_seen = False
        self._tags_seen = not require_tags or bucket.endswith(DIRECTORY_BUCKET)

    def check_key(self, key: str) -> None:
        """Refuse what S3 cannot hold."""
        check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """Refuse what S3 cannot hold."""
        check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """Return the key's state: 1 request, one more for an object that was uploaded in parts, and one for tags."""
        check_key(key)
        try:
            with translate("head", self._uri(key)):
                answer = self._client.head_object(Bucket=self._bucket, Key=key, ChecksumMode="ENABLED")
            return self._state(key, answer)
        except NotFoundError:
            self._require_bucket()
            return None

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading: 1 request, and others as for `head`."""
        check_key(key)
        if length == 0:
            yield Download(self._present(key, token), iter(()))
            return
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": key, "ChecksumMode": "ENABLED"}
        if token is not None:
            request["IfMatch"] = f'"{token}"'
        if start or length is not None:
            request["Range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with translate("get", self._uri(key)):
            answer = self._open(request)
        if answer is None:  # the range begins at the end, or behind it
            yield Download(self._present(key, token), iter(()))
            return
        with closing(answer["Body"]) as body:
            yield Download(self._state(key, answer), self._chunks(key, body, int(answer["ContentLength"])))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write the whole object in 1 request; S3 compares the bytes with `crc32c`, and with `md5` if it is given."""
        check_key(key)
        check_metadata(metadata)
        headers = {
            "ContentType": metadata.content_type,
            "ContentEncoding": metadata.content_encoding,
            "ContentLanguage": metadata.content_language,
            "ContentDisposition": metadata.content_disposition,
            "CacheControl": metadata.cache_control,
            "ContentMD5": b64encode(md5).decode() if md5 is not None else None,
            "Tagging": urlencode(metadata.tags, quote_via=quote),
        }
        condition = {"IfNoneMatch": "*"} if expect is None else {"IfMatch": f'"{expect}"'}
        request: dict[str, Any] = {name: value for name, value in headers.items() if value} | condition
        try:
            with translate("put", self._uri(key)):
                answer = self._client.put_object(
                    Bucket=self._bucket,
                    Key=key,
                    Body=body,
                    ChecksumAlgorithm="CRC32C",
                    ChecksumCRC32C=b64encode(crc32c.to_bytes(4)).decode(),
                    Metadata=encode_user(metadata),
                    **request,
                )
        except NotFoundError as error:
            if expect is None:
                raise
            # S3 says so when If-Match meets a key that does not exist.
            raise PreconditionFailedError(error.message) from error
        return PutReceipt(token_of(answer["ETag"]))

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; in a bucket with versions this leaves a delete marker."""
        check_key(key)
        with translate("delete", self._uri(key)):
            self._client.delete_object(Bucket=self._bucket, Key=key, IfMatch=f'"{expect}"')

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page, in the order of the keys' UTF-8 bytes; S3 gives at most 1,000 objects."""
        position: dict[str, Any] = {"ContinuationToken": cursor} if cursor is not None else {}
        with translate("list", self._uri(prefix)):
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=limit, **position)
        objects = tuple(summary_of(entry) for entry in answer.get("Contents", ()))
        return ObjectPage(objects, answer.get("NextContinuationToken"))

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{_ASCII_CONTROL.sub('?', key)}"

    def _state(self, key: str, answer: Mapping[str, Any]) -> ObjectState:
        tags = self._tags(key, int(answer.get("TagCount") or 0))
        return state_of(self._bucket, key, answer, lambda token: self._part_sizes(key, token), tags)

    def _present(self, key: str, token: str | None) -> ObjectState:
        """Return the state for a read of no bytes, under the same conditions as any read."""
        state = self.head(key)
        if state is None:
            raise NotFoundError(f"Could not get {self._uri(key)}: there is no such object")
        if token not in (None, state.token):
            raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer version {token}")
        return state

    def _open(self, request: dict[str, Any]) -> GetObjectOutputTypeDef | None:
        """Return the answer, or None if there is not a byte in the range."""
        from botocore.exceptions import ClientError  # noqa: PLC0415 - loaded already with the client

        try:
            return self._client.get_object(**request)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == _UNSATISFIABLE:
                return None
            raise

    def _chunks(self, key: str, body: StreamingBody, size: int) -> Iterator[bytes]:
        arrived = 0
        with translate("get", self._uri(key)):
            for chunk in body.iter_chunks(CHUNK):
                arrived += len(chunk)
                yield chunk
        if arrived != size:
            raise StoreUnavailableError(f"Could not get {self._uri(key)}: {arrived:,} of {size:,} bytes arrived")

    def _tags(self, key: str, count: int) -> Mapping[str, str]:
        """Return an object's tags, asking for them only if there are any: 1 request then.

        S3 tells how many there are only to who may read them, so an object without tags looks like one whose tags are
        kept from us. Where tags matter, therefore, the first object is asked for its tags in any case.
        """
        if not count and self._tags_seen:
            return {}
        with translate("read the tags of", self._uri(key)):
            answer = self._client.get_object_tagging(Bucket=self._bucket, Key=key)
        self._tags_seen = True
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    def _part_sizes(self, key: str, token: str) -> tuple[int, ...] | None:
        """Return the sizes of the parts that this version was uploaded in, or None if S3 does not say.

        It says so only to who may (`s3:GetObjectAttributes`), and only for uploads with checksums; without the sizes
        such an object is copied UNPROVEN, which is not a reason to fail here.
        """
        sizes: list[int] = []
        marker = 0
        try:
            while True:
                with translate("head", self._uri(key)):
                    answer = self._client.get_object_attributes(
                        Bucket=self._bucket,
                        Key=key,
                        ObjectAttributes=["ETag", "ObjectParts"],
                        PartNumberMarker=marker,
                    )
                page = answer.get("ObjectParts", {})
                sizes += [part["Size"] for part in page.get("Parts", ())]
                if token_of(answer.get("ETag", "")) != token or not sizes:
                    return None
                if not page.get("IsTruncated"):
                    return tuple(sizes)
                marker = int(page["NextPartNumberMarker"])
        except StoreUnavailableError:
            raise
        except (AccessDeniedError, NotFoundError, TransientError):
            return None

    def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing key, which a HEAD answers alike: 1 request per process."""
        if self._bucket_seen:
            return
        try:
            with translate("head", f"s3://{self._bucket}"):
                self._client.head_bucket(Bucket=self._bucket)
        except AccessDeniedError:
            pass  # it exists, and listing it is not granted
        except NotFoundError as error:
            raise BucketNotFoundError(
                f"There is no bucket s3://{self._bucket}",
                hint="Create it, or correct the site's `bucket` in the fleet file",
            ) from error
        self._bucket_seen = True
