"""The calls of Azure Blob Storage by which blocks are sent, listed and joined.

https://learn.microsoft.com/rest/api/storageservices/operations-on-block-blobs
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from tradewind.clouds.azure.blocks import checksums_of_blocks
from tradewind.clouds.azure.clients import open_wire
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.states import condition, headers_of, token_of
from tradewind.clouds.azure.wire import BlobWire, blob_target
from tradewind.clouds.telling import told
from tradewind.clouds.understood import understood
from tradewind.errors import NotFoundError, PreconditionFailedError
from tradewind.fleet import AzureSite
from tradewind.ports import PROVENANCE_KEY, Metadata, ObjectState

_NAMES_MD5 = '"md5":'


def open_lists(site: AzureSite, credentials: Mapping[str, str] | None, container: str) -> BlockLists:
    """Return the block lists of the blobs of a container of a site's account."""
    return BlockLists(open_wire(site, credentials), site.account, container)


class BlockLists:
    """The block lists of one container's blobs.

    Args:
        wire: Shared by all of a process.
        account: Its name, for messages.
        container: Its name.
    """

    def __init__(self, wire: BlobWire, account: str, container: str) -> None:
        self._wire = wire
        self._container = container
        self._place = f"az://{account}/{container}"

    def uri(self, key: str) -> str:
        """Return how to call a blob in an error."""
        return f"{self._place}/{told(key)}"

    def put_block(self, key: str, name: str, body: bytes, crc64: str) -> None:
        """Send one block; Azure compares its bytes with `crc64`."""
        target = self._target(key, {"comp": "block", "blockid": name})
        with (
            translate("put a part of", self.uri(key)),
            self._wire.request("PUT", target, headers={"x-ms-content-crc64": crc64}, body=body),
        ):
            pass

    def uncommitted(self, key: str) -> Sequence[tuple[str, int]]:
        """Return ids and sizes of the blocks that were sent and not joined yet."""
        with suppress(NotFoundError), translate("list the parts of", self.uri(key)):
            return self._listed(key, "uncommitted")[0]
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
            blocks, token = self._listed(state.key, "committed")
        if token != state.token:
            raise PreconditionFailedError(f"Could not head {uri}: it was replaced meanwhile")
        checksums = checksums_of_blocks(blocks)
        return replace(state, checksums=checksums or state.checksums)

    def commit(self, key: str, names: Sequence[str], metadata: Metadata, expect: str | None) -> str:
        """Join blocks under a condition, and return the blob's token.

        Raises:
            PreconditionFailedError: It is not met.
            NotFoundError: A block is gone.
        """
        latest = "".join(f"<Latest>{name}</Latest>" for name in names)
        body = f'<?xml version="1.0" encoding="utf-8"?><BlockList>{latest}</BlockList>'.encode()
        headers = {"content-type": "application/xml", **headers_of(metadata), **condition(expect)}
        with (
            translate("join the parts of", self.uri(key)),
            self._wire.request("PUT", self._target(key, {"comp": "blocklist"}), headers=headers, body=body) as answer,
        ):
            return token_of(answer.headers["etag"])

    def token(self, key: str) -> str | None:
        """Return the blob's token, or None if there is none."""
        with (
            suppress(NotFoundError),
            translate("head", self.uri(key)),
            self._wire.request("HEAD", self._target(key)) as answer,
        ):
            return token_of(answer.headers["etag"])
        return None

    def _target(self, key: str, query: Mapping[str, str] | None = None) -> str:
        return blob_target(self._container, key, query)

    def _listed(self, key: str, which: str) -> tuple[Sequence[tuple[str, int]], str]:
        """Return ids and sizes of a blob's blocks of one kind, and the token of the blob that is there, if one is."""
        from xml.etree import ElementTree as ET  # noqa: PLC0415 - only large objects have blocks

        # A list may have 100,000 blocks, of this upload and of others.
        parser: ET.XMLPullParser[ET.Element] = ET.XMLPullParser(("end",))
        blocks: list[tuple[str, int]] = []
        target = self._target(key, {"comp": "blocklist", "blocklisttype": which})
        with self._wire.request("GET", target) as answer, understood("list the parts of", self.uri(key)):
            token = token_of(answer.headers.get("etag", ""))
            for chunk in answer.chunks():
                parser.feed(chunk)
                for event in parser.read_events():
                    element = event[-1]
                    if isinstance(element, ET.Element) and element.tag == "Block":
                        blocks.append((element.findtext("Name", ""), int(element.findtext("Size", "0"))))
                        element.clear()
            parser.close()  # which fails if there is not all of it
        return blocks, token
