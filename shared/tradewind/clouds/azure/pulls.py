"""Parts that Azure reads by itself from an address: Put Block From URL.

https://learn.microsoft.com/rest/api/storageservices/put-block-from-url. The answer has the CRC-64/NVME of what was
read, unless an MD5 was asked for. Azurite has no such call.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from secrets import token_hex

from tradewind.checksums import crc64nvme
from tradewind.clouds.azure.clients import open_wire
from tradewind.clouds.azure.errors import translate
from tradewind.clouds.azure.lists import BlockLists
from tradewind.clouds.azure.pulled import NOTE, Pulled, spans
from tradewind.clouds.azure.refusals import crc64_of, refusals_told
from tradewind.clouds.azure.uploads import read_upload
from tradewind.clouds.azure.wire import BlobWire, blob_target
from tradewind.clouds.pieces import combined
from tradewind.errors import PullRefusedError
from tradewind.fleet import AzureSite
from tradewind.ports import Checksums, Part

READ_TIMEOUT = 45.0
"""Seconds for one block, which Azure has read before it answers; twice that is less than any function's time."""
LONGEST = 2048
"""Bytes of an address that Azure takes: a long key and a session token may not fit."""
_ATTEMPT = 4


def open_pulls(site: AzureSite, credentials: Mapping[str, str] | None) -> BlobPulls:
    """Return what reads into a site's container."""
    return BlobPulls(open_wire(site, credentials, read_timeout=READ_TIMEOUT), site.account, site.container)


class BlobPulls:
    """What reads from addresses into one container (see `ports.Pulls`).

    Args:
        wire: Waits for as long as Azure reads.
        account: Its name, for messages.
        container: Its name.
    """

    def __init__(self, wire: BlobWire, account: str, container: str) -> None:
        self._wire = wire
        self._container = container
        self._lists = BlockLists(wire, account, container)

    def pull_part(self, key: str, upload: str, number: int, url: str, *, start: int, length: int, whole: int) -> Part:
        """Let Azure read one part: 2 requests for each block of up to 128 MiB."""
        _, named = read_upload(upload)
        if len(url) > LONGEST:
            raise PullRefusedError(f"The address of what {self._lists.uri(key)} is made of is too long for Azure")
        places = spans(start, length)
        own = b64encode(crc64nvme(NOTE).to_bytes(8, "little")).decode()
        blocks: list[Pulled] = []
        sums: list[tuple[int, int]] = []
        for index, (first, size) in enumerate(places):
            block = Pulled(named, number, index, len(places), size, token_hex(_ATTEMPT), whole)
            checksum = self._pull(key, block.id, url, first, size)
            self._lists.put_block(key, block.note(checksum).id, NOTE, own)
            blocks.append(block)
            sums.append((checksum, size))
        tag = " ".join(block.id for block in blocks)
        return Part(number, length, tag, Checksums(crc64nvme=combined("crc64nvme", sums)))

    def _pull(self, key: str, name: str, url: str, start: int, size: int) -> int:
        uri = self._lists.uri(key)
        target = blob_target(self._container, key, {"comp": "block", "blockid": name})
        headers = {"x-ms-copy-source": url, "x-ms-source-range": f"bytes={start}-{start + size - 1}"}
        with (
            translate("put a part of", uri),
            refusals_told(uri),
            self._wire.request("PUT", target, headers=headers) as answer,
        ):
            answer.read()
        return crc64_of(answer.headers, uri)
