"""Reading what a cloud wrote ends in a value or in a `BadEventError`, and in nothing else."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.clouds import wire
from tradewind.errors import BadEventError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-03T09:26:53.589Z", datetime(2026, 11, 3, 9, 26, 53, 589000, UTC)),
        ("2026-11-03T09:26:53.5891239Z", datetime(2026, 11, 3, 9, 26, 53, 589123, UTC)),
        ("2026-11-03T11:26:53+02:00", datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC)),
        ("2026-11-03T09:26:53", datetime(2026, 11, 3, 9, 26, 53, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_utc(text: str, expected: datetime) -> None:
    """A time of any precision and offset is the same moment in UTC."""
    assert wire.moment(text, kind="event") == expected


@pytest.mark.parametrize("text", ["", "yesterday", "1793698013", "0001-01-01T00:00:00+23:59"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A text that names no representable moment is refused."""
    with pytest.raises(BadEventError, match="time that is not ISO 8601"):
        wire.moment(text, kind="event")


@pytest.mark.parametrize(
    ("body", "fault"),
    [("", "is not JSON"), ("{", "is not JSON"), ("[" * 100_000, "nested too deeply"), ("1" * 5000, "is not JSON")],
)
def test_what_is_not_json_is_refused(body: str, fault: str) -> None:
    """A body that does not parse is refused, however it fails to."""
    with pytest.raises(BadEventError, match=fault):
        wire.parse(body, kind="event")


@pytest.mark.parametrize("key", ["", "a\ud800b"])
def test_a_key_that_no_object_can_have_is_refused(key: str) -> None:
    """An empty key, and half of a surrogate pair, are refused before they reach a store."""
    with pytest.raises(BadEventError, match="key that no object can have"):
        wire.key(key, kind="event")


def test_an_excerpt_is_short() -> None:
    """A huge payload does not make a huge error message."""
    assert len(wire.excerpt({"body": "x" * 1_000_000})) < 2 * wire.EXCERPT


@given(st.text())
def test_an_excerpt_is_one_printable_line(text: str) -> None:
    """Whatever a payload holds, the excerpt can be logged and sent as a message attribute."""
    shown = wire.excerpt(text)

    assert shown.isascii()
    assert shown.isprintable()
