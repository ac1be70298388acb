"""Object storage on Amazon S3."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote, urlencode

from tradewind.clouds.aws.answers import UploadedPart, parts_of, tags_of
from tradewind.clouds.aws.clients import open_client, open_wire
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.late import resolved
from tradewind.clouds.aws.limits import check_key, check_metadata, encode_user
from tradewind.clouds.aws.states import DIRECTORY_BUCKET, USER, state_of, summary_of, token_of
from tradewind.clouds.aws.wire import S3Wire
from tradewind.clouds.http import Answer, AnswerError
from tradewind.clouds.telling import told
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
    from mypy_boto3_s3 import S3Client

CHUNK = 1024 * 1024
CHECKSUMS = {"x-amz-checksum-mode": "ENABLED"}
"""Asks for the checksums that S3 keeps."""
_UNSATISFIABLE = 416


def open_store(site: AwsSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> S3Store:
    """Return the store of a site's bucket, or of another `bucket` of the same site, whose tags mean nothing to us."""
    name = bucket or site.bucket
    wire = open_wire(site, credentials, name)
    return S3Store(wire, partial(open_client, site, credentials), name, require_tags=bucket is None)


class S3Store:
    """One bucket (see `ports.ObjectStore`).

    Args:
        wire: Sends what is asked for every object.
        client: Opens boto3's client, for the rest.
        bucket: Its name.
        require_tags: Fail, once per process, where nobody may read the tags of objects (see `_tags`).
    """

    checksum: Literal["crc32c"] = "crc32c"
    keeps_tags = True

    def __init__(
        self, wire: S3Wire, client: Callable[[], S3Client], bucket: str, *, require_tags: bool = False
    ) -> None:
        self._wire = wire
        self._open_client = client
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
            with translate("head", self._uri(key)), self._wire.request("HEAD", key, headers=CHECKSUMS) as answer:
                headers = answer.headers
            return self._state(key, headers)
        except NotFoundError:
            self._require_bucket()
            return None

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading: 1 request, and others as for `head`; for a range, just the 1."""
        check_key(key)
        if length == 0:
            yield Download(self._present(key, token), iter(()))
            return
        ranged = bool(start) or length is not None
        headers = {} if ranged else dict(CHECKSUMS)
        if token is not None:
            headers["if-match"] = f'"{token}"'
        if ranged:
            headers["range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with ExitStack() as opened:
            with translate("get", self._uri(key)):
                answer = self._open(opened, key, headers)
            if answer is None:  # the range begins at the end, or behind it
                yield Download(self._present(key, token), iter(()))
                return
            state = self._outline(key, answer.headers) if ranged else self._state(key, answer.headers)
            yield Download(state, self._chunks(key, answer))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write the whole object in 1 request; S3 compares the bytes with `crc32c`, and with `md5` if it is given."""
        check_key(key)
        check_metadata(metadata)
        headers = {
            **described(metadata),
            **({"if-none-match": "*"} if expect is None else {"if-match": f'"{expect}"'}),
            "x-amz-sdk-checksum-algorithm": "CRC32C",
            "x-amz-checksum-crc32c": b64encode(crc32c.to_bytes(4)).decode(),
        }
        if md5 is not None:
            headers["content-md5"] = b64encode(md5).decode()
        try:
            with translate("put", self._uri(key)), self._wire.request("PUT", key, headers=headers, body=body) as answer:
                answer.read()
        except NotFoundError as error:
            if expect is None:
                raise
            # S3 says so when If-Match meets a key that does not exist.
            raise PreconditionFailedError(error.message) from error
        return PutReceipt(token_of(answer.headers["etag"]))

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; in a bucket with versions this leaves a delete marker."""
        check_key(key)
        headers = {"if-match": f'"{expect}"'}
        with translate("delete", self._uri(key)), self._wire.request("DELETE", key, headers=headers) as answer:
            answer.read()

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page, in the order of the keys' UTF-8 bytes; S3 gives at most 1,000 objects."""
        position: dict[str, Any] = {"ContinuationToken": cursor} if cursor is not None else {}
        with translate("list", self._uri(prefix)):
            answer = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, MaxKeys=limit, **position)
        objects = tuple(summary_of(entry) for entry in answer.get("Contents", ()))
        return ObjectPage(objects, answer.get("NextContinuationToken"))

    @cached_property
    def _client(self) -> S3Client:
        return self._open_client()

    def _uri(self, key: str) -> str:
        return f"s3://{self._bucket}/{told(key)}"

    def _state(self, key: str, headers: Mapping[str, str]) -> ObjectState:
        tags = self._tags(key, int(headers.get("x-amz-tagging-count", 0)))
        state = state_of(self._bucket, key, headers, lambda token: self._parts(key, token), tags)
        return resolved(state, self._beside)

    def _outline(self, key: str, headers: Mapping[str, str]) -> ObjectState:
        """Return the state as far as the headers alone tell it."""
        return resolved(state_of(self._bucket, key, headers, lambda _: None, {}), lambda _: None)

    def _beside(self, key: str) -> bytes | None:
        """Return what of an object's metadata came late, or None if it is gone: 1 request."""
        with (
            suppress(NotFoundError),
            translate("get", self._uri(key)),
            self._wire.request("GET", key) as answer,
        ):
            return answer.read()
        return None

    def _present(self, key: str, token: str | None) -> ObjectState:
        """Return the state for a read of no bytes, under the same conditions as any read."""
        state = self.head(key)
        if state is None:
            raise NotFoundError(f"Could not get {self._uri(key)}: there is no such object")
        if token not in (None, state.token):
            raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer version {token}")
        return state

    def _open(self, opened: ExitStack, key: str, headers: Mapping[str, str]) -> Answer | None:
        """Return the answer, which `opened` closes, or None if there is not a byte in the range."""
        try:
            return opened.enter_context(self._wire.request("GET", key, headers=headers))
        except AnswerError as error:
            if error.status == _UNSATISFIABLE:
                return None
            raise

    def _chunks(self, key: str, answer: Answer) -> Iterator[bytes]:
        with translate("get", self._uri(key)):
            yield from answer.chunks(CHUNK)

    def _tags(self, key: str, count: int) -> Mapping[str, str]:
        """Return an object's tags, asking for them only if there are any: 1 request then.

        S3 tells how many there are only to who may read them, so an object without tags looks like one whose tags are
        kept from us. Where tags matter, therefore, the first object is asked for its tags in any case.
        """
        if not count and self._tags_seen:
            return {}
        with (
            translate("read the tags of", self._uri(key)),
            self._wire.request("GET", key, query={"tagging": ""}) as answer,
        ):
            tags = tags_of(answer.read())
        self._tags_seen = True
        return tags

    def _parts(self, key: str, token: str) -> tuple[UploadedPart, ...] | None:
        """Return the parts that this version was uploaded in, or None if S3 does not say.

        It says so only to who may (`s3:GetObjectAttributes`), and only for uploads with checksums; without them
        such an object is copied UNPROVEN, which is not a reason to fail here.
        """
        parts: tuple[UploadedPart, ...] = ()
        headers = {"x-amz-object-attributes": "ETag,ObjectParts"}
        try:
            while True:
                with (
                    translate("head", self._uri(key)),
                    self._wire.request("GET", key, query={"attributes": ""}, headers=headers) as answer,
                ):
                    page = parts_of(answer.read())
                parts += page.parts
                if token_of(page.etag) != token or not parts:
                    return None
                if page.next_marker is None:
                    return parts
                headers["x-amz-part-number-marker"] = page.next_marker
        except StoreUnavailableError:
            raise
        except (AccessDeniedError, NotFoundError, TransientError):
            return None

    def _require_bucket(self) -> None:
        """Tell a missing bucket from a missing key, which a HEAD answers alike: 1 request per process."""
        if self._bucket_seen:
            return
        try:
            with translate("head", f"s3://{self._bucket}"), self._wire.request("HEAD"):
                pass
        except AccessDeniedError:
            pass  # it exists, and listing it is not granted
        except NotFoundError as error:
            raise BucketNotFoundError(
                f"There is no bucket s3://{self._bucket}",
                hint="Create it, or correct the site's `bucket` in the fleet file",
            ) from error
        self._bucket_seen = True


def described(metadata: Metadata) -> dict[str, str]:
    """Return the headers that an object is written with; one without tags needs no right to write them."""
    fields = {
        "content-type": metadata.content_type,
        "content-encoding": metadata.content_encoding,
        "content-language": metadata.content_language,
        "content-disposition": metadata.content_disposition,
        "cache-control": metadata.cache_control,
        "x-amz-tagging": urlencode(metadata.tags, quote_via=quote),
    }
    user = {USER + name: value for name, value in encode_user(metadata).items()}
    return {name: value for name, value in fields.items() if value} | user
