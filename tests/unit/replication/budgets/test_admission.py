"""What the copying of a key asks, and what waits on record."""

from __future__ import annotations

import pytest

from rigs.budgets import MIB, Desk, cost
from tradewind.errors import OverBudgetError, StoreUnavailableError, TransientError
from tradewind.replication.budgets.account import CHANGE, WINDOW
from tradewind.replication.budgets.ledger import SHARDS
from tradewind.replication.budgets.order import TURNOVER
from tradewind.replication.budgets.slots import LOOKS
from tradewind.replication.provenance import Version

LARGE = 8 * MIB
BETWEEN = 20_000_000
"""Nanodollars for a GiB from one region to another."""


def rule(**budget: float) -> dict[str, object]:
    """Return a rule with a budget."""
    return {"name": "rule", "to": ["b", "c"], "budget": budget or None}


def dollars(size: int) -> float:
    """Return what bytes cost between the sites."""
    return cost(size, BETWEEN) / 1e9


def spent(desk: Desk) -> int:
    """Return the nanodollars that are spent."""
    (standing,) = desk.ring()
    assert standing.account is not None
    return standing.account.spent


def test_a_rule_without_limits_costs_no_request() -> None:
    """Who limits nothing pays for nothing, in whichever way it is asked."""
    desk = Desk([rule()])
    budgets, large = desk.budgets(), desk.object("large", LARGE)

    assert desk.copy("key", LARGE, targets=("b", "c")) == ""
    payment = budgets.begin(desk.rule, "a", "b", large)
    assert payment.waits is None
    assert budgets.share(desk.rule, "a", "b", large, [MIB] * 9) == 9
    with budgets.slot("b"):
        pass
    budgets.promise(desk.rule, "a", "b", large)
    budgets.refund(desk.rule, "a", "b", payment)
    budgets.conclude("rule", "b", "large", Version.of(large))
    assert desk.ring() == []
    assert desk.calls() == []


def test_where_bytes_are_free_a_budget_of_money_costs_no_request() -> None:
    """Within one region nothing is spent, and nothing has to be counted."""
    desk = Desk([rule(usd_per_month=0)])
    desk.fleet = desk.fleet.model_copy(
        update={"sites": {name: site.model_copy(update={"region": "r"}) for name, site in desk.fleet.sites.items()}}
    )

    assert desk.copy("key", LARGE) == ""
    assert desk.calls() == []


def test_each_target_is_paid_for() -> None:
    """Bytes that go to two sites cost twice; what has no room waits for that site alone."""
    desk = Desk([rule(usd_per_month=dollars(LARGE) * 1.5)])
    with desk.budgets().spending(desk.rule, "a", ("b", "c"), desk.object("key", LARGE)) as spending:
        assert list(spending.waiting) == ["c"]
        spending.arrived.add("b")

    assert spent(desk) == cost(LARGE, BETWEEN)
    assert desk.waiting() == ["key"]


def test_what_was_not_written_is_given_back() -> None:
    """A copy that failed, or that was not needed after all, has cost nothing."""
    desk = Desk([rule(usd_per_month=dollars(LARGE) * 2)])
    budgets = desk.budgets()
    with budgets.spending(desk.rule, "a", ("b", "c"), desk.object("key", LARGE)) as spending:
        spending.arrived.add("c")
    broken = budgets.spending(desk.rule, "a", ["b"], desk.object("other", LARGE))
    with pytest.raises(StoreUnavailableError), broken:
        raise StoreUnavailableError("a is down")

    assert spent(desk) == cost(LARGE, BETWEEN)
    assert desk.copy("third", LARGE, budgets=budgets) == ""


def test_what_cannot_be_given_back_is_taken_over() -> None:
    """If the control bucket fails just then, the next delivery of the same key pays nothing."""
    desk = Desk([rule(usd_per_month=dollars(LARGE))])

    def fail(_call: str) -> None:
        raise StoreUnavailableError("a is down")

    with desk.budgets().spending(desk.rule, "a", ["b"], desk.object("key", LARGE)):
        desk.controls["a"].before = fail
    desk.controls["a"].before = lambda _: None

    assert spent(desk) == cost(LARGE, BETWEEN)
    assert desk.copy("key", LARGE) == ""
    assert desk.copy("other", LARGE) != ""


def test_a_site_that_cannot_be_asked_is_told_apart_from_a_full_budget() -> None:
    """Then nothing goes and nothing waits on record: the queue brings the message back."""
    desk = Desk([rule(usd_per_month=5)])

    def fail(_call: str) -> None:
        raise StoreUnavailableError("a is down")

    desk.controls["a"].before = fail
    with desk.budgets().spending(desk.rule, "a", ["b"], desk.object("key", LARGE)) as spending:
        pass

    assert [str(each) for each in spending.failed.values()] == ["a is down"]
    assert spending.waiting == {}


def test_what_waits_is_told_with_its_reason_and_when_it_goes() -> None:
    """On record is which key, why, and from when on it may go."""
    desk = Desk([rule(usd_per_month=0)])
    reason = desk.copy("models/a.bin", LARGE)
    (listed,) = desk.records("a").list("waiting/rule/b/")
    held = desk.records("a").read(listed.key)

    assert reason == "it costs $0.0002, and the rule has $0.00 for a whole month"
    assert held is not None
    assert {name: held.value[name] for name in ("key", "cause", "reason", "until")} == {
        "key": "models/a.bin",
        "cause": "budget",
        "reason": reason,
        "until": None,
    }


def test_a_key_that_waits_already_is_on_record_once() -> None:
    """However often a sweep or a duplicate asks for it."""
    desk = Desk([rule(usd_per_month=0)])
    state = desk.object("key", LARGE)
    for _ in range(3):
        with desk.budgets().spending(desk.rule, "a", ["b"], state) as spending:
            assert spending.waiting
        desk.pass_time(60)

    assert desk.waiting() == ["key"]


def test_a_short_wait_for_bandwidth_is_spent_in_the_function() -> None:
    """What may go within seconds is not put on record, and what may not is."""
    desk = Desk([rule(megabytes_per_second=LARGE / 1e6)])
    begun = desk.now
    for number in range(10):
        assert desk.copy(str(number), LARGE) == ""
    assert desk.now == begun
    reason = desk.copy("soon", LARGE)
    assert reason.startswith("the rule's 8.38861 MB a second are booked until 00:00:10")

    desk.pass_time(WINDOW - 2)
    assert desk.copy("now", LARGE) == ""
    assert (desk.now - begun).total_seconds() == WINDOW
    assert desk.waiting() == ["soon"]


def test_a_target_takes_so_many_at_a_time() -> None:
    """The next one waits some seconds within the function, and then on record; a slot is free when a copy has ended."""
    desk = Desk([rule()], {"b": 1})
    budgets = desk.budgets()
    with budgets.spending(desk.rule, "a", ["b"], desk.object("one", 1)) as first:
        assert first.waiting == {}
        assert desk.copy("two", 1) == "1 copies are being written to b, as many as it takes"
        assert desk.copy("elsewhere", 1, targets=["c"]) == ""

    assert desk.copy("three", 1) == ""
    assert desk.waiting() == ["two"]
    assert list(desk.records("b").list("slots/")) == []


def test_who_gets_no_slot_has_paid_nothing() -> None:
    """Money for a copy that waits for its target is there for others."""
    desk = Desk([rule(usd_per_month=dollars(LARGE))], {"b": 1})
    with desk.budgets().spending(desk.rule, "a", ["b"], desk.object("tiny", 0)):
        assert "copies are being written" in desk.copy("key", LARGE)

    assert desk.copy("key", LARGE, targets=["c"]) == ""


def test_a_large_object_is_paid_for_once() -> None:
    """Whoever begins its job, and however often, pays for it once; its parts only book their bytes."""
    desk = Desk([rule(usd_per_month=1, megabytes_per_second=100)])
    state = desk.object("large", 100 * LARGE)
    for _ in range(3):
        assert desk.budgets().begin(desk.rule, "a", "b", state).waits is None
    assert desk.budgets().share(desk.rule, "a", "b", state, [LARGE] * 100) == 100

    (standing,) = desk.ring()
    assert standing.account is not None
    assert standing.account.spent == cost(100 * LARGE, BETWEEN)
    assert sum(standing.account.booked.values()) == 100 * LARGE
    assert desk.waiting() == []


def test_only_who_has_paid_gives_back() -> None:
    """A payment that was taken over is not given back by who took it over; it may be in use."""
    desk = Desk([rule(usd_per_month=1)])
    state = desk.object("large", LARGE)
    first = desk.budgets().begin(desk.rule, "a", "b", state)
    second = desk.budgets().begin(desk.rule, "a", "b", state)

    desk.budgets().refund(desk.rule, "a", "b", second)
    assert spent(desk) == cost(LARGE, BETWEEN)
    for _ in range(2):
        desk.budgets().refund(desk.rule, "a", "b", first)
        assert spent(desk) == 0


def test_a_job_that_is_over_is_paid_for_again() -> None:
    """Its end is known to every process at once and gives nothing back; it is the end of no other payment."""
    desk = Desk([rule(usd_per_month=1)])
    state = desk.object("large", LARGE)
    desk.budgets().begin(desk.rule, "a", "b", state)
    for name, target, key in (("rule", "c", "large"), ("rule", "b", "other"), ("gone", "b", "large")):
        desk.budgets().conclude(name, target, key, Version.of(state))
    desk.budgets().begin(desk.rule, "a", "b", state)
    assert spent(desk) == cost(LARGE, BETWEEN)

    for _ in range(2):
        desk.budgets().conclude("rule", "b", "large", Version.of(state))
    assert spent(desk) == cost(LARGE, BETWEEN)
    desk.budgets().begin(desk.rule, "a", "b", state)
    assert spent(desk) == 2 * cost(LARGE, BETWEEN)


def test_a_large_object_that_is_over_budget_waits() -> None:
    """Its job is not begun."""
    desk = Desk([rule(usd_per_month=dollars(LARGE))])

    assert "for a whole month" in str(
        desk.budgets().begin(desk.rule, "a", "b", desk.object("large", 100 * LARGE)).waits
    )
    assert desk.waiting() == ["large"]


def test_parts_go_a_minute_at_a_time_where_bandwidth_is_limited() -> None:
    """As many as a minute has room for, one at least; the key waits for the rest, and goes when there is room again."""
    desk = Desk([rule(megabytes_per_second=1)])
    state = desk.object("large", 100 * LARGE)
    assert desk.budgets().share(desk.rule, "a", "b", state, [LARGE] * 100) == 7
    assert desk.budgets().share(desk.rule, "a", "b", state, [LARGE] * 93) == 0
    assert desk.waiting() == ["large"]

    desk.pass_time(60)
    desk.ring()

    assert desk.asked == [("rule", "large")]
    assert desk.budgets().share(desk.rule, "a", "b", state, [200 * LARGE]) == 1


def test_parts_go_as_many_as_their_target_has_slots_for() -> None:
    """Some for each free slot; each holds one while it is written, and one that finds none comes back by the queue."""
    desk = Desk([rule()], {"b": 1})
    state = desk.object("large", 100 * LARGE)
    assert desk.budgets().share(desk.rule, "a", "b", state, [LARGE] * 100) == TURNOVER
    assert desk.waiting() == ["large"]
    with desk.budgets().slot("b"):
        assert desk.budgets().share(desk.rule, "a", "b", state, [LARGE] * 100) == 0
        with pytest.raises(TransientError, match="the queue brings the part back"), desk.budgets().slot("b"):
            pass
    with desk.budgets().slot("b"), desk.budgets().slot("c"):
        pass
    assert list(desk.records("b").list("slots/")) == []


def test_parts_leave_no_change_that_nobody_paid_for() -> None:
    """Bytes of a part that are only booked never pay for a small object."""
    desk = Desk([rule(usd_per_month=1, megabytes_per_second=1000)])
    budgets = desk.budgets()
    budgets.share(desk.rule, "a", "b", desk.object("large", 100 * LARGE), [10])
    desk.copy("small", 10, budgets=budgets)

    assert spent(desk) == cost(CHANGE, BETWEEN)


def test_a_promise_is_kept() -> None:
    """What was promised goes, though others have used up the budget meanwhile; what has no room is not promised."""
    desk = Desk([rule(usd_per_month=dollars(2 * LARGE))])
    member = desk.object("member", LARGE)
    desk.budgets().promise(desk.rule, "a", "b", member)
    desk.copy("other", LARGE)

    with desk.budgets().spending(desk.rule, "a", ["b"], member) as spending:
        assert spending.waiting == {}
        spending.arrived.add("b")
    with pytest.raises(OverBudgetError, match="are spent"):
        desk.budgets().promise(desk.rule, "a", "b", desk.object("next", LARGE))
    with pytest.raises(OverBudgetError, match="'small' waits at a"):
        desk.budgets().promise(desk.rule, "a", "b", desk.object("small", 100))
    assert desk.waiting() == []


def test_a_small_promise_is_only_asked_for() -> None:
    """It takes nothing out of the change of the process."""
    desk = Desk([rule(usd_per_month=1)])
    budgets = desk.budgets()
    for _ in range(5):
        budgets.promise(desk.rule, "a", "b", desk.object("small", CHANGE))
    desk.copy("small", CHANGE, budgets=budgets)

    assert spent(desk) == cost(CHANGE, BETWEEN)


def test_what_a_limited_copy_costs_in_requests() -> None:
    """A large object under a budget: its account and one write; a small one: mostly nothing; a slot: three requests."""
    desk = Desk([rule(usd_per_month=5)], {"c": 9})
    budgets = desk.budgets()
    desk.copy("small", 10, budgets=budgets)
    assert desk.calls() == ["a get"] * SHARDS + ["a put"]
    desk.copy("small too", 10, budgets=budgets)
    assert desk.calls() == []
    desk.copy("large", LARGE, budgets=budgets)
    assert desk.calls() == ["a get"] * SHARDS + ["a put"]
    desk.copy("small", 10, targets=["c"], budgets=budgets)
    assert desk.calls() == ["a get"] * SHARDS + ["a put"] + ["c put", "c list", "c delete"]
    assert LOOKS > 1
