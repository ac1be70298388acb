"""Inventories on this machine and in buckets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.ports import Metadata
from tradewind.runtime.manifests import BucketFiles, LocalFiles


@pytest.mark.parametrize("other", [b"m/1\nm/3\n", b"m/1\n", b""], ids=["same size", "shorter", "empty"])
def test_another_file_of_the_same_name_is_told_apart(tmp_path: Path, other: bytes) -> None:
    """A list that was written anew is another one, and the same bytes are the same list."""
    files, path = LocalFiles(tmp_path), tmp_path / "keys.txt"
    path.write_bytes(b"m/1\nm/2\n")
    before = files.content("keys.txt")

    path.write_bytes(other)
    after = files.content("keys.txt")
    path.write_bytes(b"m/1\nm/2\n")

    assert before is not None
    assert after not in (None, before)
    assert files.content("keys.txt") == before


def test_another_object_of_the_same_key_is_told_apart() -> None:
    """In a bucket the store's token says which version it is."""
    store, body = MemoryStore(), b"m/1\n"
    files = BucketFiles(store)
    first = store.put("keys.txt", body, metadata=Metadata(), crc32c=crc32c(body), md5=None, expect=None)
    before = files.content("keys.txt")

    store.put("keys.txt", body, metadata=Metadata(), crc32c=crc32c(body), md5=None, expect=first.token)

    assert before == first.token != files.content("keys.txt")


def test_what_is_not_there_has_no_content(tmp_path: Path) -> None:
    """Whoever opens it can say so in a sentence."""
    assert LocalFiles(tmp_path).content("keys.txt") is None
    assert BucketFiles(MemoryStore()).content("keys.txt") is None
