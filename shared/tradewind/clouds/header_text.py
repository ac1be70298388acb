"""Spelling metadata in HTTP headers, reversibly: S3 and Azure carry user metadata as headers, which are ASCII.

Values
    Printable ASCII stays as it is. Any other value (other scripts, control characters, spaces at the ends, nothing at
    all, or what looks like an encoded word) becomes one encoded word of RFC 2047, `=?UTF-8?B?...?=`, which is how S3
    itself answers values that are not ASCII.
Names
    A character that the store cannot have in a name becomes `_xHHHH_` (its code point in hexadecimal, 4 to 6 digits),
    the convention of .NET's `XmlConvert.EncodeName`; an underscore that would read as the beginning of one becomes
    `_x005f_`. So `foo-bar` is `foo_x002d_bar` on Azure, and `tradewind` and `foo_bar` are themselves.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from contextlib import suppress
from quopri import decodestring

from tradewind.errors import UnportableError
from tradewind.ports import Metadata

_PLAIN = re.compile(r"(?! )[ -~]+(?<! )")
_WORD = re.compile(r"=\?([\w-]+)\?([BQ])\?([^? ]*)\?=", re.ASCII | re.IGNORECASE)
_GAP = re.compile(r"(?<=\?=)\s+(?==\?)")
_AMBIGUOUS = re.compile(r"_x[0-9a-f]")
_ESCAPE = re.compile(r"_x([0-9a-f]{4,6})_")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LAST_CODE_POINT = 0x10FFFF


def encode_value(value: str) -> str:
    """Return `value` in printable ASCII."""
    if _PLAIN.fullmatch(value) and "=?" not in value:
        return value
    return f"=?UTF-8?B?{b64encode(value.encode()).decode()}?="


def decode_value(text: str) -> str:
    """Return the value that a header's `text` stands for; what is not encoded, or not well, is returned as it is."""
    with suppress(UnicodeError):
        # HTTP libraries read headers as Latin-1; a store that keeps UTF-8 meant UTF-8.
        text = text.encode("latin-1").decode()
    try:
        return _WORD.sub(_decode_word, _GAP.sub("", text))
    except (ValueError, LookupError):
        return text


def _decode_word(word: re.Match[str]) -> str:
    charset, kind, text = word.groups()
    octets = b64decode(text, validate=True) if kind in "bB" else decodestring(text.encode(), header=True)
    return octets.decode(charset)


def encode_name(name: str, *, unsafe: re.Pattern[str]) -> str:
    """Return a lower-case `name` with each character that matches `unsafe`, and ambiguous underscores, escaped."""
    escaped = (
        f"_x{ord(character):04x}_" if unsafe.match(name, at) or _AMBIGUOUS.match(name, at) else character
        for at, character in enumerate(name)
    )
    return "".join(escaped)


def decode_name(name: str) -> str:
    """Return the name that `encode_name` was given; a name that it did not make is returned in lower case."""
    return _ESCAPE.sub(_unescape, name.lower())


def _unescape(escape: re.Match[str]) -> str:
    code = int(escape[1], 16)
    return chr(code) if code <= _LAST_CODE_POINT and not _SURROGATE.match(chr(code)) else escape[0]


def require_text(text: str, *, what: str) -> None:
    """Refuse text that has no UTF-8 form.

    Raises:
        UnportableError: It holds half of a surrogate pair.
    """
    if _SURROGATE.search(text):
        raise UnportableError(f"{what} {text!a} is not Unicode text: it holds half of a surrogate pair")


def require_headers(metadata: Metadata, *, store: str) -> None:
    """Refuse what no HTTP header can carry in the fields that are headers on every cloud.

    Raises:
        UnportableError: A field has other characters than printable ASCII, or spaces at its ends.
    """
    fields = {
        "Content-Type": metadata.content_type,
        "Content-Encoding": metadata.content_encoding,
        "Content-Language": metadata.content_language,
        "Content-Disposition": metadata.content_disposition,
        "Cache-Control": metadata.cache_control,
    }
    for name, value in fields.items():
        if value and not _PLAIN.fullmatch(value):
            raise UnportableError(
                f"{store} cannot hold the {name} {value!a}",
                hint="A header's value is printable ASCII; a file name in others is spelled filename*=UTF-8''...",
            )


def require_size(entries: dict[str, str], *, limit: int, store: str) -> None:
    """Refuse user metadata that is too large.

    Args:
        entries: Names and values as they are sent.
        limit: Bytes of all names and values together.
        store: How to call the store in an error.

    Raises:
        UnportableError: It is larger than `limit`.
    """
    size = sum(len(name.encode()) + len(value.encode()) for name, value in entries.items())
    if size > limit:
        raise UnportableError(
            f"{store} keeps {limit:,} bytes of user metadata, and this has {size:,}",
            hint="Shorten the object's metadata at its source; tradewind itself adds some 250 bytes",
        )


def encode_user(metadata: Metadata, *, unsafe: re.Pattern[str]) -> dict[str, str]:
    """Return the user metadata as headers carry it; `unsafe` matches what a store does not allow in a name.

    Raises:
        UnportableError: It is not Unicode text, or a name is empty.
    """
    encoded: dict[str, str] = {}
    for name, value in metadata.user.items():
        require_text(name + value, what="The metadata")
        if not name:
            raise UnportableError("The object has a metadata entry without a name")
        encoded[encode_name(name.lower(), unsafe=unsafe)] = encode_value(value)
    return encoded
