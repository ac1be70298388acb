"""What answers of endpoints are held against."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from tradewind.clouds.web.expectations import NowhereError, alike, at, first_difference, load_told

# The document and the pointers of RFC 6901, section 5; the empty pointer is none that a fleet file may hold.
DOCUMENT: JsonValue = {
    "foo": ["bar", "baz"],
    "": 0,
    "a/b": 1,
    "c%d": 2,
    "e^f": 3,
    "g|h": 4,
    "i\\j": 5,
    'k"l': 6,
    " ": 7,
    "m~n": 8,
}
POINTERS = {
    "/foo": ["bar", "baz"],
    "/foo/0": "bar",
    "/": 0,
    "/a~1b": 1,
    "/c%d": 2,
    "/e^f": 3,
    "/g|h": 4,
    "/i\\j": 5,
    '/k"l': 6,
    "/ ": 7,
    "/m~0n": 8,
}
values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("pointer", "value"), POINTERS.items())
def test_pointers_lead_where_the_standard_says(pointer: str, value: JsonValue) -> None:
    """Each of the standard's examples."""
    assert at(DOCUMENT, pointer) == value


@pytest.mark.parametrize(
    "pointer", ["/bar", "/foo/2", "/foo/01", "/foo/-", "/foo/-1", "/foo/0/1", "/foo/²", "/foo/1_0"]
)
def test_a_pointer_may_lead_nowhere(pointer: str) -> None:
    """Lists know indices only, and what is neither list nor object knows nothing."""
    with pytest.raises(NowhereError):
        at(DOCUMENT, pointer)


@given(values)
def test_everything_is_like_itself_and_unlike_what_holds_it(value: JsonValue) -> None:
    """At any depth, with no tolerance at all."""
    assert alike(value, json.loads(json.dumps(value)), 0)
    assert not alike(value, [value], 1e9)


def test_numbers_may_be_a_little_apart_at_any_depth() -> None:
    """And nothing but numbers; truth is no number, and neither is what JSON calls NaN."""
    expected: JsonValue = {"scores": [0.5, {"b": 1}], "label": "png"}

    assert alike(expected, {"scores": [0.5009, {"b": 0.9995}], "label": "png"}, 1e-3)
    assert not alike(expected, {"scores": [0.502, {"b": 1}], "label": "png"}, 1e-3)
    assert not alike(expected, {"scores": [0.5, {"b": 1}], "label": "png", "more": 1}, 1e-3)
    assert not alike([0.5, 0.5], [0.5], 1)
    assert not alike(1, True, 0)  # noqa: FBT003 - JSON's own
    assert not alike(0, "0", 1)
    assert not alike(1, float("nan"), 1)
    assert not alike(0.5, 10**400, 1)


def test_a_difference_is_told_with_its_place() -> None:
    """What is there, and what was expected."""
    body = b'{"predictions": [{"label": "pdf", "score": 0.9}]}'

    assert not first_difference(body, {"/predictions/0/label": "pdf", "/predictions/0/score": 0.9})
    assert first_difference(body, {"/predictions/0/label": "png"}) == "/predictions/0/label is 'pdf', expected 'png'"
    assert first_difference(body, {"/status": True}) == "/status is missing, expected true"
    assert not first_difference(body, {"/predictions/0/score": 0.8}, tolerance=0.2)
    assert first_difference(b"it works", {"/status": True}) == "the answer is not JSON"
    assert first_difference(b"[" * 100_000, {"/status": True}) == "the answer is not JSON"
    assert not first_difference(b"it works", {})


def test_long_values_are_cut() -> None:
    """A reason is for people."""
    assert len(first_difference(json.dumps({"a": "x" * 10_000}).encode(), {"/a": "y"})) < 150


@pytest.mark.parametrize(
    ("body", "load"),
    [
        (b'{"load": 12.5}', 12.5),
        (b'{"load": 0}', 0.0),
        (b'{"load": -1}', None),
        (b'{"load": true}', None),
        (b'{"load": "12"}', None),
        (b'{"load": NaN}', None),
        (b'{"load": 1e999}', None),
        (b"{}", None),
        (b"busy", None),
    ],
)
def test_a_load_is_a_number_or_is_not_told(body: bytes, load: float | None) -> None:
    """What is no number that traffic can have is no load."""
    assert load_told(body, "/load") == load
