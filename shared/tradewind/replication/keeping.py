"""Keeping the loser of a conflict under a key of its own (`conflict: keep_both`)."""

from __future__ import annotations

from contextlib import suppress

from tradewind.checksums import md5
from tradewind.errors import PreconditionFailedError
from tradewind.replication.aside import aside_key
from tradewind.replication.provenance import unstamped
from tradewind.replication.transfer import read
from tradewind.replication.workplace import Workplace


def keep_aside(at: Workplace, key: str, site: str, token: str) -> None:
    """Copy version `token` of `key` to its own key at the same site, as a user's object; safe to repeat.

    Raises:
        PreconditionFailedError: It is no longer that version.
        NotFoundError: It is gone.
        UnportableError: The site cannot hold the longer key.
    """
    store = at.store_of(site)
    with store.get(key, token=token) as download:
        other = aside_key(site, download.state)
        store.check_key(other)
        if download.state.size > at.parts.above:
            metadata = unstamped(download.state.metadata)
            with suppress(PreconditionFailedError):  # it is there already
                at.copies_of(site).copy(download.state, other, metadata=metadata, expect=None)
            return
        payload = read(download)
    with suppress(PreconditionFailedError):  # likewise
        store.put(
            other,
            payload.body,
            metadata=unstamped(payload.state.metadata),
            crc32c=payload.crc32c,
            md5=md5(payload.body) if store.checksum == "md5" else None,
            expect=None,
        )
