"""Object storage on Azure Blob Storage (block blobs of a flat namespace)."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from hashlib import md5 as md5_of
from typing import TYPE_CHECKING, Any, Literal
from uuid import uuid4

from tradewind.clouds.azure.clients import open_client
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.limits import check_key, check_metadata, encode_user
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.states import state_of, summary_of, token_of
from tradewind.errors import NotFoundError, PreconditionFailedError, StoreUnavailableError
from tradewind.fleet import CLIENT_REQUEST, AzureSite
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse
    from azure.storage.blob import BlobServiceClient
    from azure.storage.blob._generated.operations import BlobOperations

_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")
_UNSATISFIABLE = 416


def open_store(site: AzureSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> BlobStore:
    """Return the store of a site's container, or of another container (`bucket`) of the same account."""
    return BlobStore(open_client(site, credentials), site.account, bucket or site.container)


class BlobStore:
    """One container (see `ports.ObjectStore`); tokens are ETags.

    Args:
        client: Shared by the stores of a process.
        account: Its name, for messages.
        container: Its name.
    """

    checksum: Literal["md5"] = "md5"
    keeps_tags = True

    def __init__(self, client: BlobServiceClient, account: str, container: str) -> None:
        self._container = client.get_container_client(container)
        self._lists = BlockLists(client, account, container)
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
        """Open the object for reading: 1 request, and one more for a blob that has tags."""
        check_key(key)
        if length == 0:
            yield Download(self._present(key, token), iter(()))
            return
        options: dict[str, Any] = {"headers": {"If-Match": f'"{token}"'}} if token is not None else {}
        if start or length is not None:
            options["range"] = f"bytes={start}-{'' if length is None else start + length - 1}"
        with self._absence_told(key), translate("get", self._uri(key)):
            answer = self._open(key, options)
        if answer is None:  # the range begins at the end, or behind it
            yield Download(self._present(key, token), iter(()))
            return
        headers, stream, response = answer
        with closing(response):
            yield Download(self._state(key, headers), self._chunks(key, stream, int(headers["Content-Length"])))

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
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded already with the client
        from azure.storage.blob import ContentSettings  # noqa: PLC0415 - likewise

        check_key(key)
        check_metadata(metadata)
        digest = md5_of(body, usedforsecurity=False).digest() if md5 is None else md5
        condition: dict[str, Any] = {}
        if expect is not None:
            condition = {"etag": f'"{expect}"', "match_condition": MatchConditions.IfNotModified}
        try:
            with translate("put", self._uri(key)):
                answer = self._container.get_blob_client(key).upload_blob(
                    body,
                    overwrite=False,  # without a condition of ours: If-None-Match: *
                    metadata=encode_user(metadata),
                    content_settings=ContentSettings(
                        content_type=metadata.content_type,
                        content_encoding=metadata.content_encoding,
                        content_language=metadata.content_language,
                        content_disposition=metadata.content_disposition,
                        cache_control=metadata.cache_control,
                        content_md5=bytearray(digest),
                    ),
                    headers={"Content-MD5": b64encode(digest).decode()},
                    tags=dict(metadata.tags) or None,
                    **condition,
                )
        except NotFoundError as error:
            if expect is None:
                raise
            raise PreconditionFailedError(error.message) from error
        return PutReceipt(token_of(str(answer["etag"])))

    def delete(self, key: str, *, expect: str) -> None:
        """Delete under a condition; a blob that has snapshots is not deleted.

        The request bears an id of ours, which the event of the delete repeats: so it is not taken for a user's.
        """
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded already with the client

        check_key(key)
        with self._absence_told(key), translate("delete", self._uri(key)):
            self._container.get_blob_client(key).delete_blob(
                etag=f'"{expect}"',
                match_condition=MatchConditions.IfNotModified,
                client_request_id=f"{CLIENT_REQUEST}{uuid4()}",
            )

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return one page; Azure gives at most 5,000 objects."""
        with translate("list", self._uri(prefix)):
            listing = self._container.list_blobs(name_starts_with=prefix or None, results_per_page=limit)
            pages: Any = listing.by_page(continuation_token=cursor)
            objects = tuple(summary_of(blob) for blob in next(pages, ()))
            return ObjectPage(objects, pages.continuation_token or None)

    def _uri(self, key: str) -> str:
        return f"{self._place}/{_ASCII_CONTROL.sub('?', key)}"

    def _operations(self, key: str) -> BlobOperations:
        # The public `download_blob` has read 32 MiB before it returns, asks twice for an empty blob, and needs a range;
        # the generated operations under it do one plain request and leave the body on the wire.
        operations: BlobOperations = self._container.get_blob_client(key)._client.blob  # noqa: SLF001 - see above
        return operations

    def _state(self, key: str, headers: Mapping[str, str]) -> ObjectState:
        tags: Mapping[str, str] = {}
        if int(headers.get("x-ms-tag-count") or 0):
            with translate("read the tags of", self._uri(key)):
                tags = self._container.get_blob_client(key).get_blob_tags()
        return self._lists.with_checksums(state_of(key, headers, tags))

    def _look(self, key: str) -> ObjectState:
        with translate("head", self._uri(key)):
            headers = self._headers(key)
        return self._state(key, headers)

    def _headers(self, key: str) -> Mapping[str, str]:
        answer: Any = self._operations(key).get_properties(cls=_headers)
        headers: Mapping[str, str] = answer
        return headers

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

    def _open(self, key: str, options: dict[str, Any]) -> tuple[Mapping[str, str], Iterator[bytes], Any] | None:
        """Return headers, bytes as they are stored, and what to close; None if there is not a byte in the range."""
        from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - loaded already with the client

        try:
            answer: Any = self._operations(key).download(cls=_stream, decompress=False, **options)
        except HttpResponseError as error:
            if error.status_code == _UNSATISFIABLE:
                return None
            raise
        headers, stream = answer
        return headers, stream, stream.response.internal_response

    def _chunks(self, key: str, stream: Iterator[bytes], size: int) -> Iterator[bytes]:
        arrived = 0
        with translate("get", self._uri(key)):
            for chunk in stream:
                arrived += len(chunk)
                yield chunk
        if arrived != size:
            raise StoreUnavailableError(f"Could not get {self._uri(key)}: {arrived:,} of {size:,} bytes arrived")


def _headers(response: PipelineResponse[Any, Any], _body: object, _fields: object) -> Any:  # noqa: ANN401 - the SDK's
    return response.http_response.headers


def _stream(
    response: PipelineResponse[Any, Any], body: Iterator[bytes], _fields: object
) -> tuple[Any, Iterator[bytes]]:
    return response.http_response.headers, body
