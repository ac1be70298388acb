"""What an observer lets callers know of a group."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from rigs.routes import ENDPOINTS, NOW, fleet, published, routing, sights
from tradewind.failover.callers.published import Condition, Offer, Published, published_of
from tradewind.failover.routing import State
from tradewind.failover.views import Breaker, EndpointView, Sample

GOOD = EndpointView(passing=9, load=12.0, samples=tuple(Sample(good=True, seconds=each / 100) for each in range(1, 21)))
BAD = EndpointView(failing=3, reason="it is on fire", breaker=Breaker.OPEN, samples=(Sample(good=False, seconds=2),))
SLOW = EndpointView(passing=9, slow=6, samples=(Sample(good=True, seconds=1.5),))
BACK = EndpointView(passing=4, breaker=Breaker.HALF_OPEN)


def seen(*views: EndpointView) -> Offer:
    """Return what is published of an endpoint that the first observers see so."""
    looks: list[Mapping[str, EndpointView]] = [{"virginia": view} for view in views]
    return published_of("chat", fleet(), routing(100, 0, 0), sights(*looks), NOW).endpoints["virginia"]


def test_what_is_published_says_all_that_a_caller_is_chosen_by() -> None:
    """The epoch and its weights, where each endpoint is, what it can do, and how it is."""
    group = published_of("chat", fleet(), routing(60, 30, 10), sights(*[dict.fromkeys(ENDPOINTS, GOOD)] * 3), NOW)

    assert (group.epoch, group.state, group.classification, group.primary) == (7, State.SETTLED, "public", "virginia")
    assert [offer.weight for offer in group.endpoints.values()] == [60, 30, 10]
    assert group.endpoints["london"] == Offer(
        url="https://london.example.org",
        site="azure-uks",
        cloud="azure",
        region="uksouth",
        jurisdiction="GB",
        weight=10,
        share=1,
        capacity=100,
        condition=Condition.UP,
        well=True,
        p50=0.1,
        p95=0.19,
        load=12.0,
    )


@pytest.mark.parametrize(
    ("views", "condition", "breaker"),
    [
        ((GOOD, GOOD, GOOD), Condition.UP, Breaker.CLOSED),
        ((GOOD, GOOD, BAD), Condition.UP, Breaker.CLOSED),
        ((GOOD, BAD, BAD), Condition.DOWN, Breaker.OPEN),
        ((GOOD, BAD), Condition.UNKNOWN, Breaker.CLOSED),
        ((BAD,), Condition.UNKNOWN, Breaker.CLOSED),
        ((), Condition.UNKNOWN, Breaker.CLOSED),
        ((GOOD, SLOW, SLOW), Condition.DEGRADED, Breaker.CLOSED),
        ((GOOD, GOOD, SLOW), Condition.UP, Breaker.CLOSED),
        ((BACK, BACK, GOOD), Condition.UP, Breaker.HALF_OPEN),
        ((BACK, BAD, GOOD), Condition.UP, Breaker.HALF_OPEN),
    ],
)
def test_a_majority_of_all_observers_says_how_an_endpoint_is(
    views: tuple[EndpointView, ...], condition: Condition, breaker: Breaker
) -> None:
    """One observer, or the only one that is heard, says nothing by itself."""
    offer = seen(*views)

    assert (offer.condition, offer.breaker) == (condition, breaker)


def test_it_survives_being_written_down() -> None:
    """What is read is what was written."""
    group = published(50, 50, 0, london={"condition": Condition.DOWN, "breaker": Breaker.OPEN, "p50": 0.1, "load": 3.0})

    assert Published.of(json.loads(json.dumps(group.as_document()))) == group


def test_what_a_newer_version_adds_is_read_over() -> None:
    """Functions are not all of one version while they are deployed."""
    document = json.loads(json.dumps(published(50, 50, 0).as_document()))
    document["endpoints"]["london"]["colour"] = document["colour"] = "red"

    assert Published.of(document) == published(50, 50, 0)


@pytest.mark.parametrize(
    "change",
    [{"epoch": None, "endpoints": []}, {"state": "CONFUSED"}, {"at": "yesterday"}, {"endpoints": {"a": {"url": ""}}}],
)
def test_what_somebody_else_wrote_is_refused(change: dict[str, object]) -> None:
    """A record of another kind is no answer to a caller."""
    with pytest.raises(ValueError, match="not what an observer publishes"):
        Published.of({**published(50, 50, 0).as_document(), **change})
