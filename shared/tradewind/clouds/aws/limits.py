"""What S3 cannot hold.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html and `UsingMetadata.html`; for tags
https://docs.aws.amazon.com/AmazonS3/latest/API/API_control_S3Tag.html.
"""

from __future__ import annotations

import re

from tradewind.clouds import header_text
from tradewind.clouds.header_text import require_headers, require_size, require_text
from tradewind.clouds.tag_limits import require_tags
from tradewind.errors import UnportableError
from tradewind.ports import Metadata

KEY_BYTES = 1024
METADATA_BYTES = 2048
# What HTTP allows in a header's name.
_UNSAFE = re.compile(r"[^!#$%&'*+.^`|~0-9a-z_-]")
# Letters, digits and separators of any script, and `_.:/=+-@`.
_TAG = re.compile(r"(?!(?i:aws:))[\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000.:/=+@-]*")


def check_key(key: str) -> None:
    """Raise `UnportableError` if S3 cannot hold `key`: any UTF-8 text of 1 to 1,024 bytes is a key."""
    require_text(key, what="The key")
    if not 0 < len(key.encode()) <= KEY_BYTES:
        raise UnportableError(f"S3 keys have 1 to 1,024 bytes, and {key[:64]!r} has {len(key.encode()):,}")


def check_metadata(metadata: Metadata) -> None:
    """Raise `UnportableError` if S3 cannot hold `metadata`."""
    require_headers(metadata, store="S3")
    require_size(encode_user(metadata), limit=METADATA_BYTES, store="S3")
    require_tags(metadata.tags, allowed=_TAG, store="S3")


def encode_user(metadata: Metadata) -> dict[str, str]:
    """Return the user metadata as S3 carries it.

    Raises:
        UnportableError: It is not Unicode text, or a name is empty.
    """
    return header_text.encode_user(metadata, unsafe=_UNSAFE)
