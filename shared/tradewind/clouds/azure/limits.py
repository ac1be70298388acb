"""What Blob Storage cannot hold.

https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
"""

from __future__ import annotations

import re

from tradewind.clouds import header_text
from tradewind.clouds.header_text import require_headers, require_size, require_text
from tradewind.clouds.tag_limits import require_tags
from tradewind.errors import UnportableError
from tradewind.ports import Metadata

KEY_CHARACTERS = 1024
KEY_SEGMENTS = 254
METADATA_BYTES = 8192
# Control characters (C0, DEL, C1) and what no XML listing can spell.
_FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\ufffe\uffff]")
# Metadata names are C# identifiers.
_UNSAFE = re.compile(r"^[0-9]|[^0-9a-z_]")
# https://learn.microsoft.com/rest/api/storageservices/set-blob-tags
_TAG = re.compile(r"[0-9A-Za-z +./:=_-]*")


def check_key(key: str) -> None:
    """Raise `UnportableError` if Blob Storage cannot hold `key`, or would hold it under another name."""
    require_text(key, what="The key")
    segments = key.split("/")
    faults = {
        "1 to 1,024 characters": not 0 < len(key) <= KEY_CHARACTERS,
        "no control characters": _FORBIDDEN.search(key) is not None,
        "no backslash, which the service takes for a slash": "\\" in key,
        "no slash at the end": key.endswith("/"),
        "no path segment that ends in a dot": any(segment.endswith(".") for segment in segments),
        f"at most {KEY_SEGMENTS} path segments": len(segments) > KEY_SEGMENTS,
    }
    if broken := [rule for rule, fault in faults.items() if fault]:
        raise UnportableError(
            f"Azure cannot hold the key {key[:64]!r}: a blob's name has {broken[0]}",
            hint="Rename the object at its source, or exclude it in the rule",
        )


def check_metadata(metadata: Metadata) -> None:
    """Raise `UnportableError` if Blob Storage cannot hold `metadata`."""
    require_headers(metadata, store="Azure")
    require_size(encode_user(metadata), limit=METADATA_BYTES, store="Azure")
    require_tags(metadata.tags, allowed=_TAG, store="Azure")


def encode_user(metadata: Metadata) -> dict[str, str]:
    """Return the user metadata as Blob Storage carries it.

    Raises:
        UnportableError: It is not Unicode text, or a name is empty.
    """
    return header_text.encode_user(metadata, unsafe=_UNSAFE)
