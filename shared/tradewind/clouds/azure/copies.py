"""Copies inside one container of Blob Storage.

Not by Copy Blob: that shows an empty blob until it is done, and cannot give the copy other headers. The blocks are
taken from the source by Put Block From URL, and Put Block List makes them the blob, with all metadata, in one step.
https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import blake2b
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from tradewind.clouds.azure.clients import open_client
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.limits import check_key, check_metadata, encode_user
from tradewind.clouds.azure.states import token_of
from tradewind.clouds.copying import LONGEST, require_time, side_by_side
from tradewind.clouds.telling import told
from tradewind.errors import NotFoundError, PreconditionFailedError, UnportableError
from tradewind.fleet import AzureSite
from tradewind.ports import Checksums, Metadata, ObjectState, PutReceipt

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, BlobServiceClient

LARGEST = 256 * 1024**2
"""Bytes of a block that Azure compares with an MD5, and of the blocks that a blob without any is cut into."""
VALID = timedelta(hours=1)
"""How long an address of a blob can be read; a copy ends with its function."""
SCOPE = "https://storage.azure.com/.default"


def open_copies(site: AzureSite, credentials: Mapping[str, str] | None) -> BlobCopies:
    """Return the copies inside a site's container."""
    return BlobCopies(open_client(site, credentials), site.account, site.container)


@dataclass(frozen=True, slots=True)
class _Block:
    name: str
    start: int
    size: int
    md5: bytes | None


@dataclass(frozen=True, slots=True)
class _Address:
    """Where Azure reads the source, and by what right: it checks that as if somebody else asked."""

    url: str
    authorization: str | None


class BlobCopies:
    """The copies inside one container (see `ports.Copies`).

    A blob that was committed from blocks is copied block by block, under the same names: what our names say of the
    bytes stays true. Azure keeps whatever MD5 a client gives it, and computes none of what is committed from blocks, so
    where `source` shows an MD5 and no checksum of ours, the blob is copied as one block, which Azure compares with it.

    Args:
        client: Shared with the stores of a process.
        account: Its name, for messages.
        container: Its name.
    """

    def __init__(self, client: BlobServiceClient, account: str, container: str) -> None:
        self._client = client
        self._container = client.get_container_client(container)
        self._place = f"az://{account}/{container}"

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source`: 1 request for each block, and 2.

        What was sent of a copy that fails is invisible, and is discarded by the next write, or by Azure after a week.

        Raises:
            ObjectTooLargeError: It would not be done in time.
            UnportableError: It shows an MD5, and could not be compared with it.
        """
        check_key(key)
        check_metadata(metadata)
        target = self._container.get_blob_client(key)
        with self._missing_told(source, key, expect), translate("copy", self._uri(key)):
            blocks = self._blocks(source)
            require_time([block.size for block in blocks], self._uri(key))
            address = self._address(source.key)
            side_by_side([partial(self._take, target, source, address, block) for block in blocks], self._uri(key))
            return self._commit(target, source, blocks, metadata, expect)

    def _blocks(self, source: ObjectState) -> Sequence[_Block]:
        if source.size == 0:
            return []
        listed, _ = self._container.get_blob_client(source.key).get_block_list("committed")
        found = [(str(block.id), int(block.size)) for block in listed]
        if sum(size for _, size in found) != source.size:
            found = list(_cut(source))
        starts = accumulate((size for _, size in found), initial=0)
        md5 = _to_compare(source.checksums)
        if md5 is not None and (len(found) > 1 or source.size > LARGEST):
            raise UnportableError(f"{source.key!r} at {self._place} shows nothing but an MD5 that its writer gave it")
        return [_Block(name, start, size, md5) for (name, size), start in zip(found, starts)]  # noqa: B905 - one start more

    def _take(self, target: BlobClient, source: ObjectState, address: _Address, block: _Block) -> None:
        target.stage_block_from_url(
            block.name,
            address.url,
            source_offset=block.start,
            source_length=block.size,
            source_content_md5=block.md5,
            source_authorization=address.authorization,
            headers={"x-ms-source-if-match": f'"{source.token}"'},
            read_timeout=LONGEST,
        )

    def _commit(
        self,
        target: BlobClient,
        source: ObjectState,
        blocks: Sequence[_Block],
        metadata: Metadata,
        expect: str | None,
    ) -> PutReceipt:
        from azure.core import MatchConditions  # noqa: PLC0415 - loaded already with the client
        from azure.storage.blob import BlobBlock, ContentSettings  # noqa: PLC0415 - likewise

        condition: dict[str, Any] = {"match_condition": MatchConditions.IfMissing}
        if expect is not None:
            condition = {"etag": f'"{expect}"', "match_condition": MatchConditions.IfNotModified}
        md5 = source.checksums.md5
        answer = target.commit_block_list(
            [BlobBlock(block_id=block.name) for block in blocks],
            content_settings=ContentSettings(
                content_type=metadata.content_type,
                content_encoding=metadata.content_encoding,
                content_language=metadata.content_language,
                content_disposition=metadata.content_disposition,
                cache_control=metadata.cache_control,
                content_md5=bytearray(md5) if md5 is not None else None,
            ),
            metadata=encode_user(metadata),
            tags=dict(metadata.tags) or None,
            **condition,
        )
        return PutReceipt(token_of(str(answer["etag"])))

    def _address(self, key: str) -> _Address:
        from azure.core.credentials import AzureSasCredential  # noqa: PLC0415 - loaded already with the client
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas  # noqa: PLC0415 - likewise

        blob = self._container.get_blob_client(key)
        credential: Any = self._client.credential
        plain = str(blob.url).partition("?")[0]
        if (account_key := getattr(credential, "account_key", None)) is not None:
            signature = generate_blob_sas(
                str(blob.account_name),
                blob.container_name,
                key,
                account_key=account_key,
                permission=BlobSasPermissions(read=True),
                expiry=datetime.now(UTC) + VALID,
            )
            return _Address(f"{plain}?{signature}", None)
        if isinstance(credential, AzureSasCredential):
            return _Address(f"{plain}?{credential.signature}", None)
        return _Address(plain, f"Bearer {credential.get_token(SCOPE).token}")

    def _uri(self, key: str) -> str:
        return f"{self._place}/{told(key)}"

    @contextmanager
    def _missing_told(self, source: ObjectState, key: str, expect: str | None) -> Iterator[None]:
        """Say which of both it was that is gone, or was replaced: Azure answers alike for both."""
        try:
            yield
        except NotFoundError as error:
            if expect is None or not self._is_there(source.key):
                raise
            raise PreconditionFailedError(f"Could not copy {self._uri(key)}: there is no such blob") from error
        except PreconditionFailedError as error:
            if not self._is_there(source.key):
                raise NotFoundError(error.message) from error
            raise

    def _is_there(self, key: str) -> bool:
        with translate("head", self._uri(key)):
            return bool(self._container.get_blob_client(key).exists())


def _cut(source: ObjectState) -> Iterator[tuple[str, int]]:
    """Yield names and sizes of the blocks for a blob without any; the names are as long as all of ours have to be."""
    for start in range(0, source.size, LARGEST):
        name = blake2b(f"{source.token} {start}".encode(), digest_size=32).hexdigest()
        yield name, min(LARGEST, source.size - start)


def _to_compare(shown: Checksums) -> bytes | None:
    """Return the MD5 to hold a copy against, if nothing else tells that the bytes are what they are taken for."""
    ours = (shown.crc32c, shown.crc64nvme, shown.crc32)
    return shown.md5 if all(each is None for each in ours) else None
