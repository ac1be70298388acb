"""Object storage on Google Cloud Storage."""

from __future__ import annotations

import json
import secrets
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from typing import Any, Literal

from tradewind.clouds.gcp.clients import open_wire
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import check_key, check_metadata, encode_user
from tradewind.clouds.gcp.states import PLAIN_TYPE, Hearsay, by_headers, by_resource, summary_of, was_inflated
from tradewind.clouds.gcp.wire import GcsWire, json_target, xml_target
from tradewind.clouds.http import Answer, AnswerError, Body
from tradewind.clouds.telling import told
from tradewind.errors import (
    AccessDeniedError,
    BucketNotFoundError,
    NotFoundError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.fleet import GcpSite
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

CHUNK = 1024 * 1024
EXACT = 8 * 1024 * 1024
"""Bytes of an object beside which a request counts for nothing, so that nothing is left to what headers may lose."""
_NO_OBJECT = ("No such object", "specified key does not exist")
_UNSATISFIABLE = 416
_LISTED = "items(name,generation,size,timeCreated),nextPageToken"


def open_store(site: GcpSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> GcsStore:
    """Return the store of a site's bucket, or of another `bucket` of the same site."""
    return GcsStore(open_wire(site, credentials), bucket or site.bucket)


class GcsStore:
    """One bucket (see `ports.ObjectStore`); tokens are generations.

    Args:
        wire: Shared by the stores of a process.
        bucket: Its name.
    """

    checksum: Literal["crc32c"] = "crc32c"
    keeps_tags = False

    def __init__(self, wire: GcsWire, bucket: str) -> None:
        self._wire = wire
        self._bucket = bucket
        self._bucket_seen = False
        self._hearsay = Hearsay()

    def check_key(self, key: str) -> None:
        """Refuse what Cloud Storage cannot hold."""
        check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """Refuse what Cloud Storage cannot hold."""
        check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """Return the key's state: 1 request."""
        check_key(key)
        try:
            with self._absence_told(), translate("head", self._uri(key)):
                state = by_resource(self._json("GET", json_target(self._bucket, key)))
        except NotFoundError:
            return None
        self._hearsay.confirm(state)
        return state

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading: 1 request, whose answer tells the state in its headers.

        It is 1 more where headers cannot tell it, for an object that is stored as gzip, for a read of no bytes, and for
        a large object whose state nobody has seen yet.
        """
        check_key(key)
        with ExitStack() as connection:
            answer = None if length == 0 else self._open(key, token, _range(start, length), connection)
            if answer is None:  # the range begins at the end, or behind it
                yield Download(self._present(key, token), iter(()))
                return
            generation = answer.headers.get("x-goog-generation")
            if token not in (None, generation):  # an emulator knows no condition of a read
                raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer generation {token}")
            state = None if self._hearsay.doubts(key) else by_headers(key, answer.headers)
            if state is None or (token is None and state.size > EXACT):
                state = self._present(key, generation)
            else:
                self._hearsay.tell(state)
            end = state.size if length is None else min(state.size, start + length)
            yield Download(state, self._chunks(key, answer, end - start))

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
        condition = {"uploadType": "multipart", "ifGenerationMatch": self._generation(key, expect)}
        form_type, form = _related(fields, metadata.content_type or PLAIN_TYPE, body)
        with self._bucket_required(), translate("put", self._uri(key)):
            target = json_target(self._bucket, query=condition, upload=True)
            written = self._json("POST", target, headers={"Content-Type": form_type}, body=form)
        return PutReceipt(str(written["generation"]))

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; in a bucket with versions the generation becomes noncurrent."""
        check_key(key)
        target = json_target(self._bucket, key, {"ifGenerationMatch": self._generation(key, expect)})
        with self._absence_told(), translate("delete", self._uri(key)), self._wire.request("DELETE", target):
            pass

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page, in the order of the keys' UTF-8 bytes; Cloud Storage gives at most 1,000 objects."""
        query = {"prefix": prefix, "pageToken": cursor or "", "maxResults": str(limit), "fields": _LISTED}
        with self._bucket_required(), translate("list", self._uri(prefix)):
            page = self._json("GET", json_target(self._bucket, query=query))
        return ObjectPage(tuple(map(summary_of, page.get("items", ()))), page.get("nextPageToken") or None)

    def _uri(self, key: str) -> str:
        return f"gs://{self._bucket}/{told(key)}"

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
    def _absence_told(self, key: str | None = None) -> Iterator[None]:
        """Tell a missing bucket from a missing key where the answer does not, with 1 request per process.

        Args:
            key: Of a read under a condition, which fails, too, if there is no object.
        """
        try:
            yield
        except NotFoundError as error:
            if not self._bucket_seen and not any(phrase in error.message for phrase in _NO_OBJECT):
                self._look_for_bucket()
            raise
        except PreconditionFailedError as error:
            if key is not None and self.head(key) is None:
                raise NotFoundError(error.message) from error
            raise

    def _look_for_bucket(self) -> None:
        with suppress(AccessDeniedError):  # it exists, and listing it is not granted
            self.list(limit=1)
        self._bucket_seen = True

    def _generation(self, key: str, expect: str | None) -> str:
        """Return the generation to match; 0 means that there is no object."""
        if expect is None:
            return "0"
        if not expect.isdecimal():
            raise PreconditionFailedError(f"{self._uri(key)} never had generation {expect!r}")
        return expect

    def _json(self, method: str, target: str, *, headers: Mapping[str, str] | None = None, body: Body = b"") -> Any:  # noqa: ANN401 - as JSON is
        with self._wire.request(method, target, headers=headers, body=body) as answer:
            try:
                return json.loads(answer.read())
            except ValueError as error:
                raise StoreUnavailableError(f"Cloud Storage answered something else than JSON: {error}") from error

    def _open(self, key: str, token: str | None, ranged: Mapping[str, str], connection: ExitStack) -> Answer | None:
        """Open the bytes as they are stored, or return None if there is not one in the range.

        An object that is stored as gzip is inflated on the way unless gzip is accepted, and any other might be deflated
        if it is (https://cloud.google.com/storage/docs/transcoding). Few are stored so, so they are asked for twice.
        """
        headers = {"Accept-Encoding": "identity", **ranged}
        if token is not None:
            headers["x-goog-if-generation-match"] = self._generation(key, token)
        with self._absence_told(key), translate("get", self._uri(key)):
            try:
                answer = connection.enter_context(self._read(key, headers))
                if was_inflated(answer.headers):
                    connection.close()
                    headers["Accept-Encoding"] = "gzip"
                    headers["x-goog-if-generation-match"] = answer.headers["x-goog-generation"]
                    answer = connection.enter_context(self._read(key, headers))
            except AnswerError as error:
                if error.status == _UNSATISFIABLE:
                    return None
                raise
        return answer

    def _read(self, key: str, headers: Mapping[str, str]) -> AbstractContextManager[Answer]:
        return self._wire.request("GET", xml_target(self._bucket, key), headers=headers)

    def _present(self, key: str, token: str | None) -> ObjectState:
        """Return what the resource tells, under the same conditions as any read."""
        state = self.head(key)
        if state is None:
            raise NotFoundError(f"Could not get {self._uri(key)}: there is no such object")
        if token not in (None, state.token):
            raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer generation {token}")
        return state

    def _chunks(self, key: str, answer: Answer, size: int) -> Iterator[bytes]:
        arrived = 0
        with translate("get", self._uri(key)):
            for chunk in answer.chunks(CHUNK):
                arrived += len(chunk)
                yield chunk
        if arrived != size:
            raise StoreUnavailableError(f"Could not get {self._uri(key)}: {arrived:,} of {size:,} bytes arrived")


def _range(start: int, length: int | None) -> Mapping[str, str]:
    if not start and length is None:
        return {}
    return {"Range": f"bytes={start}-{'' if length is None else start + length - 1}"}


def _related(fields: Mapping[str, Any], media_type: str, body: bytes) -> tuple[str, tuple[bytes, ...]]:
    """Return a `multipart/related` body of a resource and its bytes, which are not copied, and the type of it."""
    boundary = secrets.token_hex(16)
    resource = json.dumps({name: value for name, value in fields.items() if value})
    opening = f"--{boundary}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{resource}"
    between = f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n\r\n"
    closing = f"\r\n--{boundary}--\r\n"
    return f'multipart/related; boundary="{boundary}"', ((opening + between).encode(), body, closing.encode())
