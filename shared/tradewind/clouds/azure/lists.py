"""The calls of Azure Blob Storage by which blocks are sent, listed and joined.

https://learn.microsoft.com/rest/api/storageservices/operations-on-block-blobs
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tradewind.clouds.azure.blocks import checksums_of_blocks
from tradewind.clouds.azure.clients import open_client
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.limits import encode_user
from tradewind.clouds.azure.states import token_of
from tradewind.errors import NotFoundError, PreconditionFailedError
from tradewind.fleet import AzureSite
from tradewind.ports import PROVENANCE_KEY, Metadata, ObjectState

if TYPE_CHECKING:
    from azure.core.pipeline import PipelineResponse
    from azure.storage.blob import BlobServiceClient
    from azure.storage.blob._generated.operations import BlockBlobOperations

_NAMES_MD5 = '"md5":'
_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")


def open_lists(site: AzureSite, credentials: Mapping[str, str] | None, container: str) -> BlockLists:
    """Return the block lists of the blobs of a container of a site's account."""
    return BlockLists(open_client(site, credentials), site.account, container)


class BlockLists:
    """The block lists of one container's blobs.

    Args:
        client: Shared by all of a process.
        account: Its name, for messages.
        container: Its name.
    """

    def __init__(self, client: BlobServiceClient, account: str, container: str) -> None:
        self._container = client.get_container_client(container)
        self._place = f"az://{account}/{container}"

    def uri(self, key: str) -> str:
        """Return how to call a blob in an error."""
        return f"{self._place}/{_ASCII_CONTROL.sub('?', key)}"

    def put_block(self, key: str, name: str, body: bytes, crc64: str) -> None:
        """Send one block; Azure compares its bytes with `crc64`."""
        with translate("put a part of", self.uri(key)):
            self._operations(key).stage_block(name, len(body), body, headers={"x-ms-content-crc64": crc64})  # type: ignore[arg-type] # bytes will do

    def uncommitted(self, key: str) -> Sequence[tuple[str, int]]:
        """Return ids and sizes of the blocks that were sent and not joined yet."""
        with suppress(NotFoundError), translate("list the parts of", self.uri(key)):
            found: Any = self._operations(key).get_block_list(list_type="uncommitted")
            return [(block.name, block.size) for block in found.uncommitted_blocks or ()]
        return []

    def with_checksums(self, state: ObjectState) -> ObjectState:
        """Return a replica's state with the checksums that its blocks' ids carry: 1 request, if it was joined of such.

        Raises:
            PreconditionFailedError: It was replaced meanwhile.
            NotFoundError: It is gone.
        """
        # Provenance names an MD5 wherever there is one to name; of small blobs Azurite makes one up as it sends them.
        if _NAMES_MD5 in state.metadata.user.get(PROVENANCE_KEY, _NAMES_MD5):
            return state
        uri = self.uri(state.key)
        with translate("head", uri):
            found: Any = self._operations(state.key).get_block_list(list_type="committed", cls=_with_headers)
        headers, listed = found
        if token_of(headers["etag"]) != state.token:
            raise PreconditionFailedError(f"Could not head {uri}: it was replaced meanwhile")
        checksums = checksums_of_blocks([(block.name, block.size) for block in listed.committed_blocks or ()])
        return replace(state, checksums=checksums or state.checksums)

    def commit(self, key: str, names: Sequence[str], metadata: Metadata, expect: str | None) -> str:
        """Join blocks under a condition, and return the blob's token.

        Raises:
            PreconditionFailedError: It is not met.
            NotFoundError: A block is gone.
        """
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded already with the client
        from azure.storage.blob import BlobBlock, ContentSettings  # noqa: PLC0415 - likewise

        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if expect is not None:
            condition = {"etag": f'"{expect}"', "match_condition": MatchConditions.IfNotModified}
        with translate("join the parts of", self.uri(key)):
            answer = self._container.get_blob_client(key).commit_block_list(
                [BlobBlock(b64decode(name).decode()) for name in names],
                metadata=encode_user(metadata),
                content_settings=ContentSettings(
                    content_type=metadata.content_type,
                    content_encoding=metadata.content_encoding,
                    content_language=metadata.content_language,
                    content_disposition=metadata.content_disposition,
                    cache_control=metadata.cache_control,
                ),
                tags=dict(metadata.tags) or None,
                **condition,
            )
        return token_of(str(answer["etag"]))

    def token(self, key: str) -> str | None:
        """Return the blob's token, or None if there is none."""
        with suppress(NotFoundError), translate("head", self.uri(key)):
            return token_of(str(self._container.get_blob_client(key).get_blob_properties().etag))
        return None

    def _operations(self, key: str) -> BlockBlobOperations:
        # The public calls decode the ids of other people's blocks as text, which they need not be.
        operations: BlockBlobOperations = self._container.get_blob_client(key)._client.block_blob  # noqa: SLF001 - see above
        return operations


def _with_headers(response: PipelineResponse[Any, Any], body: object, _fields: object) -> Any:  # noqa: ANN401 - the SDK's
    return response.http_response.headers, body
