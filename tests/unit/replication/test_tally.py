"""Tallies of parts add up to the tally of the whole, and their quantiles are near the true ones."""

import json
import math
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.replication.seeing.compare import Finding
from tradewind.replication.seeing.tally import (
    BACKLOG,
    ERROR,
    IN_SYNC,
    INCOMPLETE,
    REFUSED,
    SAMPLE,
    Lags,
    Tally,
    TargetTally,
)

WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Seen:
    """One call of `add`."""

    target: str
    finding: str
    size: int
    lag: timedelta | None
    age: timedelta | None
    repairable: bool
    key: str


durations = st.one_of(st.none(), st.timedeltas(min_value=-timedelta(seconds=2), max_value=WEEK))
sightings = st.builds(
    Seen,
    target=st.sampled_from("abc"),
    finding=st.sampled_from([*Finding]),
    size=st.integers(0, 2**50),
    lag=durations,
    age=durations,
    repairable=st.booleans(),
    key=st.text("ab", max_size=3),
)


def tally_of(seen: list[Seen]) -> Tally:
    """Return a tally of all of them."""
    tally = Tally("models")
    for each in seen:
        tally.keys += 1
        tally.add(
            each.target,
            each.finding,
            size=each.size,
            lag=each.lag,
            age=each.age,
            repairable=each.repairable,
            key=each.key,
        )
    return tally


@given(st.lists(st.lists(sightings, max_size=6), max_size=6))
def test_the_parts_add_up(parts: list[list[Seen]]) -> None:
    """However the work was divided, the merged tallies are the tally of everything."""
    merged = Tally("models")
    for part in parts:
        merged.merge(tally_of(part))

    assert merged == tally_of([each for part in parts for each in part])


@given(st.lists(sightings))
def test_a_record_keeps_it(seen: list[Seen]) -> None:
    """A tally that was written to a record as JSON and read again is the same."""
    tally = tally_of(seen)

    assert Tally.of_document(json.loads(json.dumps(tally.as_document()))) == tally


@given(st.lists(st.timedeltas(min_value=timedelta(), max_value=WEEK), min_size=1), st.floats(0.01, 1))
def test_a_quantile_is_near_the_true_one(lags: list[timedelta], share: float) -> None:
    """A quantile is within the stated error of the duration at that rank, and never above the longest."""
    histogram = Lags()
    for lag in lags:
        histogram.add(lag)
    true = sorted(lags)[math.ceil(share * len(lags)) - 1].total_seconds()
    told = histogram.quantile(share)

    assert told is not None
    assert abs(told - true) <= true * ERROR * (1 + 1e-9) + 0.001
    assert told <= histogram.longest == max(lags).total_seconds()


def test_the_findings_are_those_of_a_comparison() -> None:
    """What is counted by name is what a comparison says."""
    assert {*IN_SYNC, *BACKLOG, REFUSED, INCOMPLETE} <= {str(finding) for finding in Finding}


def test_without_a_lag_there_is_no_quantile() -> None:
    """Where no lag is known, none is told."""
    assert Lags().quantile(0.5) is None


def test_what_is_in_sync() -> None:
    """A replica of the present version counts with its bytes and its lag, proven or not."""
    tally = Tally("models")
    tally.add("b", Finding.MATCH, size=5, lag=timedelta(seconds=3))
    tally.add("b", Finding.UNPROVEN, size=7)

    assert (tally.targets["b"].objects, tally.targets["b"].size) == (2, 12)
    assert tally.targets["b"].lags.longest == 3


@pytest.mark.parametrize("finding", [Finding.MISSING, Finding.STALE, Finding.METADATA])
def test_what_waits(finding: str) -> None:
    """What a target is still to get is backlog, with the bytes and the age of the oldest."""
    tally = Tally("models")
    tally.add("b", finding, size=5, age=timedelta(seconds=40))
    tally.add("b", finding, size=7, age=timedelta(seconds=30))

    of = tally.targets["b"]
    assert (of.backlog, of.backlog_size, of.oldest, of.objects) == (2, 12, 40.0, 0)


@pytest.mark.parametrize("finding", sorted(BACKLOG))
def test_what_nobody_mends_does_not_wait(finding: str) -> None:
    """What looking at again does not mend is counted by itself, and its age is that of no backlog."""
    tally = Tally("models")
    tally.add("b", finding, size=5, age=timedelta(days=40), repairable=False)

    of = tally.targets["b"]
    assert (of.backlog, of.backlog_size, of.oldest, of.stuck, of.findings[finding]) == (0, 0, None, 1, 1)


def extras(*keys: str) -> Tally:
    """Return a tally of keys that are extra at `b`."""
    tally = Tally("models")
    for key in keys:
        tally.add("b", Finding.EXTRA, key=key)
    return tally


def test_a_delete_that_was_not_brought_is_backlog_without_an_age() -> None:
    """No store says when something was deleted, so what is extra for the first time waits for a time not known."""
    of = extras("1", "2").targets["b"]

    assert (of.backlog, of.oldest, of.extras) == (2, None, ["1", "2"])


@pytest.mark.parametrize(("before", "waits"), [(["2", "3"], 600.0), (["3"], None), ([], None)])
def test_what_is_extra_again_waits_since_it_was_so_before(before: list[str], waits: float | None) -> None:
    """The same key in two comparisons has an age; one that another delete takes the place of has none."""
    tally = extras("1", "2")
    tally.linger(extras(*before), timedelta(minutes=10))

    assert tally.targets["b"].oldest == waits


def test_only_some_of_the_extra_keys_are_remembered() -> None:
    """However many there are, two tallies remember those of the smallest fingerprints, and so the same ones."""
    keys = [f"{number:04}" for number in range(3 * SAMPLE)]

    assert extras(*keys[::-1]).targets["b"].extras == keys[:SAMPLE]


@pytest.mark.parametrize("finding", sorted({*Finding} - IN_SYNC - BACKLOG))
def test_what_is_neither(finding: str) -> None:
    """What a person has to look at is counted by its name, and is neither in sync nor backlog."""
    tally = Tally("models")
    tally.add("b", finding, size=5, age=timedelta(seconds=40), lag=timedelta(seconds=40))

    expected = TargetTally()
    expected.findings[finding] = 1
    assert tally.targets == {"b": expected}
