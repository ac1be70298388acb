"""The text that health checks read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.errors import ConfigurationError
from tradewind.switch_text import SEARCHED, SwitchText, decode, encode, mark, text_of

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)


@st.composite
def texts(draw: st.DrawFn) -> SwitchText:
    """Any text of any group."""
    endpoints = draw(st.frozensets(NAMES, min_size=1, max_size=8))
    on = draw(st.sampled_from(sorted(endpoints)))
    return SwitchText(draw(NAMES), draw(st.integers(0, 10**9)), on, endpoints)


@given(texts())
def test_is_read_as_it_was_written(text: SwitchText) -> None:
    """What is written is read back, and its weights say the same again."""
    assert decode(encode(text)) == text
    assert text_of(text.group, text.epoch, text.weights) == text


@given(texts())
def test_each_endpoint_has_one_mark_and_no_other(text: SwitchText) -> None:
    """A health check that looks for an endpoint's mark finds it if that endpoint is on, whatever the others' names."""
    body = encode(text).decode()

    for name in text.endpoints:
        assert (mark(name, on=True) in body) == (name == text.on)
        assert (mark(name, on=False) in body) == (name != text.on)


@given(texts(), NAMES)
def test_what_is_not_in_the_group_is_not_on(text: SwitchText, name: str) -> None:
    """A name that is part of an endpoint's, or of the group's, has no mark."""
    assert (mark(name, on=True) in encode(text).decode()) == (name == text.on)


@given(st.binary(max_size=200))
def test_other_bytes_are_refused(body: bytes) -> None:
    """What tradewind did not write is not taken for a decision."""
    with pytest.raises(ValueError, match=r"quorum switch|codec"):
        decode(body)


@given(texts(), st.data())
def test_a_damaged_text_is_another_one_or_none(text: SwitchText, data: st.DataObject) -> None:
    """Whatever is read as a decision is spelled in the one way in which tradewind spells it."""
    body = bytearray(encode(text))
    body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 127))

    try:
        read = decode(bytes(body))
    except ValueError:
        return

    assert encode(read) == bytes(body)


def test_is_the_same_whatever_the_order_of_endpoints() -> None:
    """Every observer writes the same bytes for the same decision."""
    assert encode(text_of("g", 3, {"b": 0, "a": 100})) == encode(text_of("g", 3, {"a": 100, "b": 0}))
    assert encode(text_of("g", 3, {"a": 100, "b": 0})) == b"tradewind switch 1\ngroup g\nepoch 3\n[a=on]\n[b=off]\n"


def test_shares_are_refused() -> None:
    """No health check can read a share, and the message says how to do without."""
    with pytest.raises(ConfigurationError, match=r"a and b would share.*to one endpoint"):
        text_of("g", 3, {"a": 10, "b": 90})


@pytest.mark.parametrize("weights", [{"a": 0, "b": 0}, {"a": 99, "b": 0}, {"a": 101, "b": -1}])
def test_what_is_no_share_of_a_hundred_is_refused(weights: dict[str, int]) -> None:
    """Weights that are not 100 together are a mistake of the caller's."""
    with pytest.raises(ValueError, match="shares of 100"):
        text_of("g", 3, weights)


def test_what_health_checks_would_not_read_to_the_end_is_refused() -> None:
    """A mark past the searched bytes would never be found."""
    names = [f"{number:03}-{'x' * 59}" for number in range(80)]
    text = SwitchText("g", 1, names[0], frozenset(names))

    with pytest.raises(ConfigurationError, match=f"{SEARCHED:,}"):
        encode(text)
