"""What observers do about objects of a quorum switch that are lost or behind, and what a person sees of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from rigs.groups_command_line import groups_command_line
from rigs.observers import GROUP, OBSERVERS, Observatory
from rigs.switch_objects import epochs
from rigs.world import InlineExecutor, WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import StoreUnavailableError
from tradewind.failover.moving.switch import SwitchDirector
from tradewind.registers.asking import Asking

KEY = "classifier.txt"
ONE_TURN_EACH = len(OBSERVERS)
"""Rounds in which each observer looks once whether the director still shows what it is to show."""


class Switched:
    """A group that a quorum switch directs, whose observers have settled its first epoch."""

    def __init__(self) -> None:
        self.memory = {site: MemoryStore(site) for site in OBSERVERS}
        self.away: set[str] = set()
        self.sky = Observatory()
        stores = {site: WatchedStore(store, before=self._reach(site)) for site, store in self.memory.items()}
        endpoints = self.sky.fleet.groups[GROUP].endpoints
        asking = Asking(InlineExecutor(), 1)
        self.director = SwitchDirector(GROUP, endpoints, dict.fromkeys(OBSERVERS, KEY), stores.__getitem__, asking)
        self.sky.directors[GROUP] = self.director  # type: ignore[assignment]  # the rig's own is another kind
        self.sky.settle()

    def lose(self, site: str) -> None:
        """Delete an object as somebody does by mistake."""
        state = self.memory[site].head(KEY)
        assert state is not None
        self.memory[site].delete(KEY, expect=state.token)

    def epochs(self) -> list[int]:
        """Return the epoch that each object shows, 0 if there is none."""
        return epochs(self.memory.values(), KEY)

    def _reach(self, site: str) -> Callable[[str], None]:
        def before(_: str) -> None:
            if site in self.away:
                raise StoreUnavailableError("Could not reach it")

        return before


@pytest.fixture
def switched() -> Switched:
    """A group with all objects in place."""
    made = Switched()
    assert made.epochs() == [1, 1, 1]
    return made


@pytest.mark.parametrize("lost", OBSERVERS)
def test_a_lost_object_is_made_anew_by_the_observers(switched: Switched, lost: str) -> None:
    """No epoch has to come: the settled one is published again in each observer's turn."""
    switched.lose(lost)

    switched.sky.rounds(ONE_TURN_EACH)

    assert switched.epochs() == [1, 1, 1]


def test_a_freeze_leaves_what_is_shown_and_mends_an_object_that_is_lost(switched: Switched) -> None:
    """A third object moves nothing, and one less might; where no majority shows the epoch, persons are at it."""
    switched.sky.hand.freeze(who="ann", why="a release", id="freeze-1")
    switched.lose(OBSERVERS[0])
    switched.sky.rounds(ONE_TURN_EACH)
    assert switched.epochs() == [1, 1, 1]

    for site in OBSERVERS[:2]:
        switched.lose(site)
    switched.sky.rounds(ONE_TURN_EACH)

    assert switched.epochs() == [0, 0, 1]


@pytest.mark.parametrize("gone", OBSERVERS)
def test_an_object_that_missed_a_move_is_brought_up_by_the_observers(switched: Switched, gone: str) -> None:
    """A site that was away during a failover counts again soon after it is back."""
    switched.away = {gone}
    switched.sky.down.add("on-aws")
    switched.sky.rounds(6)
    assert sorted(switched.epochs()) == [1, 2, 2]
    switched.away.clear()

    switched.sky.rounds(ONE_TURN_EACH)

    assert switched.epochs() == [2, 2, 2]


@pytest.mark.parametrize("alive", OBSERVERS)
def test_any_observer_mends(switched: Switched, alive: str) -> None:
    """The one that is left does it, in its own turn."""
    lost = next(site for site in OBSERVERS if site != alive)
    switched.lose(lost)

    switched.sky.rounds(ONE_TURN_EACH, of=(alive,))

    assert switched.epochs() == [1, 1, 1]


def test_a_person_sees_what_is_wrong_with_an_object(switched: Switched, monkeypatch: pytest.MonkeyPatch) -> None:
    """A majority serves, and yet the next loss would be one too many: status names the sites, and ends with 1."""
    lost, gone, _ = OBSERVERS
    with groups_command_line(switched.sky, monkeypatch) as tradewind:
        tradewind.runtime.failover._directors[GROUP] = switched.director
        assert tradewind("group", "status").code == 0

        switched.lose(lost)
        without = tradewind("group", "status")
        switched.sky.rounds(ONE_TURN_EACH)
        mended = tradewind("group", "status")
        switched.away = {gone}
        away = tradewind("group", "status")

    assert (without.code, mended.code, away.code) == (1, 0, 1)
    assert f"group {GROUP}: the switch's object at {lost}: there is no object" in without.out
    assert f"group {GROUP}: the switch's object at {gone}: it cannot be read: Could not reach it" in away.out


def test_all_switches_of_a_process_share_what_they_know_of_sites(
    switched: Switched, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A site that hangs for one group is not asked for another; and that says nothing about its control store."""
    with groups_command_line(switched.sky, monkeypatch) as tradewind:
        failover = tradewind.runtime.failover
        assert failover._asking_of_switches() is failover._asking_of_switches()
        assert failover._asking_of_switches() is not failover.registers.asking
