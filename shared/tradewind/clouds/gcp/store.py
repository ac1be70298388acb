"""Object storage on Google Cloud Storage, over its JSON API."""

from __future__ import annotations

import json
import re
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tradewind.clouds.gcp.clients import TIMEOUT, GcsClient, open_client
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import check_key, check_metadata, encode_user
from tradewind.clouds.gcp.states import state_of, summary_of
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.fleet import GcpSite
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

if TYPE_CHECKING:
    from requests import Response

CHUNK = 1024 * 1024
_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")
_NO_OBJECT = "No such object"
_LISTED = "items(name,generation,size,timeCreated),nextPageToken"


def open_store(site: GcpSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> GcsStore:
    """Return the store of a site's bucket, or of another `bucket` of the same site."""
    return GcsStore(open_client(site, credentials), bucket or site.bucket)


class GcsStore:
    """One bucket (see `ports.ObjectStore`); tokens are generations.

    Args:
        client: Shared by the stores of a process.
        bucket: Its name.
    """

    checksum: Literal["crc32c"] = "crc32c"
    keeps_tags = False

    def __init__(self, client: GcsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._bucket_seen = False

    def check_key(self, key: str) -> None:
        """Refuse what Cloud Storage cannot hold."""
        check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """Refuse what Cloud Storage cannot hold."""
        check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """Return the key's state: 1 request."""
        check_key(key)
        blob = self._client.sdk.bucket(self._bucket).blob(key)
        try:
            with self._absence_told(), translate("head", self._uri(key)):
                blob.reload(timeout=TIMEOUT, retry=None)
        except NotFoundError:
            return None
        return state_of(blob)

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading: 1 request for its state, and 1 for its bytes once they are asked for.

        Only the object's resource has the user metadata. The bytes are those of the generation that it showed; if that
        is gone by then, the chunks raise `PreconditionFailedError`, or `NotFoundError` if the key is.
        """
        state = self.head(key)
        if state is None:
            raise NotFoundError(f"Could not get {self._uri(key)}: there is no such object")
        if token not in (None, state.token):
            raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer generation {token}")
        end = state.size if length is None else min(state.size, start + length)
        with ExitStack() as connection:
            yield Download(state, self._chunks(state, start, end, connection))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write the whole object in 1 request; Cloud Storage compares the bytes with the checksums that are given."""
        check_key(key)
        check_metadata(metadata)
        fields = {
            "name": key,
            "contentType": metadata.content_type,
            "contentEncoding": metadata.content_encoding,
            "contentLanguage": metadata.content_language,
            "contentDisposition": metadata.content_disposition,
            "cacheControl": metadata.cache_control,
            "metadata": encode_user(metadata),
            "crc32c": b64encode(crc32c.to_bytes(4)).decode(),
            "md5Hash": b64encode(md5).decode() if md5 is not None else None,
        }
        resource = {name: value for name, value in fields.items() if value}
        form = _Related(resource, metadata.content_type or "application/octet-stream", body)
        with self._bucket_required(), translate("put", self._uri(key)):
            response = self._client.session.request(
                "POST",
                self._client.url("upload", self._bucket),
                params={"uploadType": "multipart", "ifGenerationMatch": self._generation(key, expect)},
                data=form,
                headers={"Content-Type": form.content_type},
                timeout=TIMEOUT,
            )
            _require_success(response)
        return PutReceipt(str(response.json()["generation"]))

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; in a bucket with versions the generation becomes noncurrent."""
        check_key(key)
        generation = int(self._generation(key, expect))
        with self._absence_told(), translate("delete", self._uri(key)):
            blob = self._client.sdk.bucket(self._bucket).blob(key)
            blob.delete(if_generation_match=generation, timeout=TIMEOUT, retry=None)

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page, in the order of the keys' UTF-8 bytes; Cloud Storage gives at most 1,000 objects."""
        with self._bucket_required(), translate("list", self._uri(prefix)):
            listing = self._client.sdk.list_blobs(
                self._bucket,
                prefix=prefix or None,
                page_token=cursor,
                page_size=limit,
                fields=_LISTED,
                timeout=TIMEOUT,
                retry=None,
            )
            page = next(listing.pages, ())
            return ObjectPage(tuple(summary_of(blob) for blob in page), listing.next_page_token or None)

    def _uri(self, key: str) -> str:
        return f"gs://{self._bucket}/{_ASCII_CONTROL.sub('?', key)}"

    @contextmanager
    def _bucket_required(self) -> Iterator[None]:
        """Read "not found" as what it means to a call that needs the bucket only."""
        try:
            yield
        except NotFoundError as error:
            raise BucketNotFoundError(
                f"There is no bucket gs://{self._bucket}",
                hint="Create it, or correct the site's `bucket` in the fleet file",
            ) from error

    @contextmanager
    def _absence_told(self) -> Iterator[None]:
        """Tell a missing bucket from a missing key where the answer does not: 1 request per process."""
        try:
            yield
        except NotFoundError as error:
            if _NO_OBJECT not in error.message and not self._bucket_seen:
                with suppress(AccessDeniedError):  # it exists, and listing it is not granted
                    self.list(limit=1)
                self._bucket_seen = True
            raise

    def _generation(self, key: str, expect: str | None) -> str:
        """Return the generation to match; 0 means that there is no object."""
        if expect is None:
            return "0"
        if not expect.isdecimal():
            raise PreconditionFailedError(f"{self._uri(key)} never had generation {expect!r}")
        return expect

    def _chunks(self, state: ObjectState, start: int, end: int, connection: ExitStack) -> Iterator[bytes]:
        """Request bytes `start` to `end` when the first is asked for, and yield them as they are stored."""
        if start >= end:
            return
        # An object that is stored as gzip is inflated on the way unless gzip is accepted; any other might be deflated
        # on the way if it is (https://cloud.google.com/storage/docs/transcoding).
        headers = {"Accept-Encoding": "gzip" if state.metadata.content_encoding else "identity"}
        if end - start < state.size:
            headers["Range"] = f"bytes={start}-{end - 1}"
        arrived = 0
        with translate("get", self._uri(state.key)):
            try:
                response = self._client.session.request(
                    "GET",
                    self._client.url("download", self._bucket, state.key),
                    params={"alt": "media", "generation": state.token},
                    headers=headers,
                    timeout=TIMEOUT,
                    stream=True,
                )
                connection.callback(response.close)
                _require_success(response)
            except Exception as error:
                self._explain_loss(state, error)
                raise
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                arrived += len(chunk)
                yield chunk
        if arrived != end - start:
            raise StoreUnavailableError(
                f"Could not get {self._uri(state.key)}: {arrived:,} of {end - start:,} bytes arrived"
            )

    def _explain_loss(self, state: ObjectState, error: Exception) -> None:
        """Raise `PreconditionFailedError` if the generation that was being read has been replaced."""
        from google.api_core.exceptions import NotFound  # noqa: PLC0415 - loaded already with the client

        if isinstance(error, NotFound) and self.head(state.key) is not None:
            raise PreconditionFailedError(
                f"Could not get {self._uri(state.key)}: generation {state.token} was replaced meanwhile"
            ) from error


def _require_success(response: Response) -> None:
    if not response.ok:
        from google.api_core.exceptions import from_http_response  # noqa: PLC0415 - loaded already with the client

        raise from_http_response(response)


@dataclass(frozen=True, slots=True)
class _Related:
    """A `multipart/related` body of a resource and its bytes, sent without a copy of them; can be sent again."""

    resource: Mapping[str, Any]
    media_type: str
    body: bytes
    boundary: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "boundary", secrets.token_hex(16))

    @property
    def content_type(self) -> str:
        return f'multipart/related; boundary="{self.boundary}"'

    def __len__(self) -> int:
        return len(self._head) + len(self.body) + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        yield self._head
        yield self.body
        yield self._tail

    @property
    def _head(self) -> bytes:
        opening = f"--{self.boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n"
        between = f"\r\n--{self.boundary}\r\nContent-Type: {self.media_type}\r\n\r\n"
        return opening.encode() + json.dumps(self.resource).encode() + between.encode()

    @property
    def _tail(self) -> bytes:
        return f"\r\n--{self.boundary}--\r\n".encode()
