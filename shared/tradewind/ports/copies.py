"""Copying an object inside one bucket, by the store itself: no byte passes through the function.

A copy ends within the time of one function, since nobody could go on with it: what takes longer is refused or given up.
"""

from __future__ import annotations

from typing import Protocol

from tradewind.ports.metadata import Metadata
from tradewind.ports.store import ObjectState, PutReceipt


class Copies(Protocol):
    """The copies inside one bucket. Shared rules are those of the object store."""

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source`, with other metadata, if its token is `expect` (None: if it does not exist).

        Args:
            source: An object of this bucket, as its store described it. Where that shows an MD5 that the store may only
                have been given, and no other checksum, the bytes are compared with it.
            key: Where to.
            metadata: Of the copy, in the place of all that `source` has.
            expect: The condition on `key`.

        Raises:
            PreconditionFailedError: The key's token is not `expect`, or `source` was replaced; nothing was written.
            NotFoundError: `source` is gone.
            UnportableError: The store cannot copy or compare it, or hold this key or metadata.
            ObjectTooLargeError: It would take longer than a function has; nothing was begun.
            StoreUnavailableError: It took longer; nothing was written.
        """
