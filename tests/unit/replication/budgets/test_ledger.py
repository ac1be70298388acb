"""Paying for copies: many functions at once, workers that die, months that end."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.budgets import DOLLAR, MIB, WAY, Bank, cost, interleave
from tradewind.errors import PreconditionFailedError, StoreUnavailableError, TransientError
from tradewind.replication.budgets.account import CHANGE, Wait
from tradewind.replication.budgets.ledger import KNOWN, SHARDS, Receipt

LARGE = 8 * MIB


def taken(paid: Receipt | Wait) -> Receipt:
    """Return what was paid."""
    assert isinstance(paid, Receipt)
    return paid


def refused(paid: Receipt | Wait) -> bool:
    """Say whether something has to wait."""
    return isinstance(paid, Wait)


def test_a_payment_is_a_look_at_the_account_and_one_write() -> None:
    """One GET for each document of the account, and one PUT."""
    bank = Bank()
    bank.pay(bank.ledger(), LARGE, "one")

    assert bank.store.calls == ["get"] * SHARDS + ["put"]
    assert bank.spent() == cost(LARGE)


def test_small_objects_are_paid_for_out_of_change() -> None:
    """A thousand small objects make one payment, and each process pays for itself."""
    bank, ledger = Bank(), None
    ledger = bank.ledger()
    for _ in range(1024):
        taken(bank.pay(ledger, CHANGE // 1024, change=True))
    calls = len(bank.store.calls)
    bank.pay(bank.ledger(), 1, change=True)

    assert calls == SHARDS + 1
    assert bank.spent() == 2 * cost(CHANGE)


def test_change_that_is_given_back_is_used_again() -> None:
    """A small copy that failed costs no request to give back, and the next one is paid for by it."""
    bank = Bank()
    ledger = bank.ledger()
    for _ in range(50):
        ledger.give_back(bank.rule, WAY, taken(bank.pay(ledger, CHANGE, change=True)))

    assert bank.spent() == cost(CHANGE)
    assert len(bank.store.calls) == 2 * SHARDS + 1


def test_the_last_of_a_budget_is_used() -> None:
    """What is left when others have paid ahead goes to whoever needs no more than that."""
    limit = cost(3 * CHANGE // 2)
    bank = Bank(limit)
    one, two = bank.ledger(), bank.ledger()
    taken(bank.pay(one, 1, change=True))
    taken(bank.pay(two, CHANGE // 2 - 100, change=True))

    assert refused(bank.pay(two, CHANGE, change=True))
    assert bank.spent() <= limit


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, 3 * LARGE), min_size=1, max_size=4), min_size=2, max_size=5),
    st.lists(st.integers(0, 99), max_size=300),
    st.integers(1, 6 * LARGE),
)
def test_functions_at_once_exceed_a_budget_by_one_object_each_at_most(
    sizes: list[list[int]], schedule: list[int], limit: int
) -> None:
    """However their requests interleave; what they paid is what is on record."""
    bank = Bank(limit=cost(limit))
    paid: list[int] = []

    def function(number: int) -> None:
        ledger = bank.ledger()
        for at, size in enumerate(sizes[number]):
            if isinstance(bank.pay(ledger, size, f"{number}/{at}"), Receipt):
                paid.append(cost(size))

    work = [partial(function, number) for number in range(len(sizes))]
    interleave(bank.store, work, iter(schedule))

    assert bank.spent() == sum(paid)
    assert sum(paid) <= cost(limit) + sum(cost(max(each)) for each in sizes[1:])


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.lists(st.integers(1, CHANGE), min_size=1, max_size=5), min_size=2, max_size=5),
    st.lists(st.integers(0, 99), max_size=300),
    st.integers(1, 4 * CHANGE),
)
def test_functions_at_once_exceed_a_budget_by_their_change_at_most(
    sizes: list[list[int]], schedule: list[int], limit: int
) -> None:
    """Of small objects each function pays for a few MiB at once, and nothing goes that is not paid for."""
    bank = Bank(limit=cost(limit))
    gone: list[int] = []

    def function(number: int) -> None:
        ledger = bank.ledger()
        gone.extend(size for size in sizes[number] if isinstance(bank.pay(ledger, size, change=True), Receipt))

    work = [partial(function, number) for number in range(len(sizes))]
    interleave(bank.store, work, iter(schedule))

    assert sum(cost(size) for size in gone) <= bank.spent() + len(gone)  # each alone is rounded up
    assert bank.spent() <= cost(limit) + (len(sizes) - 1) * cost(CHANGE)


def test_one_function_after_the_other_never_exceeds_a_budget() -> None:
    """Where nothing happens at the same time, the budget is exact."""
    bank = Bank(limit=cost(10 * LARGE))
    answers = [bank.pay(bank.ledger(), LARGE, f"{number}") for number in range(15)]

    assert [refused(each) for each in answers] == [False] * 10 + [True] * 5
    assert bank.spent() == bank.limit


def test_a_worker_that_follows_one_that_died_pays_nothing() -> None:
    """What a dead worker paid for is taken over by whoever brings the same version to the same target."""
    bank = Bank(limit=cost(LARGE))
    bank.pay(bank.ledger(), LARGE, "name")

    again = taken(bank.pay(bank.ledger(), LARGE, "name"))

    assert bank.spent() == cost(LARGE)
    assert refused(bank.pay(bank.ledger(), LARGE, "other"))
    bank.ledger().give_back(bank.rule, WAY, again)
    assert bank.spent() == cost(LARGE)  # the first may have brought it before it died


def test_a_worker_that_dies_at_any_request_costs_no_more_than_its_object() -> None:
    """Killed before or after any request of its payment, the account holds it once or not at all."""
    for call in range(SHARDS + 1):
        for late in (False, True):
            bank = Bank()
            _die_at(bank, call, after=late)
            assert bank.spent() in (0, cost(LARGE))
            bank.pay(bank.ledger(), LARGE, "name")
            assert bank.spent() == cost(LARGE)


def _die_at(bank: Bank, call: int, *, after: bool) -> None:
    seen = 0

    def die(_name: str) -> None:
        nonlocal seen
        seen += 1
        if seen == call + 1:
            raise StoreUnavailableError("the worker is dead")

    if after:
        bank.store.after = die
    else:
        bank.store.before = die
    with pytest.raises(StoreUnavailableError):
        bank.pay(bank.ledger(), LARGE, "name")
    bank.store.before = bank.store.after = lambda _: None


def test_what_failed_is_given_back() -> None:
    """After that it is as if it had not been paid; giving back twice changes nothing."""
    bank = Bank(limit=cost(LARGE))
    ledger = bank.ledger()
    receipt = taken(bank.pay(ledger, LARGE, "name"))
    ledger.give_back(bank.rule, WAY, receipt)
    ledger.give_back(bank.rule, WAY, receipt)

    assert bank.spent() == 0
    assert not refused(bank.pay(ledger, LARGE, "other"))


def test_what_is_concluded_goes_again_for_its_price() -> None:
    """Any process may note that a job is over: what was paid stays paid, and nobody can give it back any more."""
    bank = Bank()
    receipt = taken(bank.pay(bank.ledger(), LARGE, "name"))
    for name in ("name", "unknown", "name"):
        bank.ledger().conclude(bank.rule, name)
    bank.ledger().give_back(bank.rule, WAY, receipt)
    once = bank.spent()
    assert once > 0

    bank.pay(bank.ledger(), LARGE, "name")
    assert bank.spent() == 2 * once


def test_what_arrived_and_goes_again_is_paid_again() -> None:
    """Once a copy has arrived its payment is nobody's to take over; noting that costs no request."""
    bank = Bank()
    ledger = bank.ledger()
    receipt = taken(bank.pay(ledger, LARGE, "name"))
    calls = len(bank.store.calls)
    ledger.arrived(receipt)
    assert len(bank.store.calls) == calls

    bank.pay(ledger, LARGE, "next")
    bank.pay(ledger, LARGE, "name")

    assert bank.spent() == 3 * cost(LARGE)


def test_a_new_month_has_a_new_budget() -> None:
    """At midnight UTC what was spent is forgotten, and so is the change of the old month."""
    bank = Bank(limit=cost(LARGE), now=datetime(2026, 1, 31, 23, 59, 59, tzinfo=UTC))
    ledger = bank.ledger()
    taken(bank.pay(ledger, 1, change=True))
    taken(bank.pay(ledger, CHANGE, "one"))
    assert refused(bank.pay(ledger, CHANGE, "two"))

    bank.pass_time(1)

    assert bank.spent() == 0
    taken(bank.pay(ledger, 1, change=True))
    assert bank.spent() == cost(CHANGE)


def test_a_full_account_is_not_read_for_every_small_object() -> None:
    """For a while a process refuses by what it read last, then looks again; a raised budget counts at once."""
    bank = Bank(limit=cost(1000))
    ledger = bank.ledger()
    assert refused(bank.pay(ledger, MIB, change=True))
    calls = len(bank.store.calls)
    assert refused(bank.pay(ledger, MIB, change=True))
    assert len(bank.store.calls) == calls

    bank.pass_time(KNOWN.total_seconds())
    assert refused(bank.pay(ledger, MIB, change=True))
    assert len(bank.store.calls) == calls + SHARDS

    bank.limit = DOLLAR
    assert not refused(bank.pay(ledger, MIB, change=True))


def test_bytes_are_booked_and_what_comes_too_soon_waits() -> None:
    """At a rate of an object a second, windows of ten seconds take ten, and the eleventh has to wait."""
    bank = Bank(limit=None, rate=LARGE)
    answers = [bank.pay(bank.ledger(), LARGE, f"{number}") for number in range(11)]

    assert [refused(each) for each in answers] == [False] * 10 + [True]
    bank.pass_time(6)
    assert not refused(bank.pay(bank.ledger(), LARGE, "last"))


def test_a_site_that_cannot_be_asked_lets_nothing_go() -> None:
    """Where nobody knows what was spent, nothing is spent."""
    bank = Bank()

    def fail(_call: str) -> None:
        raise StoreUnavailableError("a is down")

    bank.store.before = fail

    with pytest.raises(StoreUnavailableError):
        bank.pay(bank.ledger(), LARGE, "name")


def test_a_document_that_others_write_all_the_time_is_left_to_a_later_delivery() -> None:
    """A payment that never gets through is no payment."""
    bank = Bank()

    def contend(call: str) -> None:
        if call == "put":
            raise PreconditionFailedError("somebody was faster")

    bank.store.before = contend

    with pytest.raises(TransientError, match="changed 16 times"):
        bank.pay(bank.ledger(), LARGE, "name")
    bank.store.before = lambda _: None
    assert bank.spent() == 0
