"""What observers do together, round after round."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from rigs.observers import EVERY, GROUP, OBSERVERS, REFUSED, Dead, Observatory
from tradewind.failover.callers.reading import name_of
from tradewind.failover.deciding.decisions import FailOver, Keep
from tradewind.failover.routing import Kind, State
from tradewind.ports import Answer
from tradewind.registers.outcomes import Done

ALL = {"on-aws": 100, "on-gcp": 0, "on-azure": 0}
GCP = {"on-aws": 0, "on-gcp": 100, "on-azure": 0}
COOLDOWN = 300 // EVERY + 1
"""Rounds."""


@pytest.fixture
def sky() -> Observatory:
    """Return observers of a group that has begun."""
    observatory = Observatory()
    observatory.settle()
    return observatory


def test_a_new_group_begins_at_its_primary() -> None:
    """The first rounds elect epoch 1 and let the director show it, once."""
    sky = Observatory()
    sky.rounds(3)
    assert (sky.routing.epoch, sky.routing.state, sky.routing.kind) == (1, State.SETTLED, Kind.INITIAL)
    assert sky.director.read().weights == ALL
    assert sky.epochs == [0, 1]


def test_traffic_leaves_a_primary_that_a_majority_sees_down(sky: Observatory) -> None:
    """After `rounds` looks the next endpoint has the traffic, every state is on record, and people were told once."""
    sky.down.add("on-aws")
    sky.rounds(2)
    assert sky.routing.epoch == 1
    sky.rounds(1)
    routing = sky.routing
    assert (routing.epoch, routing.state, routing.kind) == (2, State.SETTLED, Kind.FAILOVER)
    assert sky.director.read().weights == GCP
    assert [step.state for step in routing.steps] == [
        State.DETECTED,
        State.ELECTED,
        State.DRAINING,
        State.REDIRECTED,
        State.VERIFIED,
        State.NOTIFIED,
        State.SETTLED,
    ]
    assert [notice.epoch for notice in sky.told.notices] == [1, 2]


def test_a_quiet_round_costs_fourteen_reads_and_two_writes(sky: Observatory) -> None:
    """What nothing happens in is paid for every few seconds, so it is counted."""
    calls: Counter[str] = Counter()
    sky.before = lambda _observer, call: calls.update([call])
    sky.rounds(10, of=OBSERVERS[:1])
    assert calls == {"get": 140, "put": 20}


def test_one_isolated_observer_moves_nothing(sky: Observatory) -> None:
    """What one observer alone does not reach is not down, for however long."""
    sky.cut |= {("gcp-euw4", "on-aws")}
    sky.rounds(50)
    assert sky.routing.epoch == 1
    assert sky.epochs == [0, 1]


def test_a_dead_cloud_takes_its_observer_and_its_store_along(sky: Observatory) -> None:
    """The two that are left are a majority, and need nothing of the third."""
    sky.down.add("on-aws")
    sky.away.add("aws-use1")
    sky.rounds(3, of=("gcp-euw4", "az-weu"))
    assert sky.director.read().weights == GCP
    assert sky.routing.state is State.SETTLED


def test_a_store_away_and_another_clouds_observer_dead_do_not_stop_a_failover(sky: Observatory) -> None:
    """An observer whose own store is away is heard through the others' stores."""
    sky.down.add("on-aws")
    sky.away.add("az-weu")
    sky.rounds(3, of=("gcp-euw4", "az-weu"))
    assert sky.director.read().weights == GCP


def test_two_stores_away_move_nothing(sky: Observatory) -> None:
    """Without a majority of the control stores everything stays as it is, and nothing is said that is not so."""
    sky.down.add("on-aws")
    sky.away |= {"aws-use1", "gcp-euw4"}
    [*_, last] = sky.rounds(10)
    assert isinstance(last.decisions[GROUP], Keep)
    assert "no majority" in last.decisions[GROUP].reason
    assert sky.epochs == [0, 1]
    sky.away.clear()
    sky.rounds(5)
    assert sky.director.read().weights == GCP


def test_what_does_not_pass_verification_is_left_for_the_next(sky: Observatory) -> None:
    """A target that was well, and does not answer once it has the traffic, loses it again in an epoch of its own."""

    def fall(_observer: str, _call: str) -> None:
        if sky.director.read().epoch == 2:
            sky.down.add("on-gcp")

    sky.down.add("on-aws")
    sky.before = fall
    sky.rounds(8)
    routing = sky.routing
    assert (routing.epoch, routing.state, routing.tried) == (3, State.SETTLED, ("on-gcp",))
    assert sky.director.read().weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}


def test_where_nothing_is_well_traffic_stays_and_people_are_told(sky: Observatory) -> None:
    """With every endpoint down, nothing is moved: there is nowhere to move it to."""
    sky.down |= {"on-aws", "on-gcp", "on-azure"}
    sky.rounds(10)
    assert sky.routing.epoch == 1
    assert sky.director.read().weights == ALL


def test_an_observer_that_dies_in_the_middle_is_followed_by_another(sky: Observatory) -> None:
    """Wherever an observer dies, the others bring its epoch to an end, and the director shows each epoch once."""
    for at in range(0, 60, 3):
        sky = Observatory()
        sky.settle()
        calls = 0

        def die(observer: str, _call: str, *, last: int = at) -> None:
            nonlocal calls
            calls += observer == "aws-use1"
            if observer == "aws-use1" and calls > last:
                raise Dead

        sky.down.add("on-gcp")
        sky.down.add("on-aws")
        sky.rounds(2)
        sky.before = die
        with pytest.raises(Dead):
            sky.rounds(1, of=("aws-use1", "aws-use1", "aws-use1", "aws-use1"))
        sky.rounds(8, of=("gcp-euw4", "az-weu"))
        assert sky.routing.state is State.SETTLED
        assert sky.director.read().weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}
        assert sky.epochs == sorted(set(sky.epochs))


def test_two_persons_move_traffic_one_after_the_other(sky: Observatory) -> None:
    """Two moves by hand are two epochs, and the later one is what the director shows in the end."""
    outcomes = [
        sky.hand.move({name: 100}, who=who, why="a drill", id=f"{who}-1")
        for who, name in (("ada", "on-gcp"), ("bob", "on-azure"))
    ]
    assert all(isinstance(outcome, Done) for outcome in outcomes)
    sky.rounds(4)
    assert (sky.routing.epoch, sky.routing.by) == (3, "bob")
    assert sky.director.read().weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}
    assert 2 not in sky.epochs


def test_a_frozen_group_stays_where_it_is(sky: Observatory) -> None:
    """While a group is frozen, a primary that is down keeps the traffic; thawed, it loses it."""
    sky.hand.freeze(who="ada", why="a migration", id="freeze-1")
    sky.down.add("on-aws")
    sky.rounds(6)
    assert sky.routing.epoch == 1
    sky.hand.thaw(who="ada", why="it is done", id="thaw-1")
    sky.rounds(2)
    assert sky.director.read().weights == GCP


def test_traffic_that_was_moved_stays_until_the_cooldown_is_over(sky: Observatory) -> None:
    """A second failover waits for the cooldown of the first."""
    sky.down.add("on-aws")
    sky.rounds(3)
    sky.down.add("on-gcp")
    sky.rounds(COOLDOWN - 5)
    assert sky.routing.epoch == 2
    sky.rounds(10)
    assert sky.director.read().weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}


def test_a_director_that_was_changed_behind_the_observers_backs_is_put_right(sky: Observatory) -> None:
    """What somebody else published is replaced by what the register says, within a round of all observers."""
    sky.director.publish(GCP, epoch=1, expect=sky.director.read())
    sky.rounds(1)
    assert sky.director.read().weights == ALL


def test_a_director_that_is_away_is_tried_again(sky: Observatory) -> None:
    """An epoch whose director does not answer waits, says why, and goes on when it answers again."""
    sky.down.add("on-aws")
    sky.director.away = True
    done = sky.rounds(4)
    assert any("director" in str(error) for each in done for error in each.errors)
    assert sky.routing.state.value == "DRAINING"
    sky.director.away = False
    sky.rounds(4)
    assert sky.routing.state is State.SETTLED
    assert sky.director.read().weights == GCP


def test_an_address_that_cannot_be_told_stops_nothing(sky: Observatory) -> None:
    """The epoch settles, and its record says who was not told."""
    sky.told.deaf = True
    sky.down.add("on-aws")
    sky.rounds(3)
    notified = next(step for step in sky.routing.steps if step.state is State.NOTIFIED)
    assert "pager could not be told" in notified.note
    assert sky.routing.state is State.SETTLED


def test_a_failure_that_is_over_is_withdrawn(sky: Observatory) -> None:
    """An observer that dies after it detected a failure leaves nothing behind once the endpoint is well again."""

    def die(_observer: str, _call: str) -> None:
        if sky.routing.state is State.DETECTED:
            raise Dead

    sky.down.add("on-aws")
    sky.rounds(2)
    sky.before = die
    with pytest.raises(Dead):
        sky.rounds(1)
    sky.before = lambda _observer, _call: None
    sky.down.clear()
    sky.rounds(2)
    assert (sky.routing.epoch, sky.routing.state) == (1, State.SETTLED)
    assert "nothing was moved" in sky.routing.reason


def test_a_second_call_in_the_same_round_does_nothing(sky: Observatory) -> None:
    """Two timers that ring at once make one round: the second finds its view written."""
    observer = sky.observers[OBSERVERS[0]]
    calls: list[str] = []

    def ring(name: str, call: str) -> None:
        if call == "put" and not calls:
            calls.append(name)
            sky.now += timedelta(milliseconds=1)  # what it tells is told of another moment
            assert observer.round().decisions

    sky.before = ring
    assert not observer.round().decisions


def test_callers_are_told_before_the_director_is(sky: Observatory) -> None:
    """From ELECTED on, whoever asks where to send requests is not sent to what is left."""
    sky.director.away = True
    sky.down.add("on-aws")
    sky.rounds(3)
    published = sky._records("")["gcp-euw4"].read(name_of(GROUP))
    assert published is not None
    assert published.value["endpoints"]["on-aws"]["weight"] == 0


def test_a_decision_says_why(sky: Observatory) -> None:
    """What is told of a round names the endpoint, the observers and the reason."""
    sky.answers["on-aws"] = Answer("status 503", 0.1)
    sky.rounds(2)
    told = [line for each in sky.rounds(1) for line in each.told()]
    assert any("on-aws" in line and "503" in line and FailOver.__name__ in line for line in told)
    assert REFUSED.reason not in " ".join(told)
