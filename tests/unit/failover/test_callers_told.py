"""Callers are told how endpoints are, also while nothing can be moved: then they need it most."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random

import pytest

from rigs.observers import GROUP, OBSERVERS, Observatory, fleet_of
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.errors import SafetyStopError
from tradewind.failover.callers.published import Condition, Published
from tradewind.failover.callers.reading import name_of
from tradewind.failover.callers.route import Choice, choose
from tradewind.failover.routing import State
from tradewind.ports import Traffic


class Stopped(MemoryDirector):
    """Lets nothing move, because it would be too much of its zone."""

    def __init__(self, inner: MemoryDirector) -> None:
        self.inner = inner

    def read(self) -> Traffic:
        """Return what is published."""
        return self.inner.read()

    def publish(self, weights: Mapping[str, int], *, epoch: int, expect: Traffic, force: bool = False) -> Traffic:
        """Refuse whatever is another epoch."""
        if force or self.inner.read().epoch == epoch:
            return self.inner.publish(weights, epoch=epoch, expect=expect)
        raise SafetyStopError("Refused to change 4 of the 12 records of the zone")


def settled(**fields: object) -> Observatory:
    """Return observers of a group whose first epoch is settled."""
    sky = Observatory(fleet_of(**{GROUP: fields}))
    sky.settle()
    return sky


def told(sky: Observatory, site: str) -> Published:
    """Return what callers near a site are answered from."""
    record = sky._records("")[site].read(name_of(GROUP))
    assert record is not None
    return Published.of(record.value)


def chosen(sky: Observatory, site: str) -> set[str]:
    """Return where callers near a site are sent."""
    published, rng = told(sky, site), Random(0)  # noqa: S311 - the same places in each run
    known = sky.fleet.classifications
    places = [choose(published, by="weighted", place=None, classifications=known, rng=rng) for _ in range(50)]
    return {place.endpoint for place in places if isinstance(place, Choice)}


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("strategy", ["active_passive", "active_active"])
def test_what_fails_while_the_director_shows_nothing_new_is_told(strategy: str, *, stopped: bool) -> None:
    """Its API is away with the cloud that was lost, or its zone stops the move; then another endpoint fails."""
    primary = {"primary": None} if strategy == "active_active" else {}
    sky = settled(strategy=strategy, **primary)
    sky.down.add("on-aws")
    if stopped:
        sky.directors[GROUP] = Stopped(sky.director)
    else:
        sky.director.away = True
    sky.rounds(10)
    assert sky.routing.state is State.DRAINING

    sky.down.add("on-gcp")
    sky.rounds(10)

    for site in OBSERVERS:
        assert told(sky, site).endpoints["on-gcp"].condition is Condition.DOWN
        assert chosen(sky, site) == {"on-azure"}


def test_what_fails_while_no_majority_can_be_written_is_told_where_it_can() -> None:
    """Two control stores can be read only, so that nothing is elected; the third one's callers are not sent there."""
    sky = settled(strategy="active_active", primary=None)
    sky.unwritable.update(OBSERVERS[:2])
    sky.down.add("on-gcp")

    sky.rounds(10)

    assert sky.routing.weights["on-gcp"]
    assert chosen(sky, OBSERVERS[2]) == {"on-aws", "on-azure"}
