"""Copies inside a bucket in memory: the reference that the contract suite holds the clouds against."""

from __future__ import annotations

from tradewind.clouds.memory.store import MemoryStore
from tradewind.ports import Metadata, ObjectState, PutReceipt


class MemoryCopies:
    """The copies inside one bucket (see `ports.Copies`).

    Args:
        store: The bucket.
    """

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source` under both conditions; the copy shows the checksums that `source` shows."""
        self._store.check_key(key)
        self._store.check_metadata(metadata)
        with self._store.lock:
            with self._store.get(source.key, token=source.token) as download:
                state, body = download.state, b"".join(download.chunks)
            return self._store.place(key, body, metadata=metadata, checksums=state.checksums, expect=expect)
