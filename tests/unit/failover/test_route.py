"""Which endpoint serves a caller best."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.routes import ENDPOINTS, fleet, published
from tradewind.failover.callers.published import Condition, Offer, Published
from tradewind.failover.callers.route import TRIAL, By, Choice, Nowhere, Place, choose
from tradewind.failover.views import Breaker

LAWS = fleet().classifications
PARIS = (48.9, 2.4)
BOSTON = (42.4, -71.1)
DOWN: Mapping[str, Any] = {"condition": Condition.DOWN, "well": False}


def sent(
    group: Published, by: By = "weighted", place: Place | None = None, law: str = "public", seed: int = 1
) -> Choice:
    """Return where a caller is sent."""
    choice = choose(group, by=by, place=place, classifications={law: LAWS[law]}, rng=Random(seed))  # noqa: S311 - dice
    assert isinstance(choice, Choice)
    return choice


def shares(group: Published, by: By = "weighted") -> Counter[str]:
    """Return how often each endpoint is chosen of a thousand times."""
    return Counter(sent(group, by, seed=seed).endpoint for seed in range(1000))


def test_callers_are_shared_out_by_the_weights() -> None:
    """Of many callers each endpoint gets about its percent, and one without a weight none."""
    of = shares(published(70, 30, 0))

    assert 650 < of["virginia"] < 750
    assert of["london"] == 0


def test_the_answer_says_what_else_can_be_tried() -> None:
    """The others that serve follow, and then what stands by."""
    choice = sent(published(100, 0, 0))

    assert (choice.endpoint, choice.url, choice.epoch) == ("virginia", "https://virginia.example.org", 7)
    assert choice.reason == "weighted: 100 % of the traffic go there"
    assert set(choice.alternatives) == {"groningen", "london"}
    assert (dict(choice.rejected), choice.note) == ({}, "")


@pytest.mark.parametrize(
    ("ill", "why"),
    [
        (DOWN, "a majority of the observers sees it down"),
        ({"breaker": Breaker.OPEN}, "its breaker is open"),
    ],
)
def test_what_does_not_answer_is_left_out(ill: Mapping[str, Any], why: str) -> None:
    """What is down, or behind an open breaker, is neither answered nor offered as something else to try."""
    choice = sent(published(100, 0, 0, virginia=ill, london=DOWN))

    assert choice.endpoint == "groningen"
    assert choice.reason == "weighted: it stands by; what the traffic goes to cannot take more"
    assert choice.alternatives == ()
    assert choice.rejected == {"virginia": why, "london": "a majority of the observers sees it down"}


@pytest.mark.parametrize("poor", [{"condition": Condition.DEGRADED}, {"load": 100.0}, {"load": 130.0}])
def test_what_serves_poorly_comes_after_what_is_well(poor: Mapping[str, Any]) -> None:
    """Slow, often failing or full: it is asked only if nothing else is left, and still before nothing at all."""
    group = published(50, 50, 0, virginia=poor)

    assert shares(group)["virginia"] == 0
    assert sent(group).alternatives[-1] == "virginia"
    last = sent(published(100, 0, 0, virginia=poor, groningen=DOWN, london=DOWN))
    assert last.endpoint == "virginia"
    assert "nothing better is left, though it " in last.reason


def test_what_is_tried_again_gets_a_few_requests() -> None:
    """A breaker that is half open lets a small share through."""
    of = shares(published(50, 50, 0, virginia={"breaker": Breaker.HALF_OPEN}))

    assert 0 < of["virginia"] < 2 * 500 * TRIAL


def test_nothing_stands_in_that_is_not_known_to_be_well() -> None:
    """Traffic goes to an endpoint that has none only if a majority saw it answer for long enough."""
    doubtful = {"well": False}

    choice = sent(published(100, 0, 0, virginia={"load": 100.0}, groningen=doubtful, london=doubtful))

    assert choice.endpoint == "virginia"


def test_nothing_stands_in_for_a_group_that_is_frozen() -> None:
    """Whoever froze it wants no traffic anywhere but where it goes."""
    group = replace(published(100, 0, 0, virginia=DOWN), frozen=True)

    assert sent(group).endpoint == "virginia"


def test_if_nothing_is_well_the_last_weights_are_answered() -> None:
    """To try is better than nothing; the caller is told so."""
    group = published(100, 0, 0, virginia=DOWN, groningen=DOWN, london=DOWN)

    choice = sent(group)

    assert (choice.endpoint, choice.reason) == ("virginia", "the last known weights")
    assert choice.note == (
        "No endpoint is known to be well (a majority of the observers sees it down); to try is better than nothing"
    )
    assert set(choice.alternatives) == {"groningen", "london"}


def test_what_the_law_leaves_is_tried_though_it_only_stands_by() -> None:
    """Where the traffic goes the data may not be; of the rest, what is not known to be down comes first."""
    choice = sent(published(100, 0, 0, groningen=DOWN, london={"well": False}), law="european")

    assert (choice.endpoint, choice.alternatives) == ("london", ("groningen",))
    assert choice.reason == "it is where the data may be"
    assert "nobody has seen it answer for long enough" in choice.note


def test_where_nobody_can_say_the_weights_hold() -> None:
    """Without a majority of observers everything stays as it is."""
    unknown = {"condition": Condition.UNKNOWN, "well": False}
    choice = sent(published(100, 0, 0, virginia=unknown, groningen=unknown, london=unknown))

    assert choice.endpoint == "virginia"
    assert choice.note == "No majority of the observers can say how it is"


@pytest.mark.parametrize(("place", "endpoint"), [(PARIS, "london"), (BOSTON, "virginia"), ((52.4, 4.9), "groningen")])
def test_the_nearest_region_is_chosen(place: Place, endpoint: str) -> None:
    """By the distance along the globe, among those that serve."""
    choice = sent(published(40, 30, 30), "nearest", place)

    assert choice.endpoint == endpoint
    assert choice.reason.endswith(" km away")


def test_a_region_that_nobody_knows_is_the_last() -> None:
    """What may be anywhere is not near."""
    group = published(40, 30, 30, london={"region": "moonbase"})

    assert sent(group, "nearest", PARIS).alternatives[-1] == "london"
    alone = published(0, 0, 100, london={"region": "moonbase"}, virginia=DOWN, groningen=DOWN)
    assert sent(alone, "nearest", PARIS).reason == "nearest: where moonbase is, is not known"


def test_the_fastest_is_chosen() -> None:
    """By what 95 % of the observers' answers came within; one that was never measured is the last."""
    group = published(40, 30, 30, virginia={"p95": 0.2}, groningen={"p95": 0.05})

    choice = sent(group, "latency")

    assert (choice.endpoint, choice.alternatives) == ("groningen", ("virginia", "london"))
    assert choice.reason == "latency: 95 % of answers within 0.050 s"


def test_what_is_too_much_for_the_primary_goes_to_the_others() -> None:
    """Of 160 requests a second, 80 are within 80 % of a capacity of 100; so half of the callers go elsewhere."""
    group = published(100, 0, 0, virginia={"load": 99.0, "capacity": 100.0})
    group = replace(group, strategy="bursting", primary="virginia", burst_above=0.495)

    of = shares(group)

    assert 450 < of["virginia"] < 550
    assert of["groningen"] + of["london"] == 1000 - of["virginia"]
    assert sent(replace(group, burst_above=1.0)).endpoint == "virginia"


def test_a_place_that_the_law_forbids_is_never_answered() -> None:
    """Whatever is well there, and though all that is allowed is down."""
    group = published(100, 0, 0, groningen=DOWN, london=DOWN)

    choice = sent(group, law="eu")

    assert choice.endpoint == "groningen"
    assert choice.alternatives == ()
    assert choice.rejected["virginia"] == "it is in US, where 'eu' data may not be"


def test_where_no_place_is_allowed_there_is_no_answer() -> None:
    """An error says why for each endpoint."""
    nowhere = choose(
        published(100, 0, 0),
        by="weighted",
        place=None,
        classifications={"lunar": LAWS["lunar"]},
        rng=Random(1),  # noqa: S311 - dice
    )

    assert isinstance(nowhere, Nowhere)
    assert set(nowhere.rejected) == set(ENDPOINTS)


OFFERS = st.fixed_dictionaries(
    {
        "condition": st.sampled_from(Condition),
        "well": st.booleans(),
        "breaker": st.sampled_from(Breaker),
        "load": st.none() | st.floats(0, 200),
        "p95": st.none() | st.floats(0, 9),
    }
)


@given(
    offers=st.fixed_dictionaries(dict.fromkeys(ENDPOINTS, OFFERS)),
    weights=st.sampled_from([(100, 0, 0), (0, 100, 0), (50, 50, 0), (30, 30, 40)]),
    by=st.sampled_from(["weighted", "latency", "nearest"]),
    law=st.sampled_from(["public", "european", "eu"]),
    strategy=st.sampled_from(["active_active", "active_passive", "bursting"]),
    seed=st.integers(0, 9999),
)
def test_the_law_and_the_health_of_endpoints_are_always_honoured(
    offers: Mapping[str, Mapping[str, Any]], weights: tuple[int, ...], by: By, law: str, strategy: str, seed: int
) -> None:
    """Whatever is seen: nothing forbidden is answered, and nothing that is down while something that serves is not."""
    group = replace(published(*weights, **offers), strategy=strategy, primary="virginia")

    choice = sent(group, by, PARIS, law, seed)

    named = [choice.endpoint, *choice.alternatives]
    assert len(set(named)) == len(named)
    assert not set(named) & set(choice.rejected)
    assert all(LAWS[law].allows(group.endpoints[name].jurisdiction) for name in named)
    lawful = [offer for offer in group.endpoints.values() if LAWS[law].allows(offer.jurisdiction)]
    assert not _bad(group.endpoints[choice.endpoint]) or not [
        offer for offer in lawful if offer.weight and not _bad(offer)
    ]


def _bad(offer: Offer) -> bool:
    return offer.condition is Condition.DOWN or offer.breaker is Breaker.OPEN
