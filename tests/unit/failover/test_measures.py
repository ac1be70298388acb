"""What a round says as metrics."""

from __future__ import annotations

from datetime import timedelta

from rigs.observers import GROUP, OBSERVERS, Observatory
from tradewind.failover.measures import UNHEARD, measures_of
from tradewind.failover.observer import Round

ME = OBSERVERS[0]


def unheard(done: Round) -> float:
    """Return for how many groups no majority was heard, as it is told."""
    (value,) = (each.value for each in measures_of(done) if each.name == UNHEARD)
    return value


def test_only_a_register_without_a_majority_counts_as_one() -> None:
    """Two stores that are away are told, for the group, and as what they are: where the view could not be written."""
    sky = Observatory()
    sky.settle()
    (well,) = sky.rounds(of=(ME,))
    sky.away |= set(OBSERVERS[:2])
    (alone,) = sky.rounds(of=(ME,))

    assert (unheard(well), well.untaken) == (0, {})
    assert (unheard(alone), alone.unheard, set(alone.untaken)) == (1, (GROUP,), set(OBSERVERS[:2]))
    lines = list(alone.told())
    assert [line for line in lines if line.startswith(f"the view of {ME} could not be written at {OBSERVERS[1]}: ")]


def test_a_round_that_was_made_already_counts_no_group() -> None:
    """It leaves the groups to the first call, and heard their registers well."""
    sky = Observatory()
    sky.settle()
    observer, both = sky.observers[ME], list[Round]()

    def overtake(who: str, call: str) -> None:
        if call == "put":
            sky.before = lambda _observer, _call: None
            sky.now += timedelta(milliseconds=1)
            both.append(sky.observer(who).round())

    sky.before = overtake
    both.append(observer.round())
    first, second = both

    assert list(first.decisions) == [GROUP]
    assert (second.decisions, second.routings, unheard(second)) == ({}, {}, 0)
