"""Object storage on Azure Blob Storage (block blobs of a flat namespace)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from hashlib import md5 as md5_of
from typing import Literal
from urllib.parse import quote, urlencode
from uuid import uuid4

from tradewind.clouds.azure.clients import open_wire
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.limits import check_key, check_metadata
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.states import condition, headers_of, page_of, state_of, tags_of, token_of
from tradewind.clouds.azure.wire import BlobWire, blob_target
from tradewind.clouds.http import Answer, AnswerError
from tradewind.clouds.telling import told
from tradewind.errors import NotFoundError, PreconditionFailedError, StoreUnavailableError
from tradewind.fleet import CLIENT_REQUEST, AzureSite
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

LISTING = 64 * 1024 * 1024
"""Bytes of a page of a listing, at most: 5,000 names of 1,024 characters, each of them escaped."""
_UNSATISFIABLE = 416


def open_store(site: AzureSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> BlobStore:
    """Return the store of a site's container, or of another container (`bucket`) of the same account."""
    return BlobStore(open_wire(site, credentials), site.account, bucket or site.container)


class BlobStore:
    """One container (see `ports.ObjectStore`); tokens are ETags.

    Args:
        wire: Shared by the stores of a process.
        account: Its name, for messages.
        container: Its name.
    """

    checksum: Literal["md5"] = "md5"
    keeps_tags = True

    def __init__(self, wire: BlobWire, account: str, container: str) -> None:
        self._wire = wire
        self._name = container
        self._lists = BlockLists(wire, account, container)
        self._place = f"az://{account}/{container}"

    def check_key(self, key: str) -> None:
        """Refuse what Blob Storage cannot hold."""
        check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """Refuse what Blob Storage cannot hold."""
        check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """Return the key's state: 1 request, one more for a blob that has tags, and one for one joined from blocks."""
        check_key(key)
        with suppress(NotFoundError):
            try:
                return self._look(key)
            except PreconditionFailedError:  # it was replaced between the requests
                return self._look(key)
        return None

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """Open the object for reading: 1 request, and more as `head` has."""
        check_key(key)
        headers = {"if-match": f'"{token}"'} if token is not None else {}
        if start or length is not None:
            headers["x-ms-range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with ExitStack() as connection:
            answer = None if length == 0 else self._open(key, headers, connection)
            if answer is None:  # the range begins at the end, or behind it
                yield Download(self._present(key, token), iter(()))
                return
            size = int(answer.headers["content-length"])
            yield Download(self._state(key, answer.headers), self._chunks(key, answer, size))

    def put(
        self,
        key: str,
        body: bytes,
        *,
        metadata: Metadata,
        crc32c: int,  # noqa: ARG002 - of the port; Azure knows no such checksum
        md5: bytes | None,
        expect: str | None,
    ) -> PutReceipt:
        """Write the whole object in 1 request; Azure compares the bytes with their MD5 and keeps that."""
        check_key(key)
        check_metadata(metadata)
        digest = b64encode(md5_of(body, usedforsecurity=False).digest() if md5 is None else md5).decode()
        headers = {"x-ms-blob-type": "BlockBlob", "content-md5": digest, "x-ms-blob-content-md5": digest}
        headers.update(headers_of(metadata))
        headers.update(condition(expect))
        try:
            with translate("put", self._uri(key)), self._request("PUT", key, headers, body) as answer:
                return PutReceipt(token_of(answer.headers["etag"]))
        except NotFoundError as error:
            if expect is None:
                raise
            raise PreconditionFailedError(error.message) from error

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; a blob that has snapshots is not deleted.

        The request bears an id of ours, which the event of the delete repeats: so it is not taken for a user's.
        """
        check_key(key)
        headers = {"x-ms-client-request-id": f"{CLIENT_REQUEST}{uuid4()}", **condition(expect)}
        with self._absence_told(key), translate("delete", self._uri(key)), self._request("DELETE", key, headers):
            pass

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page; Azure gives at most 5,000 objects."""
        query = {
            "restype": "container",
            "comp": "list",
            "prefix": prefix,
            "marker": cursor or "",
            "maxresults": str(limit),
        }
        target = f"/{self._name}?{urlencode({name: value for name, value in query.items() if value}, quote_via=quote)}"
        with translate("list", self._uri(prefix)), self._wire.request("GET", target) as answer:
            return page_of(answer.read(LISTING))

    def _uri(self, key: str) -> str:
        return f"{self._place}/{told(key)}"

    def _request(
        self, method: str, key: str, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> AbstractContextManager[Answer]:
        return self._wire.request(method, blob_target(self._name, key), headers=headers, body=body)

    def _look(self, key: str) -> ObjectState:
        with translate("head", self._uri(key)), self._request("HEAD", key) as answer:
            headers = answer.headers
        return self._state(key, headers)

    def _state(self, key: str, headers: Mapping[str, str]) -> ObjectState:
        tags = self._tags(key) if int(headers.get("x-ms-tag-count") or 0) else {}
        return self._lists.with_checksums(state_of(key, headers, tags))

    def _tags(self, key: str) -> Mapping[str, str]:
        target = blob_target(self._name, key, {"comp": "tags"})
        with translate("read the tags of", self._uri(key)), self._wire.request("GET", target) as answer:
            return tags_of(answer.read())

    @contextmanager
    def _absence_told(self, key: str) -> Iterator[None]:
        """Say `NotFoundError` where a condition failed because there is no blob; 412 may mean either."""
        try:
            yield
        except PreconditionFailedError as error:
            if self.head(key) is None:
                raise NotFoundError(error.message) from error
            raise

    def _present(self, key: str, token: str | None) -> ObjectState:
        """Return the state for a read of no bytes, under the same conditions as any read."""
        state = self.head(key)
        if state is None:
            raise NotFoundError(f"Could not get {self._uri(key)}: there is no such object")
        if token not in (None, state.token):
            raise PreconditionFailedError(f"Could not get {self._uri(key)}: it is no longer version {token}")
        return state

    def _open(self, key: str, headers: Mapping[str, str], connection: ExitStack) -> Answer | None:
        """Open the bytes as they are stored, or return None if there is not one in the range."""
        with self._absence_told(key), translate("get", self._uri(key)):
            try:
                return connection.enter_context(self._request("GET", key, headers))
            except AnswerError as error:
                if error.status == _UNSATISFIABLE:
                    return None
                raise

    def _chunks(self, key: str, answer: Answer, size: int) -> Iterator[bytes]:
        arrived = 0
        with translate("get", self._uri(key)):
            for chunk in answer.chunks():
                arrived += len(chunk)
                yield chunk
        if arrived != size:
            raise StoreUnavailableError(f"Could not get {self._uri(key)}: {arrived:,} of {size:,} bytes arrived")
