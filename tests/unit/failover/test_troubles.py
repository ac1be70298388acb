"""What observers do when more goes wrong than an endpoint."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rigs.observers import GROUP, OBSERVERS, Observatory, fleet_of
from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.failover.deciding.decisions import Keep
from tradewind.failover.routing import State
from tradewind.failover.turn import Turn
from tradewind.ports import Answer, Notice, Notifier, Traffic
from tradewind.registers.outcomes import Operation

ALL = {"on-aws": 100, "on-gcp": 0, "on-azure": 0}
TARGETS = {"on-aws": "a:1", "on-gcp": "g:1", "on-azure": "z:1"}


def director(*names: str) -> dict[str, object]:
    """Return the director of a group of these endpoints."""
    return {
        "kind": "caddy",
        "admin": "http://127.0.0.1:9",
        "id": "classifier",
        "targets": {name: TARGETS[name] for name in names},
    }


TWO = fleet_of(classifier={"endpoints": ["on-aws", "on-azure"], "director": director("on-aws", "on-azure")})


@pytest.fixture
def sky() -> Observatory:
    """Return observers of a group that has begun."""
    observatory = Observatory()
    observatory.settle()
    return observatory


def test_who_cannot_be_opened_to_be_told_stops_no_failover(sky: Observatory) -> None:
    """A key that cannot be read, since its vault is away with its cloud, is one that was not told."""

    def unreadable(_group: str) -> dict[str, Notifier]:
        raise StoreUnavailableError("Could not read the secret 'grid'")

    for observer in sky.observers.values():
        observer.at = replace(observer.at, notifiers_of=unreadable)
    sky.down.add("on-aws")
    sky.rounds(3)
    assert sky.routing.state is State.SETTLED
    assert sky.director.read().weights["on-gcp"] == 100
    assert any("could not be told: Could not read the secret" in step.note for step in sky.routing.steps)


def test_a_verification_that_no_observer_passes_ends_though_all_see_the_endpoint_well(sky: Observatory) -> None:
    """An endpoint that answers one question in time, and five at once too late, is left once a majority found it so."""
    asked: Counter[tuple[str, datetime]] = Counter()

    def queue(observer: str, endpoint: str) -> None:
        if endpoint == "on-gcp":
            asked[observer, sky.now] += 1
            first_or_second = asked[observer, sky.now] <= 2  # the look, and the first of the five
            sky.answers["on-gcp"] = Answer("", 0.3 if first_or_second else 0.9)

    sky.probed = queue
    sky.down.add("on-aws")
    sky.rounds(20)
    assert sky.routing.state is State.SETTLED
    assert sky.director.read().weights["on-azure"] == 100


def test_a_group_that_is_frozen_in_the_middle_stays_so(sky: Observatory) -> None:
    """What was moved to does not pass, and nothing moves it on: a person wanted it to stay."""
    publish = sky.director.publish

    def freezing(weights: dict[str, int], *, epoch: int, expect: Traffic, force: bool) -> Traffic:
        if epoch > 1:
            sky.hand.freeze(who="ann", why="investigating", id="freeze-1")
            sky.down.add("on-gcp")
        return publish(weights, epoch=epoch, expect=expect, force=force)

    sky.director.publish = freezing  # type: ignore[method-assign, assignment]  # it happens while traffic is moved
    sky.down.add("on-aws")
    sky.rounds(8)
    assert sky.routing.frozen == "ann: investigating"
    assert (sky.routing.epoch, sky.routing.state) == (2, State.SETTLED)
    assert sky.director.read().weights["on-gcp"] == 100


def test_what_a_person_arranged_is_not_undone_for_being_slow(sky: Observatory) -> None:
    """A move by hand to an endpoint that is slow stays, and people are told that it did not pass."""
    sky.answers["on-gcp"] = Answer("", 0.6)
    sky.rounds(2)
    sky.hand.move({"on-gcp": 100}, who="ann", why="I know", id="move-1")
    sky.rounds(4)
    assert sky.routing.state is State.SETTLED
    assert sky.director.read().weights["on-gcp"] == 100
    assert "did not pass" in sky.told.notices[-1].reason


def test_what_a_person_moved_to_is_left_if_it_is_down(sky: Observatory) -> None:
    """A move by hand to an endpoint that a majority sees down goes on to one that answers."""
    sky.down.add("on-gcp")
    sky.hand.move({"on-gcp": 100}, who="ann", why="a mistake", id="move-1")
    sky.rounds(6)
    assert sky.routing.state is State.SETTLED
    assert sky.director.read().weights["on-gcp"] == 0


@pytest.mark.parametrize("settled", [True, False])
def test_a_standby_that_leaves_the_group_and_comes_back_is_no_error(sky: Observatory, settled: bool) -> None:  # noqa: FBT001 - a case
    """A director is shown the endpoints of the present fleet file, whether or not an epoch is under way."""
    if not settled:
        sky.director.away = True
        sky.down.add("on-aws")
        sky.rounds(3)
        assert sky.routing.state is State.DRAINING
    for fleet in (TWO, fleet_of()):
        sky.deploy(fleet)
        sky.director.away = False
        errors = [error for _ in range(6) for each in sky.rounds() for error in each.errors]
        assert not errors
        assert sky.routing.state is State.SETTLED
    if not settled:
        assert sky.director.read().weights == {"on-aws": 0, "on-gcp": 0, "on-azure": 100}


def test_a_groups_traffic_waits_for_no_other_groups_notices() -> None:
    """All groups of a cloud that is lost are moved before anybody is told of the first."""
    sky = Observatory(fleet_of(classifier={}, other={}))
    sky.settle()
    moved: list[tuple[int, ...]] = []

    class Slow:
        def tell(self, _notice: Notice) -> None:
            moved.append(tuple(each.read().epoch for each in sky.directors.values()))

    for observer in sky.observers.values():
        observer.at = replace(observer.at, notifiers_of=lambda _: {"slow": Slow()})
    sky.down.add("on-aws")
    sky.rounds(3)
    assert moved == [(2, 2), (2, 2)]


def test_a_group_begins_after_what_its_director_shows() -> None:
    """Registers that are made anew take over a director that was directed before."""
    sky = Observatory()
    sky.director.publish(ALL, epoch=40, expect=sky.director.read())
    sky.settle()
    sky.down.add("on-aws")
    sky.rounds(3)
    assert sky.director.read().epoch == 42
    assert sky.director.read().weights["on-gcp"] == 100


def test_a_director_of_a_later_epoch_than_there_is_is_an_error(sky: Observatory) -> None:
    """Two fleets that direct the same traffic are not quiet about it."""
    sky.director.publish(ALL, epoch=40, expect=sky.director.read())
    errors = [error for _ in range(3) for each in sky.rounds() for error in each.errors]
    assert any("shows epoch 40, and the register has 1" in str(error) for error in errors)


def test_what_one_group_does_not_understand_is_kept_from_the_others() -> None:
    """A register that a later tradewind wrote, and a director that fails unforeseen, stop only their own group."""
    sky = Observatory(fleet_of(classifier={}, other={}, third={}))
    sky.settle()

    def unforeseen() -> Traffic:
        raise KeyError("ResourceRecords")

    sky.registers.register("groups/other").change(
        lambda held: {**(held or {}), "state": "WARMING"}, Operation("x", "a later tradewind", "")
    )
    sky.directors["third"].read = unforeseen  # type: ignore[method-assign]  # a defect, put there on purpose
    sky.down.add("on-aws")
    done = sky.rounds(3)
    assert sky.routing.epoch == 2
    errors = [error for each in done for error in each.errors]
    assert {type(error) for error in errors} == {ConfigurationError, KeyError}


def test_stores_that_can_be_read_and_not_written_are_told_of(sky: Observatory) -> None:
    """Nothing moves, and the error, and so the alarm, says what should have, and why it did not."""
    sky.unwritable = {"gcp-euw4", "az-weu"}
    sky.down.add("on-aws")

    done = [each for _ in range(4) for each in sky.rounds(1)]

    assert sky.director.read().weights == ALL
    errors = [str(error) for each in done for error in each.errors]
    assert any("see on-aws down" in error and "the bucket is locked" in error for error in errors), errors


def test_a_move_by_hand_out_of_an_epoch_that_was_never_shown_is_verified(sky: Observatory) -> None:
    """What an epoch was to bring is not taken for what served."""
    sky.director.away = True
    sky.down.add("on-aws")
    sky.rounds(3)
    assert sky.routing.state is State.DRAINING
    sky.hand.move({"on-gcp": 100}, who="ann", why="it takes too long", id="ann-1")
    sky.director.away = False
    sky.down.add("on-gcp")
    sky.rounds(1)

    assert dict(sky.routing.before) == ALL
    assert not any(step.state is State.VERIFIED for step in sky.routing.steps)


def test_a_notice_of_a_move_that_could_not_be_made_says_so(sky: Observatory) -> None:
    """An observer with the fleet file of yesterday does not know what a person moved to."""
    hand = sky.hand
    sky.deploy(TWO)
    hand.move({"on-gcp": 100}, who="ann", why="a new endpoint", id="ann-1")

    sky.rounds(1, of=OBSERVERS[:1])

    assert sky.director.read().weights["on-aws"] == 100
    assert [each.summary for each in sky.told.notices][-1] == (
        "Traffic of classifier was to go to on-gcp, and was not moved (epoch 2)."
    )


def test_a_clock_that_is_put_forward_does_not_end_the_cooldown(sky: Observatory) -> None:
    """An observer whose clock jumps by an hour waits as the others do."""
    sky.down.add("on-aws")
    sky.rounds(3)
    sky.shifted["az-weu"] = timedelta(hours=1)
    sky.down = {"on-gcp"}
    [*_, last] = sky.rounds(4)
    assert isinstance(last.decisions[GROUP], Keep)
    assert sky.routing.epoch == 2


def test_who_is_late_tells_nobody_of_an_epoch_that_is_over(sky: Observatory) -> None:
    """An observer that was stopped before it told of an epoch, and goes on after the next one, says nothing."""
    sky.down.add("on-aws")
    sky.rounds(3)
    late = replace(sky.routing, state=State.VERIFIED)
    sky.hand.move({"on-azure": 100}, who="ann", why="a drill", id="move-1")
    sky.rounds(4)
    [seen] = sky.rounds(of=OBSERVERS[1:2])
    observer = sky.observers["gcp-euw4"]
    turn = Turn(observer.me, sky.fleet, observer.control, observer.at, GROUP, seen.view, seen.sights, routing=late)
    turn.acts = True
    turn.finish()
    assert [notice.epoch for notice in sky.told.notices] == [1, 2, 3]
