"""The keys under which the losers of conflicts are kept (`conflict: keep_both`). Pure."""

from __future__ import annotations

import re

from tradewind.ports import ObjectState
from tradewind.replication.provenance import fingerprint

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
