"""Reading what observers published, from whichever control store has it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import ParamSpec, TypeVar

import pytest

from rigs.routes import NOW, SITES, published
from rigs.world import InlineExecutor
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import StoreUnavailableError
from tradewind.failover.callers.reading import AWAY, KEPT, Routes, name_of
from tradewind.records import Records

AWS, GCP, AZURE = SITES
STALE = 60.0
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class World:
    """Three control stores, each of which can be away, and a clock."""

    stores: dict[str, Records] = field(default_factory=lambda: {site: Records(MemoryStore(), "t/") for site in SITES})
    away: set[str] = field(default_factory=set)
    asked: list[str] = field(default_factory=list)
    now: float = 1000.0

    def records_of(self, site: str) -> Records:
        """Return a site's records, or say that its cloud is down."""
        self.asked.append(site)
        if site in self.away:
            raise StoreUnavailableError(f"{site} is down")
        return self.stores[site]

    def publish(self, *sites: str, epoch: int = 7, seconds: float = 0) -> None:
        """Let the observers of some sites publish."""
        group = replace(published(50, 50, 0), epoch=epoch, at=NOW + timedelta(seconds=seconds))
        for site in sites:
            self.stores[site].change(name_of("chat"), lambda _: group.as_document())

    def routes(self) -> Routes:
        """Return a reader at the first site."""
        return Routes(SITES, self.records_of, InlineExecutor(), 1.0, STALE, clock=lambda: self.now)


@pytest.fixture
def world() -> World:
    """Three observers that have just published."""
    made = World()
    made.publish(*SITES)
    return made


def test_the_first_read_asks_all_and_the_next_the_own_store_only(world: World) -> None:
    """And nobody is asked for those who come within seconds."""
    routes = world.routes()

    first, again = routes.read("chat"), routes.read("chat")

    assert (first.site, first.note, first.published.epoch) == (AWS, "", 7)
    assert again is first
    assert world.asked == list(SITES)

    world.now += KEPT
    assert routes.read("chat").site == AWS
    assert world.asked == [*SITES, AWS]


def test_a_new_process_does_not_believe_a_dead_observer(world: World) -> None:
    """The latest epoch counts from the first read on, until the own observer knows it, too."""
    world.publish(GCP, AZURE, epoch=8, seconds=-3600)
    routes = world.routes()
    for _ in range(2):
        copy = routes.read("chat")
        assert (copy.site, copy.published.epoch) == (GCP, 8)
        assert copy.note == "aws-use1: another observer knows of a later epoch"
        world.now += KEPT

    world.publish(AWS, epoch=8, seconds=20)
    copy = routes.read("chat")
    assert (copy.site, copy.note) == (AWS, "")


def test_what_was_published_meanwhile_is_read_after_seconds(world: World) -> None:
    """Nobody is answered from what is older than that."""
    routes = world.routes()
    routes.read("chat")
    world.publish(AWS, epoch=8, seconds=20)
    world.now += KEPT

    assert routes.read("chat").published.epoch == 8


def test_another_store_answers_while_the_own_one_is_away(world: World) -> None:
    """The copy of the latest epoch counts, and the answer says why it is another's."""
    world.away = {AWS}
    world.publish(AZURE, epoch=8)

    copy = world.routes().read("chat")

    assert (copy.site, copy.published.epoch) == (AZURE, 8)
    assert copy.note == "aws-use1: aws-use1 is down"


def test_a_store_that_is_away_is_left_alone_for_a_while(world: World) -> None:
    """Callers do not wait for it again and again; it is asked once more later."""
    world.away = {AWS}
    routes = world.routes()
    for _ in range(3):
        routes.read("chat")
        world.now += KEPT
    assert world.asked.count(AWS) == 1

    world.away, world.now = set(), world.now + AWAY
    assert routes.read("chat").site == AWS


def test_the_last_that_was_read_is_answered_when_no_store_answers(world: World) -> None:
    """However long ago: to say where traffic went last is better than nothing."""
    routes = world.routes()
    routes.read("chat")
    world.away, world.now = set(SITES), world.now + 3600

    copy = routes.read("chat")

    assert (copy.site, copy.published.epoch) == (AWS, 7)
    assert copy.note.startswith("The last one that could be read (aws-use1: aws-use1 is down; ")


def test_a_later_epoch_that_was_read_is_not_forgotten_for_a_store_that_is_behind(world: World) -> None:
    """Those who know it are away; whoever answers has not heard of it. When all answer, what they say counts."""
    world.publish(AWS, AZURE, epoch=8, seconds=20)
    routes = world.routes()
    assert routes.read("chat").published.epoch == 8
    world.away, world.now = {AWS, AZURE}, world.now + KEPT

    for _ in range(2):
        copy = routes.read("chat")
        assert (copy.site, copy.published.epoch) == (AWS, 8)
        assert copy.note.startswith("The latest one that could be read (aws-use1: ")
        world.now += KEPT

    world.publish(*SITES, epoch=1)  # a group that was begun anew
    world.away, world.now = set(), world.now + AWAY
    assert routes.read("chat").published.epoch == 1


def test_an_observer_that_writes_no_more_is_not_believed_alone(world: World) -> None:
    """Its store answers, but what it says stays as it is; a later epoch elsewhere counts. No clocks are compared."""
    routes = world.routes()
    routes.read("chat")
    world.publish(GCP, epoch=9, seconds=-3600)
    world.now += STALE - 1
    assert routes.read("chat").published.epoch == 7

    world.now += KEPT
    copy = routes.read("chat")

    assert (copy.site, copy.published.epoch) == (GCP, 9)
    assert copy.note == "aws-use1: its observer has not written for a while"


def test_what_somebody_else_wrote_counts_as_silence(world: World) -> None:
    """A record that is none of the observers' is no answer, and no crash."""
    world.stores[AWS].change(name_of("chat"), lambda _: {"colour": "red"})

    copy = world.routes().read("chat")

    assert copy.site == GCP
    assert "not what an observer publishes" in copy.note


def test_a_group_that_nobody_published_is_an_error_that_says_where_was_looked() -> None:
    """The error names every store, and says what to do."""
    world = World(away={GCP})

    with pytest.raises(StoreUnavailableError) as caught:
        world.routes().read("chat")

    said = str(caught.value)
    assert "aws-use1: nothing was published there" in said
    assert "gcp-euw4: gcp-euw4 is down" in said
    assert "Observers publish it every round" in said


class Hanging(InlineExecutor):
    """Never comes to what is asked of the first site."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn`, unless it is about that site."""
        return Future() if AWS in args else super().submit(fn, *args, **kwargs)


def test_a_store_that_hangs_is_not_waited_for(world: World) -> None:
    """After the control plane's time for an answer another one is asked."""
    routes = Routes(SITES, world.records_of, Hanging(), 0.01, STALE, clock=lambda: world.now)

    assert routes.read("chat").site == GCP
