"""What Cloud Storage cannot hold.

https://cloud.google.com/storage/docs/objects#naming and https://cloud.google.com/storage/quotas#objects.
"""

from __future__ import annotations

from tradewind.clouds.header_text import require_headers, require_size, require_text
from tradewind.errors import UnportableError
from tradewind.ports import Metadata

KEY_BYTES = 1024
METADATA_BYTES = 8192
_RESERVED = ".well-known/acme-challenge/"


def check_key(key: str) -> None:
    """Raise `UnportableError` if Cloud Storage cannot hold `key`."""
    require_text(key, what="The key")
    if not 0 < len(key.encode()) <= KEY_BYTES:
        raise UnportableError(f"Cloud Storage keys have 1 to 1,024 bytes, and {key[:64]!r} has {len(key.encode()):,}")
    if "\r" in key or "\n" in key:
        raise UnportableError(f"Cloud Storage keys hold no line breaks, and {key!r} does")
    if key in (".", "..") or key.startswith(_RESERVED):
        raise UnportableError(f"Cloud Storage cannot hold the key {key!r}, which it reserves")


def check_metadata(metadata: Metadata) -> None:
    """Raise `UnportableError` if Cloud Storage cannot hold `metadata`; tags, of which it has none, are left out."""
    require_headers(metadata, store="Cloud Storage")
    require_size(encode_user(metadata), limit=METADATA_BYTES, store="Cloud Storage")


def encode_user(metadata: Metadata) -> dict[str, str]:
    """Return the user metadata as Cloud Storage carries it: JSON, which needs no spelling.

    Raises:
        UnportableError: It is not Unicode text, or a name is empty.
    """
    for name, value in metadata.user.items():
        require_text(name + value, what="The metadata")
        if not name:
            raise UnportableError("The object has a metadata entry without a name")
    return {name.lower(): value for name, value in metadata.user.items()}
