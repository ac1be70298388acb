"""The path on which no byte passes through the function: the target's cloud reads from an address of the source.

Shared rules are those of the object store, and of uploads in parts.
"""

from __future__ import annotations

from typing import Protocol

from tradewind.ports.store import ObjectState
from tradewind.ports.uploads import Part


class Links(Protocol):
    """The addresses at which anybody can read objects of one bucket for some minutes."""

    def pin(self, state: ObjectState) -> str | None:
        """Return what names exactly this version in an address, or None if the bucket has no such names: 1 request.

        What was pinned can be read for as long as the bucket keeps it, and is never anything else.

        Raises:
            PreconditionFailedError: The key no longer holds `state`.
            NotFoundError: It holds nothing.
        """

    def link(self, key: str, pin: str, *, seconds: int) -> str:
        """Return an address of a pinned version: no request.

        Whoever has it can read those bytes until `seconds` are over, so it goes into no log, message or record.
        """


class Pulls(Protocol):
    """What reads from addresses into uploads of one bucket (see `Uploads`)."""

    def pull_part(self, key: str, upload: str, number: int, url: str, *, start: int, length: int, whole: int) -> Part:
        """Let the target's cloud read part `number` from `url`; pulling it again replaces it.

        Args:
            key: The key.
            upload: As `Uploads.begin` returned it, of the algorithm `crc64nvme`.
            number: From 1.
            url: Where the source is.
            start: First byte of the part there, from 0.
            length: Bytes of the part.
            whole: CRC-64/NVME of the whole object. A store that keeps no checksum of a joined object shows this one, so
                the parts are joined only if theirs together are the same.

        Returns:
            The part with the CRC-64/NVME that the target's cloud computed of what it read.

        Raises:
            PullRefusedError: The target's cloud cannot read there, or does not say what it read.
        """
