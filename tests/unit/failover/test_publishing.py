"""What an observer writes for callers, at a store that hangs, is away, or was told something later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event

import pytest

from rigs.routes import NOW, fleet, routing, sights
from rigs.world import WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import StoreUnavailableError
from tradewind.failover.callers.published import Published
from tradewind.failover.callers.publishing import Publisher
from tradewind.failover.callers.reading import name_of
from tradewind.records import Records

SECONDS = 0.05


@dataclass(slots=True)
class Site:
    """A control bucket, of which `before` each call something can happen."""

    store: WatchedStore = field(default_factory=lambda: WatchedStore(MemoryStore()))
    opened: int = 0

    def records(self) -> Records:
        """Open the bucket."""
        self.opened += 1
        return Records(self.store, "t/")

    def tell(self, publisher: Publisher, epoch: int) -> None:
        """Publish an epoch."""
        publisher.publish("chat", routing(100, 0, 0, epoch=epoch), sights({}, {}, {}))

    @property
    def epoch(self) -> int:
        """What callers are told."""
        record = Records(self.store.inner, "t/").read(name_of("chat"))
        assert record is not None
        return Published.of(record.value).epoch


@pytest.fixture
def site() -> Site:
    """Return a bucket with nothing in it."""
    return Site()


def test_a_later_epoch_is_left_alone(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Who was stopped for a while does not take callers back, and says so; the same epoch is told again."""
    publisher = Publisher(fleet(), site.records, lambda: NOW)
    site.tell(publisher, 8)
    site.tell(publisher, 7)
    assert site.epoch == 8
    assert "told of epoch 8 already" in caplog.text

    site.tell(publisher, 8)
    site.tell(publisher, 9)
    assert site.epoch == 9


def test_what_is_no_publication_is_written_over(site: Site) -> None:
    """Callers get nothing from it, so it keeps nothing."""
    site.records().write(name_of("chat"), {"epoch": "last"}, expect=None)
    site.tell(Publisher(fleet(), site.records, lambda: NOW), 7)

    assert site.epoch == 7


def test_a_store_that_is_away_raises_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """It is written down, and the round goes on."""

    def away(_call: str) -> None:
        raise StoreUnavailableError("The store does not answer")

    site.store.before = away
    with ThreadPoolExecutor(1) as executor:
        site.tell(Publisher(fleet(), site.records, lambda: NOW, executor), 7)

    assert "The store does not answer" in caplog.text


def test_what_is_wrong_with_the_program_is_not_swallowed(site: Site) -> None:
    """Only what a store may do is no error."""

    def break_down(_call: str) -> None:
        raise KeyError("weights")

    site.store.before = break_down
    with ThreadPoolExecutor(1) as executor, pytest.raises(KeyError):
        site.tell(Publisher(fleet(), site.records, lambda: NOW, executor), 7)


def test_a_store_that_hangs_is_gone_on_without(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing more is asked of it for that group until it has answered, and then the latest is told."""
    caplog.set_level(logging.WARNING)
    released = Event()
    site.store.before = hang(released)
    with ThreadPoolExecutor(1) as executor:
        publisher = Publisher(fleet(), site.records, lambda: NOW, executor, SECONDS)
        site.tell(publisher, 7)
        assert "no answer within 0.05 s" in caplog.text
        site.tell(publisher, 8)
        released.set()
        executor.submit(int).result()
        assert (site.opened, site.epoch) == (1, 7)
        site.tell(publisher, 8)

    assert site.epoch == 8


def test_a_store_that_hangs_is_waited_for_no_longer_than_for_an_answer(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """Groups wait side by side; what is under way is not begun twice, and is written whenever the store answers."""
    released = Event()
    site.store.before = hang(released)
    both = fleet()
    both = both.model_copy(update={"groups": {**both.groups, "search": both.groups["chat"]}})
    with ThreadPoolExecutor(4) as executor, ThreadPoolExecutor(2) as workers:
        publisher = Publisher(both, site.records, lambda: NOW, executor, SECONDS)
        for _ in range(2):
            told = [
                workers.submit(publisher.publish, each, routing(100, 0, 0), sights({}, {}, {})) for each in both.groups
            ]
            assert [each.result() for each in told] == [None, None]
        assert caplog.text.count("no answer within") == len(both.groups)
        released.set()

    assert site.records().read(name_of("search")) is not None


def test_what_has_not_begun_in_time_is_not_begun_later(site: Site) -> None:
    """Where every thread is busy, the next round tells what is true then."""
    busy = Event()
    with ThreadPoolExecutor(1) as executor:
        executor.submit(busy.wait)
        publisher = Publisher(fleet(), site.records, lambda: NOW, executor, SECONDS)
        site.tell(publisher, 7)
        busy.set()
        executor.submit(int).result()
        assert site.opened == 0
        site.tell(publisher, 8)

    assert site.epoch == 8


def hang(released: Event) -> Callable[[str], None]:
    """Return what keeps whoever calls until it is released."""

    def wait(_call: str) -> None:
        released.wait()

    return wait
