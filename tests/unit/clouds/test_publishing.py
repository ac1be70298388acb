"""What all directors decide alike, and what zones have in common."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.clouds.aws.weighted import place
from tradewind.clouds.publishing import check_targets, settled
from tradewind.clouds.zones import check_share, epoch_in, epoch_name, epoch_text, full_name, records_needed
from tradewind.errors import ConfigurationError, PreconditionFailedError, SafetyStopError
from tradewind.ports import Traffic

weights = st.integers(0, 100).map(lambda share: {"aws": share, "gcp": 100 - share})
states = st.builds(
    lambda shares, epoch: Traffic(shares if epoch else {}, epoch, f"{epoch}-{shares}"), weights, st.integers(0, 4)
)


@given(wanted=weights, epoch=st.integers(1, 4), expect=states, now=states)
def test_only_who_saw_what_is_there_may_publish(
    wanted: dict[str, int], epoch: int, expect: Traffic, now: Traffic
) -> None:
    """A publication goes out only over the state that was seen, and never over a later epoch."""
    try:
        done = settled("here", wanted, wanted, epoch=epoch, expect=expect, now=now)
    except PreconditionFailedError:
        assert epoch < max(expect.epoch, now.epoch) or now.token != expect.token
        return
    assert epoch >= max(expect.epoch, now.epoch)
    assert done == ((now.weights, now.epoch) == (wanted, epoch))
    assert done or now.token == expect.token


@given(epoch=st.integers(0, 10**17), shares=weights)
def test_an_epoch_is_read_as_it_was_written(epoch: int, shares: dict[str, int]) -> None:
    """The record of an epoch tells it, and differs for other weights."""
    assert epoch_in([epoch_text(epoch, shares)], subject="here") == epoch
    assert epoch_text(epoch, shares) != epoch_text(epoch, {**shares, "aws": shares["aws"] + 1})


@pytest.mark.parametrize("texts", [[], ['"epoch=1"', '"epoch=2"'], ['"epoch=-1"'], ["epoch=1"], ['"epoch=1 x"']])
def test_other_texts_are_no_epoch(texts: list[str]) -> None:
    """What was not written here is not read as an epoch."""
    with pytest.raises(ConfigurationError):
        epoch_in(texts, subject="here")


@given(touched=st.integers(0, 50), existing=st.integers(0, 500), percent=st.integers(1, 100))
def test_a_stop_goes_by_the_share(touched: int, existing: int, percent: int) -> None:
    """A change is stopped if its share of a zone is too great, unless the zone is small or it is forced."""
    much = existing >= 10 and touched * 100 > percent * existing
    check_share(touched, existing, percent / 100, subject="zone", force=True)
    if much:
        with pytest.raises(SafetyStopError, match="zone"):
            check_share(touched, existing, percent / 100, subject="zone", force=False)
    else:
        check_share(touched, existing, percent / 100, subject="zone", force=False)
    assert (existing >= records_needed(touched, percent / 100)) == (touched * 100 <= percent * existing)


def test_names_are_as_zones_have_them() -> None:
    """A name is the same with or without its dot, in capitals or not, and the epoch's is below it."""
    assert full_name("API.example.com") == full_name("api.example.com.") == "api.example.com."
    assert epoch_name("API.example.com") == "_tradewind.api.example.com."


def test_a_zones_order_has_a_subtree_in_one_piece() -> None:
    """Between a name and the record of its epoch come only names below it."""
    names = [
        "api.example.com",
        "b.api.example.com",
        "api-2.example.com",
        "api0.example.com",
        "_tradewind.api.example.com",
    ]

    assert sorted(names, key=place) == [
        "api-2.example.com",
        "api.example.com",
        "_tradewind.api.example.com",
        "b.api.example.com",
        "api0.example.com",
    ]


def test_a_wildcard_is_sorted_as_it_is_listed() -> None:
    """Route 53 lists `*` by its code, and sorts by that."""
    assert place("*.example.com") == place(r"\052.example.com.")


def test_targets_are_each_ones_own() -> None:
    """A target that two endpoints share is named."""
    check_targets({"aws": "a", "gcp": "g"}, subject="here")

    with pytest.raises(ConfigurationError, match="'a' at here"):
        check_targets({"aws": "a", "gcp": "a"}, subject="here")
