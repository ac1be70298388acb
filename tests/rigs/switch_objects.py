"""What stands in the objects of a quorum switch, as whoever reads them over HTTP finds it."""

from __future__ import annotations

from collections.abc import Iterable

from tradewind.clouds.memory.store import MemoryStore
from tradewind.switch_text import decode


def epochs(stores: Iterable[MemoryStore], key: str) -> list[int]:
    """Return the epoch that each object shows, 0 if there is none."""
    return [_epoch(store, key) for store in stores]


def _epoch(store: MemoryStore, key: str) -> int:
    if store.head(key) is None:
        return 0
    with store.get(key) as download:
        return decode(b"".join(download.chunks)).epoch
