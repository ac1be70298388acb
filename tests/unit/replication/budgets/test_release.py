"""What the timer lets go, and when."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.budgets import MIB, Desk
from tradewind.errors import StoreUnavailableError
from tradewind.replication.budgets.account import capacity_of, window_of
from tradewind.replication.budgets.ledger import SHARDS
from tradewind.replication.budgets.order import AHEAD, TURNOVER
from tradewind.replication.budgets.release import free_bytes

LARGE = 8 * MIB
PAID = 0.01
"""Dollars for more than 60 objects of `LARGE` bytes."""


def full(**more: object) -> Desk:
    """Return a desk whose first rule has nothing to spend."""
    return Desk([{"name": "rule", "to": ["b"], "budget": {"usd_per_month": 0}} | more])


def raised(desk: Desk, **budget: float) -> None:
    """Change the budget of the first rule."""
    first, *rest = desk.fleet.rules
    assert first.budget is not None
    changed = first.model_copy(update={"budget": first.budget.model_copy(update=budget)})
    desk.fleet = desk.fleet.model_copy(update={"rules": (changed, *rest)})


def test_nothing_waits_and_nothing_is_asked() -> None:
    """Where nothing waits a round costs one listing, and the look at the account that metrics tell."""
    desk = full()
    (standing,) = desk.ring()

    assert (standing.waits.objects, standing.waits.size, standing.waits.oldest) == (0, 0, None)
    assert desk.calls() == ["a list"] + ["a get"] * SHARDS
    assert desk.asked == []


def test_what_waits_goes_when_the_budget_is_raised() -> None:
    """The oldest first; it is asked for through the queue, and its record goes."""
    desk = full()
    for key in ("first", "second"):
        desk.copy(key, LARGE)
        desk.pass_time(10)
    (standing,) = desk.ring()
    assert (standing.waits.objects, standing.waits.size) == (2, 2 * LARGE)
    assert standing.waits.oldest == desk.now - timedelta(seconds=20)
    assert desk.asked == []

    raised(desk, usd_per_month=PAID)
    desk.ring()

    assert desk.asked == [("rule", "first"), ("rule", "second")]
    assert desk.waiting() == []


def test_what_waits_goes_when_the_month_turns() -> None:
    """At midnight UTC of the first, as much as the new month has room for."""
    desk = Desk([{"name": "rule", "to": ["b"], "budget": {"usd_per_month": 0.0002}}])
    for number in range(3):
        desk.copy(f"key-{number}", LARGE)
        desk.pass_time(1)
    assert desk.waiting() == ["key-1", "key-2"]
    desk.ring()
    assert desk.asked == []

    desk.now = datetime(2026, 2, 1, tzinfo=UTC)
    desk.ring()

    assert desk.asked == [("rule", "key-1")]
    assert desk.waiting() == ["key-2"]


def test_bandwidth_is_given_out_a_minute_at_a_time() -> None:
    """No more goes than until the timer rings again, and one object at most over that."""
    desk = Desk([{"name": "rule", "to": ["b"], "budget": {"megabytes_per_second": 1}}])
    for number in range(30):
        desk.copy(f"key-{number:02}", LARGE)
        desk.pass_time(0.1)
    waits = len(desk.waiting())
    assert waits == 28

    desk.pass_time(60)
    desk.ring()

    assert len(desk.asked) == 9  # in seven windows, of which the first has begun
    assert len(desk.waiting()) == waits - 9


@given(st.dictionaries(st.integers(0, 8), st.integers(0, 2 * 10**7)), st.floats(0, 59))
def test_free_bytes_are_those_of_the_windows_until_the_next_round(booked: dict[int, int], second: float) -> None:
    """They are what is not booked, and never less than none."""
    now = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=second)
    shifted = {window_of(now) + number: size for number, size in booked.items()}
    free = free_bytes(shifted, 1e6, now)
    windows = range(window_of(now), window_of(now + AHEAD - timedelta(microseconds=1)) + 1)

    assert free == sum(max(0, capacity_of(1e6) - shifted.get(window, 0)) for window in windows)


def test_free_slots_are_filled() -> None:
    """A target that is full lets nothing go; one that is free, some keys for each slot."""
    desk = Desk([{"name": "rule", "to": ["b"]}], {"b": 1})
    with desk.budgets().spending(desk.rule, "a", ["b"], desk.object("busy", 1)):
        for number in range(TURNOVER + 5):
            desk.copy(f"key-{number:02}", 1)
        desk.ring()
        assert desk.asked == []

    desk.ring()

    assert [key for _, key in desk.asked] == [f"key-{number:02}" for number in range(TURNOVER)]
    assert len(desk.waiting()) == 5


def test_a_crash_between_asking_and_forgetting_asks_twice() -> None:
    """A record goes only after the queue has the request."""
    desk = full()
    desk.copy("key", LARGE)
    raised(desk, usd_per_month=PAID)

    def crash(call: str) -> None:
        if call == "delete":
            raise StoreUnavailableError("the timer is dead")

    desk.controls["a"].before = crash
    with pytest.raises(StoreUnavailableError):
        desk.ring()
    desk.controls["a"].before = lambda _: None
    desk.ring()

    assert desk.asked == [("rule", "key")] * 2
    assert desk.waiting() == []


def test_a_key_that_was_put_on_record_again_meanwhile_stays() -> None:
    """A worker that is refused between the request and the removal is not forgotten."""
    desk = full()
    state = desk.object("key", LARGE)
    with desk.budgets().spending(desk.rule, "a", ["b"], state):
        pass
    patron = desk.budgets()
    raised(desk, usd_per_month=PAID)

    def refuse(call: str) -> None:
        if call == "delete":
            desk.controls["a"].before = lambda _: None
            desk.pass_time(1)
            with patron.spending(patron.fleet.rules[0], "a", ["b"], state) as spending:
                assert spending.waiting

    desk.controls["a"].before = refuse
    desk.ring()

    assert desk.asked == [("rule", "key")]
    assert desk.waiting() == ["key"]


def test_a_key_that_was_written_again_waits_as_what_it_is() -> None:
    """It counts once; the record of the version that is gone is tidied away, and the key is asked for once."""
    desk = full()
    desk.copy("key", LARGE)
    desk.pass_time(60)
    desk.copy("key", 3)
    assert desk.waiting() == ["key", "key"]
    (standing,) = desk.ring()
    assert (standing.waits.objects, standing.waits.size) == (1, 3)
    assert standing.waits.oldest == desk.now - timedelta(seconds=60)
    assert desk.waiting() == ["key"]

    raised(desk, usd_per_month=PAID)
    desk.ring()

    assert desk.asked == [("rule", "key")]


def test_rules_come_in_the_order_of_the_file() -> None:
    """Where two rules wait for the same target, the first of the file is asked for first."""
    rules: list[dict[str, object]] = [{"name": "one", "to": ["b"], "prefix": "1"}, {"name": "two", "to": ["b"]}]
    desk = Desk(rules, {"b": 1})
    with desk.budgets().spending(desk.rule, "a", ["b"], desk.object("busy", 1)):
        with desk.budgets().spending(desk.fleet.rules[1], "a", ["b"], desk.object("2", 1)):
            pass
        desk.copy("1", 1)
    desk.ring()

    assert desk.asked == [("one", "1"), ("two", "2")]


def test_each_site_lets_go_what_it_has() -> None:
    """In an active-active rule what waits is on record where it comes from; the account is at the first site."""
    desk = Desk([{"name": "rule", "sites": ["a", "b"], "budget": {"usd_per_month": 0}}])
    with desk.budgets().spending(desk.rule, "b", ["a"], desk.object("key", LARGE)) as spending:
        assert spending.waiting
    raised(desk, usd_per_month=PAID)
    (at_a,), (at_b,) = desk.ring("a"), desk.ring("b")

    assert desk.asked == [("rule", "key")]
    assert at_a.account is not None
    assert at_b.account is None
    assert at_b.waits.objects == 1
