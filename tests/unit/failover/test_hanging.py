"""A director that hangs instead of refusing holds up its own group, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from threading import Event

import pytest

from rigs.observers import GROUP, OBSERVERS, Observatory, fleet_of
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.failover.callers.published import Condition, Published
from tradewind.failover.callers.reading import name_of
from tradewind.failover.observer import Round
from tradewind.failover.routing import State
from tradewind.ports import Traffic
from tradewind.registers.outcomes import Operation

OTHER = "z-other"
EVERY = 0.2
"""Seconds; a round waits so long for its groups."""


class Hanging(MemoryDirector):
    """Answers nothing before it is released."""

    def __init__(self, inner: MemoryDirector, released: Event) -> None:
        self.inner, self.released = inner, released
        self.asked = 0

    def read(self) -> Traffic:
        """Return what is shown, some day."""
        self.asked += 1
        self.released.wait(30)
        return self.inner.read()

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Show it, some day."""
        self.released.wait(30)
        return self.inner.publish(weights, epoch=epoch, expect=expect)


@pytest.fixture
def sky() -> Iterator[Observatory]:
    """Two settled groups; each observer has a thread for each of them."""
    fleet = fleet_of(**{GROUP: {}, OTHER: {}})
    assert fleet.control is not None
    made = Observatory(fleet.model_copy(update={"control": fleet.control.model_copy(update={"every_seconds": EVERY})}))
    rounds(made, 5)
    with ExitStack() as threads:
        for site in OBSERVERS:
            made.workers = threads.enter_context(ThreadPoolExecutor(len(made.fleet.groups)))
            made.observers[site] = made.observer(site)
        yield made


def rounds(sky: Observatory, count: int) -> list[Round]:
    """Let all observers look, one after the other."""
    done: list[Round] = []
    for _ in range(count):
        sky.now += timedelta(seconds=EVERY)
        done = [sky.observers[name].round() for name in OBSERVERS]
    return done


def test_another_group_is_moved_all_the_same(sky: Observatory, caplog: pytest.LogCaptureFixture) -> None:
    """What hangs is waited for once by each observer, is not begun a second time, and goes on when it is released."""
    released = Event()
    hanging = Hanging(sky.director, released)
    sky.directors[GROUP] = hanging
    sky.down = {"on-aws"}

    done = rounds(sky, 8)

    assert sky.directors[OTHER].read().weights["on-gcp"] == 100
    assert sky.director.read().weights["on-aws"] == 100
    assert hanging.asked <= len(OBSERVERS)
    assert f"group {GROUP}: still under way when its round was over" in caplog.text
    waiting = [each.decisions[GROUP].reason for each in done]
    assert "what an earlier round began is still under way" in waiting

    released.set()
    rounds(sky, 8)
    assert sky.director.read().weights["on-gcp"] == 100
    assert sky.routing.state is State.SETTLED


def test_callers_are_told_of_what_fails_meanwhile(sky: Observatory) -> None:
    """They hear in each round how the endpoints are, though what an earlier one began still hangs."""
    released = Event()
    sky.directors[GROUP] = Hanging(sky.director, released)
    sky.down = {"on-aws"}
    rounds(sky, 6)

    sky.down.add("on-gcp")
    rounds(sky, 6)

    for site in OBSERVERS:
        record = sky._records("")[site].read(name_of(GROUP))
        assert record is not None
        assert Published.of(record.value).endpoints["on-gcp"].condition is Condition.DOWN
    released.set()


def test_a_register_of_a_later_version_stops_no_other_group_meanwhile(sky: Observatory) -> None:
    """What hangs is left alone, whatever its register holds by then, and the other group is moved."""
    released = Event()
    sky.directors[GROUP] = Hanging(sky.director, released)
    sky.down = {"on-aws"}
    rounds(sky, 4)
    newer = Operation("newer", "somebody", "a later version")
    sky.registers.register(f"groups/{GROUP}").change(lambda held: {**(held or {}), "state": "POSTPONED"}, newer)

    rounds(sky, 8)

    assert sky.directors[OTHER].read().weights["on-gcp"] == 100
    released.set()


def test_what_fails_after_its_round_is_an_error_of_a_later_one(sky: Observatory) -> None:
    """A director that hangs and then refuses is told of by the round that finds it out."""
    released = Event()
    sky.directors[GROUP] = Hanging(sky.director, released)
    sky.down = {"on-aws"}
    rounds(sky, 4)
    sky.director.away = True

    released.set()
    found = [error for _ in range(3) for each in rounds(sky, 1) for error in each.errors]

    assert any("it is away" in str(error) for error in found), found
