"""Metadata in HTTP headers: the spelling is reversible, and plain text stays plain."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tradewind.clouds.header_text import decode_name, decode_value, encode_name, encode_value, require_headers
from tradewind.errors import UnportableError
from tradewind.ports import Metadata

IDENTIFIER = re.compile(r"^[0-9]|[^0-9a-z_]")
TOKEN = re.compile(r"[^!#$%&'*+.^`|~0-9a-z_-]")
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1).map(str.lower)
TRICKY = st.text(st.sampled_from("_x0f2d-9é"), min_size=1)


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("=?UTF-8?B?aGk=?=")
@example(" leading")
@example("")
def test_every_value_survives_a_header(value: str) -> None:
    """Whatever the value, its header is printable ASCII and is read back as the value."""
    header = encode_value(value)

    assert re.fullmatch(r"[!-~]([ -~]*[!-~])?", header)
    assert decode_value(header) == value


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).filter(lambda text: "=?" not in text))
def test_plain_values_stay_readable(value: str) -> None:
    """A printable ASCII value is sent as it is."""
    assert encode_value(value) == value


@given(NAMES | TRICKY, st.sampled_from([IDENTIFIER, TOKEN]))
@example("-x0041_", IDENTIFIER)
@example("_x002d-", IDENTIFIER)
@example("__x002d_", IDENTIFIER)
def test_every_name_survives(name: str, unsafe: re.Pattern[str]) -> None:
    """Whatever the name, its spelling has only allowed characters and is read back as the name."""
    spelled = encode_name(name, unsafe=unsafe)

    assert not unsafe.search(spelled)
    assert decode_name(spelled) == name


@pytest.mark.parametrize("name", ["tradewind", "foo_bar", "model2"])
def test_identifiers_stay_as_they_are(name: str) -> None:
    """A name that Azure can spell is not touched."""
    assert encode_name(name, unsafe=IDENTIFIER) == name


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("=?UTF-8?Q?caf=C3=A9?=", "café"),
        ("=?utf-8?b?Y2Fm?= =?utf-8?b?w6k=?=", "café"),
        ("caf\u00c3\u00a9", "café"),
        ("caf\u00e9", "café"),
        ("=?UTF-8?B?not base64?=", "=?UTF-8?B?not base64?="),
        ("=?UTF-8?B?!?=", "=?UTF-8?B?!?="),
        ("=?no-such-charset?B?aGk=?=", "=?no-such-charset?B?aGk=?="),
    ],
)
def test_values_of_other_writers_are_understood(header: str, value: str) -> None:
    """Encoded words of S3 and of mail libraries, raw UTF-8 and Latin-1 are read; the undecodable stays as it is."""
    assert decode_value(header) == value


def test_a_header_field_with_a_line_break_is_refused() -> None:
    """Nobody can smuggle a header through a content type."""
    with pytest.raises(UnportableError, match="Content-Type"):
        require_headers(Metadata(content_type="text/plain\r\nx-evil: 1"), store="S3")
