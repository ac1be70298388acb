"""Keeping the loser of a conflict under a key of its own (`conflict: keep_both`)."""

from __future__ import annotations

import re
from contextlib import suppress

from tradewind.checksums import md5
from tradewind.errors import PreconditionFailedError
from tradewind.ports import ObjectState, ObjectStore
from tradewind.replication.provenance import fingerprint, unstamped
from tradewind.replication.transfer import read

_ASIDE = re.compile(r"\.conflict-[a-z0-9-]+-\d{8}T\d{6}Z-[0-9a-f]{8}$")


def aside_key(site: str, state: ObjectState) -> str:
    """Return the key under which the version `state` of `site` is kept: always the same for one version."""
    when = state.modified.strftime("%Y%m%dT%H%M%SZ")
    return f"{state.key}.conflict-{site}-{when}-{fingerprint(state.token)[:8]}"


def original_key(key: str) -> str:
    """Return the key that `key` was kept aside of, or `key` itself: rules speak of both alike."""
    while ".conflict-" in key and _ASIDE.search(key):
        key = _ASIDE.sub("", key)
    return key


def keep(store: ObjectStore, key: str, site: str, token: str) -> None:
    """Copy version `token` of `key` to its own key at the same site, as a user's object; safe to repeat.

    Raises:
        PreconditionFailedError: It is no longer that version.
        NotFoundError: It is gone.
        UnportableError: The site cannot hold the longer key.
    """
    with store.get(key, token=token) as download:
        payload = read(download)
    state = payload.state
    other = aside_key(site, state)
    store.check_key(other)
    with suppress(PreconditionFailedError):  # it is there already
        store.put(
            other,
            payload.body,
            metadata=unstamped(state.metadata),
            crc32c=payload.crc32c,
            md5=md5(payload.body) if store.checksum == "md5" else None,
            expect=None,
        )
