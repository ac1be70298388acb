"""Storing text-like objects compressed at the targets of a `batch` rule. Pure."""

from __future__ import annotations

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from tradewind.checksums import crc32c
from tradewind.errors import IntegrityError
from tradewind.fleet import Batch, Rule
from tradewind.ports import Metadata
from tradewind.replication.sets.recognise import closing_kind
from tradewind.replication.transfer import Packed, Payload

if TYPE_CHECKING:
    from types import ModuleType

WORTH: Final = 0.9
"""Share of its size that an object is compressed to, at most; else it is stored as it is."""
TYPES: Final = frozenset(
    {
        "application/csv",
        "application/json",
        "application/jsonl",
        "application/jsonlines",
        "application/ndjson",
        "application/x-jsonlines",
        "application/x-ndjson",
        "application/x-yaml",
        "application/xml",
        "application/yaml",
    }
)
UNTOLD: Final = frozenset({"", "application/octet-stream", "binary/octet-stream"})
"""Content types that stores and tools make up: the key's extension says more."""
EXTENSIONS: Final = (".csv", ".json", ".jsonl", ".ndjson", ".tsv", ".txt", ".xml", ".yaml", ".yml")
INFLATED: Final = 31
"""`zlib`'s word for gzip with the largest window."""


def as_stored(rule: Rule, payload: Payload) -> Payload:
    """Return an object in the form in which `rule` has it stored at its targets."""
    return replace(payload, packed=pack(rule, payload.state.key, payload.state.metadata, payload.body))


def form_of(payload: Payload) -> str:
    """Return the form in which an object is stored, in words; "" if it is as it was."""
    packed = payload.packed
    return f", as {packed.encoding} of {len(packed.body):,} bytes" if packed else ""


def pack(rule: Rule, key: str, metadata: Metadata, body: bytes) -> Packed | None:
    """Compress an object if its rule says so and it is worth it.

    What closes an artifact set stays as it is, since its bytes are read at the targets, too. The same bytes are
    compressed alike each time.
    """
    encoding = encoding_for(rule, key, metadata)
    if encoding is None:
        return None
    packed = _zstd().compress(body) if encoding == "zstd" else gzip.compress(body, mtime=0)
    return Packed(encoding, packed, crc32c(packed)) if len(packed) <= WORTH * len(body) else None


def encoding_for(rule: Rule, key: str, metadata: Metadata) -> str | None:
    """Return how an object is compressed if it is worth it, or None if its rule never does."""
    of = rule.delivers
    if not isinstance(of, Batch) or not is_text_like(key, metadata) or closing_kind(rule, key) is not None:
        return None
    return of.compress


def is_text_like(key: str, metadata: Metadata) -> bool:
    """Say whether an object is text by its content type, or by its extension where that says nothing."""
    if metadata.content_encoding:
        return False
    kind = (metadata.content_type or "").partition(";")[0].strip().lower()
    if kind in UNTOLD:
        return key.lower().endswith(EXTENSIONS)
    return kind.startswith("text/") or kind in TYPES or kind.endswith(("+json", "+xml", "+yaml"))


def unpack(encoding: str, chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes that were compressed.

    Raises:
        IntegrityError: They were not compressed so, or are damaged.
    """
    inflater: _Inflater
    error: type[Exception]
    if encoding == "zstd":
        zstd = _zstd()
        inflater, error = zstd.ZstdDecompressor(), zstd.ZstdError
    else:
        inflater, error = zlib.decompressobj(INFLATED), zlib.error
    try:
        for chunk in chunks:
            yield inflater.decompress(chunk)
    except (error, EOFError) as damage:
        raise IntegrityError(f"It is not {encoding}, or damaged: {damage}") from damage
    if not inflater.eof or inflater.unused_data:
        raise IntegrityError(f"The {encoding} stream does not end where the object does")


class _Inflater(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _zstd() -> ModuleType:
    """Return the module of Python 3.14, or the same one for the Python before; most functions never need it."""
    if sys.version_info >= (3, 14):
        from compression import zstd  # noqa: PLC0415 - see above
    else:
        from backports import zstd  # noqa: PLC0415 - see above
    return zstd
