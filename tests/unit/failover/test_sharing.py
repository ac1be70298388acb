"""How traffic is shared out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.judging import endpoint
from tradewind.failover.deciding.sharing import explained, filled, percent, shares

NAMES = st.sampled_from("abcdef")
some = st.dictionaries(NAMES, st.integers(1, 1000).map(float), min_size=1)


@given(some, st.integers(1, 100))
def test_whole_numbers_sum_to_the_whole(parts: dict[str, float], whole: int) -> None:
    """And none is a whole point away from its exact share."""
    weights = percent(parts, whole)

    assert sum(weights.values()) == whole
    assert all(abs(weights[name] - whole * part / sum(parts.values())) < 1 for name, part in parts.items())


def test_the_largest_remainders_are_rounded_up() -> None:
    """Of equal ones those that come first."""
    assert percent({"a": 1, "b": 1, "c": 1}) == {"a": 34, "b": 33, "c": 33}
    assert percent({"a": 1, "b": 2, "c": 4}) == {"a": 14, "b": 29, "c": 57}
    assert percent({"a": 0, "b": 1}) == {"a": 0, "b": 100}


@given(some, st.dictionaries(NAMES, st.integers(1, 500).map(float)), st.floats(0.1, 5000))
def test_nobody_is_filled_beyond_its_room(weights: dict[str, float], rooms: dict[str, float], load: float) -> None:
    """As long as all of it together suffices; then all of the load is placed, and who has room has it by weight."""
    room = {name: rooms.get(name, 100.0) for name in weights}
    got = filled(weights, room, load)

    assert set(got) == set(weights)
    if sum(room.values()) <= load:
        assert got == room
        return
    assert sum(got.values()) == pytest.approx(load)
    assert all(got[name] <= room[name] * (1 + 1e-9) for name in got)
    free = [got[name] / weights[name] for name in got if got[name] < room[name] * (1 - 1e-9)]
    assert free == pytest.approx([max(free, default=0)] * len(free))
    assert all(got[name] / weights[name] <= max(free, default=load) * (1 + 1e-9) for name in got)


def test_endpoints_without_weight_share_only_if_there_are_no_others() -> None:
    """They stand by."""
    endpoints = {"a": endpoint(weight=0), "b": endpoint(weight=2), "c": endpoint(weight=0)}

    assert shares(endpoints, ["a", "b"], None) == {"b": 2}
    assert shares(endpoints, ["a", "c"], None) == {"a": 1, "c": 1}


@given(st.integers(1, 5), st.integers(1, 5), st.integers(10, 500), st.integers(10, 500), st.floats(1, 2000))
def test_weights_that_a_load_made_are_explained(one: int, two: int, small: int, large: int, load: float) -> None:
    """Whatever the load was; and without one only those by weight are."""
    endpoints = {"a": endpoint(weight=one, capacity=small), "b": endpoint(weight=two, capacity=large)}

    assert explained(endpoints, percent(shares(endpoints, "ab", load)), within=2, at_any_load=True)
    assert explained(endpoints, percent(shares(endpoints, "ab", None)), within=0, at_any_load=False)


def test_weights_that_nothing_made_are_not_explained() -> None:
    """Neither by weight nor by any load."""
    endpoints = {"a": endpoint(weight=1, capacity=100), "b": endpoint(weight=1, capacity=300)}

    assert not explained(endpoints, {"a": 60, "b": 40}, within=2, at_any_load=True)
    assert not explained(endpoints, {"a": 30, "b": 70}, within=2, at_any_load=False)
    assert explained(endpoints, {"a": 30, "b": 70}, within=2, at_any_load=True)
