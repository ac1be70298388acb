"""Keeping the loser of a conflict under a key of its own (`conflict: keep_both`)."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

from tradewind.checksums import md5
from tradewind.errors import ObjectTooLargeError, PreconditionFailedError
from tradewind.ports import ObjectState
from tradewind.replication.agreeing.aside import aside_key
from tradewind.replication.provenance import unstamped
from tradewind.replication.transfer import read
from tradewind.replication.workplace import Workplace


def keep_aside(at: Workplace, key: str, site: str, token: str) -> None:
    """Copy version `token` of `key` to its own key at the same site, as a user's object; safe to repeat.

    Raises:
        PreconditionFailedError: It is no longer that version.
        NotFoundError: It is gone.
        UnportableError: The site cannot hold the longer key.
        ObjectTooLargeError: No function has the time to copy it.
    """
    store = at.store_of(site)
    with store.get(key, token=token) as download:
        other = aside_key(site, download.state)
        store.check_key(other)
        if download.state.size > at.parts.above:
            _copy_aside(at, site, download.state, other)
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


def _copy_aside(at: Workplace, site: str, state: ObjectState, other: str) -> None:
    """Let the store copy a large one, which no function could hold."""
    store = at.store_of(site)
    if store.head(other) is not None:
        return
    if store.checksum == "md5":  # an MD5 that a user gave it may be wrong, and these bytes are kept as they are
        state = replace(state, checksums=replace(state.checksums, md5=None))
    try:
        with suppress(PreconditionFailedError):  # it is there by now
            at.copies_of(site).copy(state, other, metadata=unstamped(state.metadata), expect=None)
    except ObjectTooLargeError as error:
        raise ObjectTooLargeError(
            error.message,
            hint=f"Nothing was overwritten. Copy {state.key!r} at {site} to {other!r} yourself, which settles it, or "
            "set another `conflict` in the rule; then redrive the message",
        ) from error
