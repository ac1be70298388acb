"""The quorum switch over S3, Cloud Storage and Blob Storage: what all directors promise, but for shares."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rigs.stores import Rig
from tradewind.errors import ConfigurationError, PreconditionFailedError, StoreUnavailableError
from tradewind.failover.moving.switch import SwitchDirector
from tradewind.ports import ObjectStore, Traffic
from tradewind.registers.asking import Asking
from tradewind.switch_text import encode, text_of

KEY = "switch/vision.txt"
AWS, GCP, AZURE = {"aws": 100, "gcp": 0, "azr": 0}, {"aws": 0, "gcp": 100, "azr": 0}, {"aws": 0, "gcp": 0, "azr": 100}
CLOUDS = ("s3", "gcs", "azure")


class Switch:
    """A switch whose objects are at three clouds, any of which can be down."""

    def __init__(self, rigs: dict[str, Rig], pool: ThreadPoolExecutor) -> None:
        self._rigs = rigs
        self._pool = pool

    def open(self, *down: str, endpoints: Collection[str] = tuple(AWS)) -> SwitchDirector:
        """Open the switch as an observer does, while some clouds are down."""
        stores = {name: self.store(name, down=name in down) for name in CLOUDS}
        return SwitchDirector(
            "vision", endpoints, dict.fromkeys(CLOUDS, KEY), stores.__getitem__, Asking(self._pool, 20)
        )

    def store(self, name: str, *, down: bool = False) -> ObjectStore:
        """Return one of its buckets."""
        rig = self._rigs[name]
        if not down:
            return rig.store
        assert rig.down is not None
        return rig.down

    def body(self, name: str) -> bytes:
        """Return what the object of a cloud says."""
        with self.store(name).get(KEY) as download:
            return b"".join(download.chunks)


@pytest.fixture
def switch(rigs: Callable[[str], Rig]) -> Iterator[Switch]:
    """A switch with nothing published."""
    with ThreadPoolExecutor(32) as pool:
        yield Switch({name: rigs(name) for name in CLOUDS}, pool)


def test_shows_nothing_before_anything_was_published(switch: Switch) -> None:
    """What was not published has no weights and the epoch 0."""
    shown = switch.open().read()

    assert (shown.weights, shown.epoch) == ({}, 0)


def test_shows_what_was_published(switch: Switch) -> None:
    """Every cloud's object says the same, to be read as text by anybody and kept by no cache."""
    director = switch.open()

    published = director.publish(GCP, epoch=3, expect=director.read())

    assert (dict(published.weights), published.epoch) == (GCP, 3)
    assert switch.open().read() == published
    for name in CLOUDS:
        state = switch.store(name).head(KEY)
        assert state is not None
        assert (state.metadata.content_type, state.metadata.cache_control) == (
            "text/plain; charset=utf-8",
            "no-store, max-age=0",
        )
        assert switch.body(name) == encode(text_of("vision", 3, GCP))


def test_moves_traffic_there_and_back(switch: Switch) -> None:
    """Each move replaces the one before it, and publishing again changes nothing."""
    director = switch.open()
    first = director.publish(AWS, epoch=1, expect=director.read())
    second = director.publish(AZURE, epoch=2, expect=first)
    third = director.publish(AWS, epoch=3, expect=second)

    assert director.publish(AWS, epoch=3, expect=second) == third == switch.open().read()
    assert len({first.token, second.token, third.token}) == 3


@pytest.mark.parametrize("weights", [AWS, GCP])
def test_an_endpoint_that_left_is_left_out_and_loses_its_traffic(switch: Switch, weights: dict[str, int]) -> None:
    """What is published to an endpoint that is not in the group any more hinders nobody, and is replaced."""
    before = switch.open()
    before.publish(weights, epoch=1, expect=before.read())
    after = switch.open(endpoints=("aws", "azr"))

    moved = after.publish({"aws": 0, "azr": 100}, epoch=2, expect=after.read())

    assert (dict(moved.weights), moved.epoch) == ({"aws": 0, "azr": 100}, 2)
    assert switch.open().read() == moved
    assert {switch.body(name) for name in CLOUDS} == {encode(text_of("vision", 2, moved.weights))}


def test_refuses_who_did_not_see_what_is_there(switch: Switch) -> None:
    """Who read before somebody else published is refused, as is an earlier epoch, and changes nothing."""
    slow, fast = switch.open(), switch.open()
    seen = slow.read()
    won = fast.publish(AWS, epoch=5, expect=fast.read())

    with pytest.raises(PreconditionFailedError, match="epoch 6"):
        slow.publish(AZURE, epoch=6, expect=seen)
    with pytest.raises(PreconditionFailedError, match="epoch 5 is there"):
        slow.publish(AZURE, epoch=4, expect=won)

    assert switch.open().read() == won


def test_one_of_many_wins(switch: Switch) -> None:
    """Of publishers at the same moment that saw the same, one succeeds."""
    seen = switch.open().read()

    def publish(number: int) -> Traffic | PreconditionFailedError:
        try:
            return switch.open().publish((AWS, GCP, AZURE)[number], epoch=1, expect=seen)
        except PreconditionFailedError as refused:
            return refused

    with ThreadPoolExecutor(3) as publishers:
        outcomes = list(publishers.map(publish, range(3)))

    winners = [outcome for outcome in outcomes if isinstance(outcome, Traffic)]
    assert winners == [switch.open().read()]


@pytest.mark.parametrize("down", CLOUDS)
def test_a_cloud_that_is_down_changes_nothing(switch: Switch, down: str) -> None:
    """Two clouds of three decide, and the third is brought up when it is back."""
    director = switch.open()
    director.publish(AWS, epoch=1, expect=director.read())
    partial = switch.open(down)

    published = partial.publish(GCP, epoch=2, expect=partial.read())

    assert (dict(published.weights), published.epoch) == (GCP, 2)
    assert list(partial.look().away) == [down]
    assert (dict(director.read().weights), director.read().epoch) == (GCP, 2)
    assert list(director.look().differing) == [down]
    director.publish(GCP, epoch=2, expect=director.read())
    assert director.look().lacking == {}
    assert switch.body(down) == encode(text_of("vision", 2, GCP))


def test_two_clouds_that_are_down_are_too_many(switch: Switch) -> None:
    """Without a majority nothing is said and nothing is written, and both are named."""
    director = switch.open()
    published = director.publish(AWS, epoch=1, expect=director.read())
    alone = switch.open("gcs", "azure")

    with pytest.raises(StoreUnavailableError, match=r"(?s)gcs: .*azure: "):
        alone.read()
    with pytest.raises(StoreUnavailableError, match="no majority"):
        alone.publish(GCP, epoch=2, expect=published)

    assert director.read() == published


def test_refuses_weights_that_it_cannot_show(switch: Switch) -> None:
    """Weights of other endpoints, and shares, are a mistake in the fleet file; others are one of the caller's."""
    director = switch.open()
    seen = director.read()

    with pytest.raises(ConfigurationError, match="'azr'"):
        director.publish({"aws": 100, "gcp": 0}, epoch=1, expect=seen)
    with pytest.raises(ConfigurationError, match="would share the traffic"):
        director.publish({"aws": 50, "gcp": 50, "azr": 0}, epoch=1, expect=seen)
    with pytest.raises(ValueError, match="shares of 100"):
        director.publish({"aws": 50, "gcp": 0, "azr": 0}, epoch=1, expect=seen)

    assert director.read() == seen
