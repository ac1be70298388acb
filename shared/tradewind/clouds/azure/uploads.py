"""Uploads in parts to Azure Blob Storage: uncommitted blocks, joined by Put Block List.

Azure has no object for an upload: a blob has one list of uncommitted blocks, of all who write it, which it drops when
any of them writes the blob, and a week after the last block was sent. So an upload is known by its blocks' ids.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Collection, Iterable, Mapping, Sequence
from secrets import token_hex

from tradewind.checksums import crc64nvme, extended
from tradewind.clouds.azure.blocks import Block, block_size, parts_of
from tradewind.clouds.azure.limits import check_key, check_metadata
from tradewind.clouds.azure.lists import BlockLists, open_lists
from tradewind.clouds.azure.pulled import pulled_parts
from tradewind.clouds.pieces import Passing, cut, require_whole
from tradewind.errors import NotFoundError, PreconditionFailedError
from tradewind.fleet import AzureSite
from tradewind.ports import Algorithm, Checksums, Metadata, Part, PartLimits, PutReceipt

# 5,600 parts of 8 blocks stay below the 50,000 blocks that a blob may have.
LIMITS = PartLimits(parts=5600, smallest=1, largest=8 * 4000 * 1024**2, whole=5 * 1024**4)
_ALGORITHMS: Mapping[str, Algorithm] = {"crc32c": "crc32c", "crc64nvme": "crc64nvme", "crc32": "crc32"}
_DIGITS = 16


def open_uploads(site: AzureSite, credentials: Mapping[str, str] | None, *, bucket: str | None = None) -> BlobUploads:
    """Return the uploads into a site's container, or into another container (`bucket`) of the same account."""
    return BlobUploads(open_lists(site, credentials, bucket or site.container))


class BlobUploads:
    """The uploads into one container (see `ports.Uploads`).

    Args:
        lists: The container's.
    """

    limits = LIMITS

    def __init__(self, lists: BlockLists) -> None:
        self._lists = lists

    def begin(
        self,
        key: str,
        *,
        version: str,
        algorithm: Algorithm,
        metadata: Metadata,
        final: bool,  # noqa: ARG002 - of the port; here all metadata is given at the end
    ) -> str:
        """Name an upload: no request. Blocks cannot be removed, so each upload has blocks of its own."""
        check_key(key)
        check_metadata(metadata)
        named = f"{token_hex(8)}\0{version}\0{key}".encode("utf-8", "surrogatepass")
        return f"{algorithm}-{hashlib.blake2b(named, digest_size=_DIGITS // 2).hexdigest()}"

    def put_part(self, key: str, upload: str, number: int, chunks: Iterable[bytes], *, size: int) -> Part:
        """Write the blocks of one part, one request each, and compare them with what Azure received."""
        algorithm, named = read_upload(upload)
        uri = self._lists.uri(key)
        passing = Passing(chunks, size, (), f"part {number} of {uri}")
        each = block_size(size)
        blocks: list[Block] = []
        for data in cut(passing, each):
            block = Block(
                algorithm,
                named,
                part=number,
                number=len(blocks),
                of=-(-size // each),
                size=len(data),
                crc32c=extended("crc32c", 0, data),
                checksum=extended(algorithm, 0, data),
            )
            # Azure spells this checksum with its lowest byte first.
            crc64 = block.checksum if algorithm == "crc64nvme" else crc64nvme(data)
            self._lists.put_block(key, block.id, data, b64encode(crc64.to_bytes(8, "little")).decode())
            blocks.append(block)
        return parts_of(named, blocks)[0]

    def parts(self, key: str, upload: str) -> Sequence[Part]:
        """Return the parts of which all blocks have arrived: 1 request."""
        _, named = read_upload(upload)
        listed = self._lists.uncommitted(key)
        blocks = (Block.read(name, size) for name, size in listed)
        arrived = {part.number: part for part in pulled_parts(named, listed)}
        arrived |= {part.number: part for part in parts_of(named, (block for block in blocks if block is not None))}
        return [part for _, part in sorted(arrived.items())]

    def complete(
        self,
        key: str,
        upload: str,
        parts: Sequence[Part],
        *,
        metadata: Metadata,
        checksums: Checksums,
        expect: str | None,
    ) -> PutReceipt:
        """Join the blocks of all parts: 1 request; Azure removes what else has been sent for the blob."""
        algorithm, _ = read_upload(upload)
        check_metadata(metadata)
        require_whole(algorithm, parts, checksums, subject=self._lists.uri(key))
        names = [name for part in parts for name in part.tag.split(" ")]
        try:
            return PutReceipt(self._lists.commit(key, names, metadata, expect))
        except NotFoundError as error:
            if self._lists.token(key) != expect:
                raise PreconditionFailedError(error.message) from error
            raise

    def abort(self, key: str, upload: str) -> None:
        """Do nothing: Azure has no call that removes blocks. It drops them when the blob is written, or in a week."""

    def needs(self, key: str, live: Collection[str]) -> bool:  # noqa: ARG002 - of the port; nothing is left beside objects here
        """Say yes: whatever is there is none of ours."""
        return True


def read_upload(upload: str) -> tuple[Algorithm, str]:
    """Return the algorithm of an upload, and how its blocks name it.

    Raises:
        NotFoundError: It is no upload's id.
    """
    name, _, named = upload.partition("-")
    if name not in _ALGORITHMS or len(named) != _DIGITS:
        raise NotFoundError(f"There is no upload {upload!r}")
    return _ALGORITHMS[name], named
