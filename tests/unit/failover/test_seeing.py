"""What an observer makes of a look, and whose views it believes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rigs.judging import endpoint, group
from tradewind.failover.looking.seeing import STILL, hear, seen, sights
from tradewind.failover.views import Breaker, EndpointView, Heard, Known, Sample, View
from tradewind.ports import Answer

START = datetime(2026, 1, 1, tzinfo=UTC)
STALE = timedelta(seconds=60)
GOOD = Answer("", 0.05, load=12.0)
LATE = Answer("", 0.9)
REFUSED = Answer("connection refused", 0.01)


def after(*answers: Answer) -> EndpointView:
    """Return the view of an endpoint after looks that had these answers."""
    view = None
    for nth, answer in enumerate(answers):
        view = seen(
            view,
            observer="a",
            answers={"e": answer},
            endpoints={"e": endpoint()},
            groups=[group("e", rounds=2), group("e", rounds=5)],
            now=START + timedelta(seconds=20 * nth),
        )
    assert view is not None
    return view.endpoints["e"]


def at(seconds: float) -> datetime:
    """Return a time by the reader's clock."""
    return START + timedelta(seconds=seconds)


def other(round_: int, name: str = "b") -> View:
    """Return another observer's view; its own time says nothing."""
    return View(name, round_, datetime(1970, 1, 1, tzinfo=UTC))


def test_looks_are_counted_in_a_row() -> None:
    """Good ones, failed ones, and those that were failed or late."""
    view = after(GOOD, REFUSED, REFUSED)
    assert (view.failing, view.passing, view.slow, view.reason, view.load) == (2, 0, 2, "connection refused", 12.0)
    assert view.samples == (Sample(good=True, seconds=0.05),) + (Sample(good=False, seconds=0.01),) * 2

    view = after(REFUSED, LATE, LATE)
    assert (view.failing, view.passing, view.slow, view.reason) == (0, 2, 3, "connection refused")

    view = after(LATE, GOOD)
    assert (view.passing, view.slow) == (2, 0)


def test_the_breaker_goes_by_the_least_patient_group() -> None:
    """An endpoint may be in several groups."""
    assert after(REFUSED).breaker is Breaker.CLOSED
    assert after(REFUSED, REFUSED).breaker is Breaker.OPEN


def test_a_view_goes_on_from_the_one_before() -> None:
    """Its round grows; what is remembered is kept; what is no endpoint any more is forgotten."""
    known = {"g": Known(1, START, 1, START)}
    old = View("a", 7, START, {"gone": EndpointView(), "e": EndpointView(passing=4)}, {"b": Heard(3, START)}, known)

    new = seen(old, observer="a", answers={}, endpoints={"e": endpoint()}, groups=[], now=at(20))

    assert new == replace(old, round=8, at=at(20), endpoints={"e": EndpointView(passing=4)})


def test_an_observer_that_lost_its_view_goes_on_later_than_before() -> None:
    """Otherwise the others would take what it says for an old copy."""
    first = seen(None, observer="a", answers={}, endpoints={}, groups=[], now=START)
    again = seen(None, observer="a", answers={}, endpoints={}, groups=[], now=at(3600))

    assert first.round < first.round + 180 < again.round


class Reader:
    """An observer that reads another's views."""

    def __init__(self) -> None:
        """Begin with nothing heard."""
        self.view = View("a", 1, START)

    def reads(self, round_: int | None, seconds: float) -> str:
        """Read a view of that round (None: none at all) at that time; say why it does not count, or ""."""
        others = {} if round_ is None else {"b": other(round_)}
        view = seen(self.view, observer="a", answers={}, endpoints={}, groups=[], now=at(seconds))
        self.view = replace(view, heard=hear(view.heard, others, at(seconds), STALE))
        judged = sights(("a", "b"), self.view, others, at(seconds), STALE)
        assert set(judged.views) | set(judged.missing) == {"a", "b"}
        return judged.missing.get("b", "")


def test_a_view_counts_once_it_is_seen_to_go_on() -> None:
    """One that was only found may be from last year."""
    reader = Reader()

    assert reader.reads(5, 0) == "was found, and has not moved yet"
    assert reader.reads(5, 20) == "was found, and has not moved yet"
    assert not reader.reads(6, 40)
    assert not reader.reads(6, 100)


def test_a_view_that_went_on_while_nobody_read_it_was_only_found() -> None:
    """Its observer may be dead since then: a reader that was away, or could not read, waits for one round more."""
    for looks in ((), (None,) * (STILL + 1)):
        reader = Reader()
        reader.reads(5, 0)
        reader.reads(6, 20)
        for nth, round_ in enumerate(looks):
            reader.reads(round_, 21 + nth)
        later = 30 if looks else 90

        assert reader.reads(9, later) == "was found, and has not moved yet"
        assert reader.reads(9, later + 20) == "was found, and has not moved yet"
        assert not reader.reads(10, later + 40)


def test_a_view_that_stands_still_becomes_stale() -> None:
    """By the reader's clock, and until it goes on."""
    reader = Reader()
    reader.reads(5, 0)
    reader.reads(6, 20)

    assert reader.reads(6, 85) == "has not moved for 65 s"
    assert not reader.reads(7, 105)


def test_a_view_that_stands_still_becomes_stale_though_the_clock_does_too() -> None:
    """The reader's own looks are counted as well."""
    reader = Reader()
    reader.reads(5, 0)
    reader.reads(6, 0)
    told = [reader.reads(6, 0) for _ in range(STILL + 1)]

    assert told == [""] * STILL + ["has not moved for 4 looks"]


def test_a_clock_that_is_put_back_makes_nothing_fresh() -> None:
    """Views count again when they go on."""
    reader = Reader()
    reader.reads(5, 1000)
    reader.reads(6, 1020)

    assert reader.reads(6, 500) == "was found, and has not moved yet"
    assert reader.reads(6, 1021) == "was found, and has not moved yet"
    assert not reader.reads(7, 1040)


def test_a_copy_from_earlier_does_not_count() -> None:
    """And when the later one is seen again, that is no going on."""
    reader = Reader()
    reader.reads(5, 0)
    reader.reads(9, 20)

    assert reader.reads(6, 40) == "is of round 6, and round 9 was seen before"
    assert not reader.reads(9, 60)
    assert reader.reads(9, 90) == "has not moved for 70 s"


def test_a_view_that_is_not_there_is_missed_with_the_reason() -> None:
    """None at all, or none that could be read."""
    own = View("a", 1, START)
    judged = sights(("a", "b", "c"), own, {}, START, STALE, unread={"c": "no answer within 3 s"})

    assert judged.views == {"a": own}
    assert judged.missing == {"b": "no view", "c": "cannot be read: no answer within 3 s"}


def test_an_observer_that_is_no_more_is_forgotten() -> None:
    """The fleet file does not name it any more; one that is only away is not forgotten."""
    heard = {name: Heard(7, START, moved=True, read=START) for name in ("b", "gone")}

    assert set(hear(heard, {}, at(20), STALE)) == {"b", "gone"}
    assert set(hear(heard, {"gone": other(8, "gone")}, at(20), STALE, observers=("a", "b"))) == {"b"}


def test_an_own_view_from_before_a_long_pause_does_not_count() -> None:
    """A function that was frozen in the middle of a round judges by nothing that it saw before."""
    own = View("a", 1, START)

    assert sights(("a",), own, {}, at(65), STALE).missing == {"a": "has not moved for 65 s"}
    assert sights(("a",), own, {}, at(-1), STALE).missing == {"a": "is from the future, by a clock that was put back"}


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.booleans(), st.integers(0, 100), st.sampled_from([0, 0, 0, 0, -3600, -70, 50, 3600])
        ),
        max_size=40,
    )
)
def test_a_dead_observer_is_believed_for_a_few_looks_at_most(steps: list[tuple[bool, bool, int, int]]) -> None:
    """Whatever the reader's clock does: once a view stopped going on, it counts in few more looks, and then never."""
    reader, round_, clock = Reader(), 100, 0
    still: list[str] = []
    for goes_on, readable, seconds, jump in steps:
        clock += seconds + jump
        if goes_on:
            round_ += 1
            still.clear()
        told = reader.reads(round_ if readable else None, clock)
        if readable and not goes_on:
            still.append(told)

    assert still.count("") <= STILL + 1
