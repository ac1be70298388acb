"""An observer whose own control store does not answer: what it remembers, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rigs.observers import GROUP, OBSERVERS, Observatory
from tradewind.failover.looking.viewing import PATIENT, Exchange
from tradewind.failover.views import View

ME, *OTHERS = OBSERVERS


@pytest.fixture
def sky() -> Observatory:
    """Three observers of a settled group, one endpoint of which one of them sees down."""
    made = Observatory()
    made.settle()
    made.cut.add((ME, "on-gcp"))
    made.rounds(10)
    return made


def anew(sky: Observatory) -> Exchange:
    """Return the exchange as a new process of the observer has it."""
    return replace(sky.observers[ME].at.exchange)


def restart(sky: Observatory) -> None:
    """End the observer's process, and start another one."""
    observer = sky.observers[ME]
    sky.observers[ME] = replace(observer, at=replace(observer.at, exchange=anew(sky)))


def rounds(sky: Observatory, count: int, *, kept: bool = True) -> list[str]:
    """Let all look, and return for each round who does not count the observer's view, and why."""
    unheard = []
    for _ in range(count):
        if not kept:
            restart(sky)
        done = sky.rounds()
        unheard.append("; ".join(each.sights.missing.get(ME, "") for each in done[1:]).strip("; "))
    return unheard


def remembered(sky: Observatory) -> View:
    """Return what a new process of the observer would go on from."""
    view = anew(sky).last()
    assert view is not None
    return view


@pytest.mark.parametrize("kept", [True, False])
def test_a_store_that_is_late_once_makes_nobody_forget(sky: Observatory, kept: bool) -> None:  # noqa: FBT001 - a case
    """A process that goes on counts that round, too; a new one leaves it out, and the view that is there alone."""
    before = remembered(sky)
    reads: list[str] = []

    def late(observer: str, call: str) -> None:
        if observer == ME:
            reads.append(call)
            if len(reads) == 2:  # the first was of its own store
                sky.away.clear()

    sky.before = late
    sky.away.add(ME)
    assert rounds(sky, 1, kept=kept) == [""]
    sky.before = lambda _observer, _call: None
    between = remembered(sky)
    assert rounds(sky, 1, kept=kept) == [""]
    after = remembered(sky)

    assert before.endpoints["on-gcp"].failing == 10
    assert between.endpoints["on-gcp"].failing == (11 if kept else 10)
    assert after.endpoints["on-gcp"].failing == (12 if kept else 11)
    assert after.known[GROUP].epoch_since == before.known[GROUP].epoch_since


@pytest.mark.parametrize("kept", [True, False])
def test_who_lost_its_store_is_heard_each_time(sky: Observatory, kept: bool) -> None:  # noqa: FBT001 - a case
    """What was left with the others the first time takes nobody back, and every round is believed again soon."""
    for _ in range(3):
        sky.away.add(ME)
        unheard = rounds(sky, 12, kept=kept)
        assert unheard[PATIENT + 3 :] == [""] * (12 - PATIENT - 3)
        assert not (kept and any(unheard))
        sky.away.clear()
        assert rounds(sky, 50, kept=kept) == [""] * 50


def test_a_process_that_goes_on_forgets_nothing_while_its_store_is_away(sky: Observatory) -> None:
    """Each look is counted, there and when the store is back."""
    sky.away.add(ME)
    rounds(sky, 20)
    sky.away.clear()
    rounds(sky, 1)

    assert remembered(sky).endpoints["on-gcp"].failing == 31


def test_new_processes_count_from_what_they_leave_with_the_others(sky: Observatory) -> None:
    """After the rounds in which nobody missed them, they begin anew, and go on from there."""
    sky.away.add(ME)
    rounds(sky, 10, kept=False)

    assert remembered(sky).endpoints["on-gcp"].failing == 10 - PATIENT
    assert GROUP in remembered(sky).known


def test_a_view_that_cannot_be_read_is_not_written_over(sky: Observatory) -> None:
    """Nothing is written while the others go by it; later only copies, even if its store takes writes again."""
    exchange, before = anew(sky), remembered(sky)
    sky.away.add(ME)
    assert exchange.last() is None
    assert exchange.lost
    sky.away.clear()
    told = exchange.publish(replace(before, round=before.round + 10**12, endpoints={}))
    assert (told.stores, told.late) == ((), False)

    sky.away.add(ME)
    sky.rounds(PATIENT + 1, of=tuple(OTHERS))
    assert exchange.last() is None
    sky.away.clear()
    begun = replace(before, round=before.round + 10**12, endpoints={})
    assert exchange.publish(begun).stores == tuple(OTHERS)
    held = exchange.records[ME].read(f"views/{ME}")
    assert held is not None
    assert held.value["round"] == before.round
    assert exchange.last() == begun


def test_a_copy_of_long_ago_takes_nobody_back_whose_store_was_emptied(sky: Observatory) -> None:
    """The others have heard later rounds, so it begins anew, and is free to write."""
    old = replace(remembered(sky), round=remembered(sky).round - 5)
    exchange = anew(sky)
    sky.away.add(ME)
    exchange.publish(old)
    sky.away.clear()
    records = exchange.records[ME]
    held = records.read(f"views/{ME}")
    assert held is not None
    records.write(f"views/{ME}", {"round": "of no view"}, expect=held.token)

    new = anew(sky)
    assert new.last() is None
    assert not new.lost
    assert rounds(sky, 2, kept=False)[-1] == ""


def test_the_first_view_of_all_goes_to_the_others_if_its_store_is_away() -> None:
    """Nobody has heard of the observer, so nobody waits for it."""
    sky = Observatory()
    sky.away.add(ME)

    assert rounds(sky, 4, kept=False)[-1] == ""
