"""Whether a copy may go now, from what was spent and booked before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rigs.budgets import DOLLAR, MIB, PRICE, cost
from tradewind.replication.budgets.account import (
    CHANGE,
    HOLD,
    OPEN,
    WINDOW,
    Account,
    Go,
    Need,
    Shard,
    Terms,
    Wait,
    book,
    capacity_of,
    decide,
    window_of,
)
from tradewind.replication.budgets.money import cost_of, month_after, month_of, told

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
TIMES = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - has one
SIZES = st.integers(0, 1 << 43)
MONEY = st.integers(0, 10_000 * DOLLAR)


def account_of(spent: int = 0, **paid: int) -> Account:
    """Return an account of this month."""
    return Account(month_of(NOW), spent, paid, {})


@given(MONEY, MONEY, st.builds(Need, size=SIZES, change=st.booleans()))
def test_nothing_goes_that_exceeds_the_budget_and_all_else_does(limit: int, spent: int, need: Need) -> None:
    """What may go is paid for in full and fits; what may not costs more than is left."""
    match decide(account_of(spent), Terms(limit, None, PRICE), need, NOW):
        case Go(amount, paid):
            assert spent + amount <= limit
            assert cost(need.size) <= cost(paid) == amount
        case Wait(cause, _, until):
            assert cause == "budget"
            assert spent + cost(need.size) > limit
            assert until is None or until == datetime(2026, 12, 1, tzinfo=UTC)


def test_change_is_no_more_than_there_is_room_for() -> None:
    """A process that pays ahead for small objects never keeps the last of a budget from being used."""
    assert decide(account_of(), Terms(95, None, PRICE), Need(10, change=True), NOW) == Go(95, 1020)
    assert cost(1020) == 95
    roomy = decide(account_of(), Terms(DOLLAR, None, PRICE), Need(10, change=True), NOW)
    assert roomy == Go(cost(CHANGE), CHANGE)


def test_what_was_paid_for_before_goes_however_full_the_account_is() -> None:
    """The next worker pays nothing for what the one before it, which died, has paid for."""
    full = account_of(DOLLAR, name=3)

    assert decide(full, Terms(DOLLAR, None, PRICE), Need(MIB, "name"), NOW) == Go(0, MIB, shard=3)
    assert isinstance(decide(full, Terms(DOLLAR, None, PRICE), Need(MIB, "other"), NOW), Wait)


def test_what_no_month_has_room_for_waits_for_a_person() -> None:
    """An object that costs more than the budget of a whole month is not said to go when the month ends."""
    answer = decide(account_of(), Terms(DOLLAR, None, PRICE), Need(1 << 40, "big"), NOW)

    assert answer == Wait("budget", "it costs $102.40, and the rule has $1.00 for a whole month", None)


@given(
    st.dictionaries(st.integers(0, 50), st.integers(0, 200)),
    st.integers(1, 100),
    st.integers(0, 50),
    st.integers(1, 9999),
)
def test_bytes_are_booked_once_and_no_window_has_more_than_it_holds(
    booked: dict[int, int], capacity: int, first: int, size: int
) -> None:
    """All bytes are booked, none in the past, none over a window's capacity, and none later than need be."""
    plan = book(booked, capacity, first, size)

    assert sum(plan.values()) == size
    assert min(plan) >= first
    assert all(booked.get(window, 0) + taken <= capacity for window, taken in plan.items())
    assert all(booked.get(window, 0) + plan.get(window, 0) >= capacity for window in range(first, max(plan)))


@given(st.lists(st.integers(1, 64 * MIB), min_size=1, max_size=30), st.floats(1e6, 1e9))
def test_the_rate_holds_over_any_time(sizes: list[int], rate: float) -> None:
    """However objects come one after the other, what has gone never exceeds the rate but for windows that are begun."""
    account, terms, now, gone = account_of(), Terms(None, rate, 0), NOW, 0
    for size in sizes:
        answer = decide(account, terms, Need(size), now)
        while isinstance(answer, Wait):
            assert answer.until is not None
            assert answer.until - now > timedelta(seconds=HOLD)
            now = answer.until
            answer = decide(account, terms, Need(size), now)
        assert answer.delay <= HOLD
        now += timedelta(seconds=answer.delay)
        assert gone <= capacity_of(rate) * (window_of(now) - window_of(NOW) + 1)
        gone += size
        shard = Shard(booked=account.booked).with_payment(account.month, answer, "", now)
        account = Account.of([shard], now)


def test_a_month_begins_with_nothing_spent() -> None:
    """What was spent in the month before does not count, and a payment adds to what is spent in this one."""
    old = Shard("2026-10", 7 * DOLLAR, {"old": 1}, {})

    assert Account.of([old, Shard("2026-11", 5)], NOW) == Account("2026-11", 5, {}, {})
    assert old.with_payment("2026-11", Go(3, 1), "new", NOW) == Shard("2026-11", 3, {"new": 3}, {})


def test_a_clock_that_is_late_pays_in_the_month_that_others_are_in() -> None:
    """A function whose clock has not reached midnight yet neither forgets nor reuses the month that is over."""
    shards = [Shard("2026-12", 5), Shard("2026-11", 900)]

    assert Account.of(shards, NOW) == Account("2026-12", 5, {}, {})


def test_payments_are_given_back_once_and_in_their_month() -> None:
    """Giving back twice, or after the month, changes nothing."""
    shard = Shard("2026-11", 10, {"name": 4}, {})

    assert shard.without("2026-11", "name") == Shard("2026-11", 6, {}, {})
    assert Shard("2026-11", 6, {}, {}).without("2026-11", "name") is None
    assert shard.without("2026-10", "name") is None


def test_a_shard_stays_small() -> None:
    """Payments by name are remembered up to a number, the latest, and windows as long as they are not over."""
    shard = Shard()
    for number in range(OPEN + 5):
        shard = shard.with_payment("2026-11", Go(1, 1, {window_of(NOW): 1}), f"name-{number}", NOW)
    later = shard.with_payment("2026-11", Go(1, 1, {}), "", NOW + timedelta(seconds=WINDOW))

    assert len(shard.paid) == OPEN
    assert "name-0" not in shard.paid
    assert shard.spent == OPEN + 5
    assert later.booked == {}


@given(MONEY, st.dictionaries(st.text(max_size=4), MONEY), st.dictionaries(st.integers(0), SIZES))
def test_a_shard_is_read_as_it_was_written(spent: int, paid: dict[str, int], booked: dict[int, int]) -> None:
    """JSON keeps all of it."""
    shard = Shard("2026-11", spent, paid, booked)

    assert Shard.of_document(shard.as_document()) == shard


@given(TIMES)
def test_months_follow_each_other(time: datetime) -> None:
    """A month ends when the next one begins, by UTC, also in December."""
    end = month_after(month_of(time))

    assert month_of(end - timedelta(microseconds=1)) == month_of(time) < month_of(end)
    assert end.day == 1


def test_a_month_ends_in_utc() -> None:
    """Whatever the zone of the clock is."""
    tokyo = datetime.fromisoformat("2026-12-01T08:59:59+09:00")

    assert month_of(tokyo) == "2026-11"


@given(st.integers(0, DOLLAR), SIZES, SIZES)
def test_costs_are_rounded_up(price: int, one: int, other: int) -> None:
    """No byte that costs something is free, and two objects cost at least what one of their size does."""
    assert (cost_of(price, one) > 0) == (price * one > 0)
    assert cost_of(price, one) + cost_of(price, other) >= cost_of(price, one + other)


def test_money_is_told_as_people_read_it() -> None:
    """Cents of an amount, and more of what is less than a dollar."""
    assert [told(each) for each in (0, 5 * DOLLAR, 1234 * DOLLAR, 123_456)] == [
        "$0.00",
        "$5.00",
        "$1,234.00",
        "$0.0001",
    ]
