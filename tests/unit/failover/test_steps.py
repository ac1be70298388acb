"""How a group's routing goes on."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.failover.deciding.decisions import FailOver
from tradewind.failover.moving import steps
from tradewind.failover.moving.steps import Act
from tradewind.failover.remembering import PATIENCE, my_turn, remember, settled_for
from tradewind.failover.routing import Kind, Routing, State, Step
from tradewind.failover.views import Known

NOW = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
ACT = Act("aws-use1", NOW)
SETTLED = Routing(7, State.SETTLED, Kind.FAILOVER, {"a": 100, "b": 0}, {"a": 0, "b": 100}, "because", "gcp-euw4")
FAIL_OVER = FailOver({"a": 0, "b": 100}, "a is down")
OBSERVERS = ("aws-use1", "gcp-euw4", "az-weu")
EVERY = timedelta(seconds=20)
COOLDOWN = timedelta(seconds=300)


def elected() -> Routing:
    """Return an epoch that was just elected."""
    detected = steps.detect(SETTLED, 7, "a is down", ACT)
    assert detected is not None
    routing = steps.elect(detected, 7, FAIL_OVER, ACT)
    assert routing is not None
    return routing


def test_a_failover_keeps_what_it_leaves_and_when_it_was_detected() -> None:
    """An elected epoch knows the weights before it, and begins with its detection."""
    routing = elected()
    assert (routing.epoch, routing.state, routing.kind) == (8, State.ELECTED, Kind.FAILOVER)
    assert routing.before == {"a": 100, "b": 0}
    assert (routing.leaving, steps.arriving(routing)) == (("a",), ("b",))
    assert [step.state for step in routing.steps] == [State.DETECTED, State.ELECTED]


def test_a_document_says_all_of_a_routing() -> None:
    """A routing comes back from its document as it was."""
    routing = replace(elected(), tried=("c",), frozen="who, why")
    assert Routing.of(routing.as_document()) == routing


@given(epoch=st.integers(1, 12), state=st.sampled_from(State))
def test_a_step_is_taken_once_and_never_backwards(epoch: int, state: State) -> None:
    """Only the epoch that is under way goes on, and only forwards."""
    after = steps.advance(elected(), epoch, state, ACT) if state in steps.ORDER else None
    if epoch != elected().epoch or state in (State.ELECTED, State.DETECTED):
        assert after is None
    else:
        assert after is not None
        assert steps.advance(after, epoch, state, ACT) is None
        assert after.steps[-1].state is state


def test_a_frozen_group_is_moved_by_persons_only() -> None:
    """What is frozen is neither detected nor elected, and a person's move leaves it frozen."""
    frozen = steps.freeze(SETTLED, "ops: a migration")
    assert steps.detect(frozen, 7, "a is down", ACT) is None
    detected = steps.freeze(replace(SETTLED, state=State.DETECTED), "ops")
    assert steps.elect(detected, 7, FAIL_OVER, ACT) is None
    moved = steps.move(frozen, {"a": 0, "b": 100}, "by hand", Act("ops", NOW))
    assert (moved.epoch, moved.kind, moved.frozen) == (8, Kind.MANUAL, "ops: a migration")


def test_what_did_not_pass_is_remembered_until_the_affair_ends() -> None:
    """A second try knows what the first one moved to, and an affair of its own begins with nothing tried."""
    redirected = replace(elected(), state=State.REDIRECTED)
    again = steps.retry(redirected, 8, {"a": 0, "b": 0, "c": 100}, Kind.FAILOVER, "b did not pass", ACT)
    assert again is not None
    assert (again.epoch, again.tried, again.before) == (9, ("b",), {"a": 0, "b": 100})
    assert steps.retry(redirected, 7, {"c": 100}, Kind.FAILOVER, "late", ACT) is None
    assert steps.move(again, {"a": 100}, "by hand", ACT).tried == ()


def test_what_is_over_before_anything_moved_is_withdrawn() -> None:
    """A detection that does not hold leaves the epoch as it was."""
    detected = steps.detect(SETTLED, 7, "a is down", ACT)
    assert detected is not None
    after = steps.withdraw(detected, 7, "a answers again", ACT)
    assert after is not None
    assert (after.epoch, after.state, after.weights) == (7, State.SETTLED, SETTLED.weights)
    assert steps.withdraw(after, 7, "again", ACT) is None


def stands(known: Known, routing: Routing, rounds: int) -> timedelta:
    """Return for how long an epoch is taken to stand, `rounds` after the beginning."""
    return settled_for(known, routing, COOLDOWN, every=EVERY, now=NOW + rounds * EVERY)


def looked(known: Known | None, routing: Routing, revision: int, rounds: int) -> Known:
    """Return what is remembered after a look, `rounds` after the beginning."""
    return remember(known, routing, revision, NOW + rounds * EVERY)


def test_how_long_an_epoch_stands_is_told_by_the_own_clock_and_the_own_looks() -> None:
    """An epoch's time begins when this observer first sees it settled, and goes on with each look."""
    known = looked(None, replace(SETTLED, epoch=6), 40, 0)
    known = looked(known, replace(SETTLED, state=State.ELECTED), 41, 1)
    known = looked(known, SETTLED, 45, 2)
    assert stands(known, SETTLED, 2) == timedelta()
    for rounds in (3, 4, 5):
        known = looked(known, replace(SETTLED, state=State.DETECTED), 46, rounds)
    assert stands(known, SETTLED, 5) == 3 * EVERY
    assert stands(known, SETTLED, 4) == 2 * EVERY


def test_a_clock_that_jumps_makes_an_observer_wait() -> None:
    """Put forward, a clock hurries no look; put back, it makes an epoch's time begin anew."""
    known = looked(looked(None, SETTLED, 45, 0), SETTLED, 45, 1)
    assert stands(known, SETTLED, 1000) == EVERY
    assert stands(looked(known, SETTLED, 45, 1000), SETTLED, 1000) == 2 * EVERY
    assert stands(looked(known, SETTLED, 45, -1000), SETTLED, -1000) == timedelta()


def test_the_first_epoch_has_no_cooldown() -> None:
    """A group that is new may be moved at once: nothing was moved before."""
    first = replace(SETTLED, kind=Kind.INITIAL)
    assert stands(looked(None, first, 1, 0), first, 0) == COOLDOWN


@pytest.mark.parametrize(
    ("last", "rounds"), [("aws-use1", 0), ("gcp-euw4", PATIENCE), ("az-weu", PATIENCE), ("ops", 0)]
)
def test_whoever_took_the_last_step_goes_on_and_the_first_of_the_others_after_it(last: str, rounds: int) -> None:
    """An observer goes on with its own epoch and with a person's at once, and with another's when nothing happens."""
    routing = replace(elected(), steps=(Step(State.ELECTED, "", last),))
    known = remember(None, routing, 3, NOW)
    turns = [
        my_turn(routing, known, "aws-use1", OBSERVERS, every=EVERY, now=NOW + waited * EVERY)
        for waited in range(PATIENCE + 1)
    ]
    assert turns == [waited >= rounds for waited in range(PATIENCE + 1)]


def test_two_observers_do_not_take_over_at_once() -> None:
    """The second of the others waits a round longer than the first."""
    routing = replace(elected(), steps=(Step(State.ELECTED, "", "aws-use1"),))
    known = remember(None, routing, 3, NOW)
    later = NOW + PATIENCE * EVERY
    assert my_turn(routing, known, "gcp-euw4", OBSERVERS, every=EVERY, now=later)
    assert not my_turn(routing, known, "az-weu", OBSERVERS, every=EVERY, now=later)
    assert my_turn(routing, known, "az-weu", OBSERVERS, every=EVERY, now=later + EVERY)
