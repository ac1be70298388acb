"""What every director of traffic promises, in memory and over each API."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from rigs.directors import (
    ENDPOINTS,
    CloudDnsRig,
    Front,
    Rig,
    TrafficManagerRig,
    caddy_rig,
    cloud_dns_rig,
    memory_rig,
    route53_rig,
    start_caddy,
    start_cloud_dns,
    start_traffic_manager,
    traffic_manager_rig,
)
from rigs.strict_route53 import StrictRoute53, start_strict_route53
from tradewind.errors import (
    ConfigurationError,
    PreconditionFailedError,
    StoreUnavailableError,
    TradewindError,
    TransientError,
)
from tradewind.ports import Traffic, TrafficDirector

AWS, AZURE, GCP = ENDPOINTS
ALL_AT_AWS = {AWS: 100, AZURE: 0, GCP: 0}
ALL_AT_AZURE = {AWS: 0, AZURE: 100, GCP: 0}
SHARED = {AWS: 33, AZURE: 0, GCP: 67}
THIN = {AWS: 1, AZURE: 1, GCP: 98}
CONDITIONAL = ["caddy", "route53", "cloud_dns"]
"""Those whose API changes something only if it is as it was seen."""
REMOTE = [*CONDITIONAL, "traffic_manager"]


@pytest.fixture(scope="session")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A Caddy."""
    with start_caddy(tmp_path_factory.mktemp("caddy")) as running:
        yield running


@pytest.fixture(scope="session")
def route53() -> Iterator[StrictRoute53]:
    """A Route 53 that takes a batch or leaves it."""
    with start_strict_route53() as running:
        yield running


@pytest.fixture
def cloud_dns() -> Iterator[CloudDnsRig]:
    """A Cloud DNS of its own."""
    with start_cloud_dns() as running:
        yield running


@pytest.fixture
def traffic_manager() -> Iterator[TrafficManagerRig]:
    """A Traffic Manager of its own."""
    with start_traffic_manager() as running:
        yield running


@pytest.fixture(params=["memory", *REMOTE])
def rig(request: pytest.FixtureRequest) -> Rig:
    """Each director in turn, with nothing published."""
    match request.param:
        case "caddy":
            return caddy_rig(request.getfixturevalue("front"))
        case "route53":
            return route53_rig(request.getfixturevalue("route53"))
        case "cloud_dns":
            return cloud_dns_rig(request.getfixturevalue("cloud_dns"))
        case "traffic_manager":
            return traffic_manager_rig(request.getfixturevalue("traffic_manager"))
    return memory_rig()


@pytest.fixture
def director(rig: Rig) -> TrafficDirector:
    """The director of each rig in turn."""
    return rig.open()


def test_shows_nothing_before_anything_was_published(director: TrafficDirector) -> None:
    """What was not published has no weights and the epoch 0."""
    shown = director.read()

    assert (shown.weights, shown.epoch) == ({}, 0)


@pytest.mark.parametrize("weights", [ALL_AT_AWS, SHARED, THIN])
def test_shows_what_was_published(rig: Rig, weights: dict[str, int]) -> None:
    """Weights and epoch are read as they were published, by others, too."""
    director = rig.open()

    published = director.publish(weights, epoch=3, expect=director.read())

    assert (dict(published.weights), published.epoch) == (weights, 3)
    assert rig.open().read() == published


def test_moves_traffic_there_and_back(director: TrafficDirector) -> None:
    """Each move replaces the one before it, and the same weights under another epoch are another state."""
    first = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    second = director.publish(ALL_AT_AZURE, epoch=2, expect=first)
    third = director.publish(ALL_AT_AWS, epoch=3, expect=second)

    assert director.read() == third
    assert (dict(third.weights), third.epoch) == (ALL_AT_AWS, 3)
    assert len({first.token, second.token, third.token}) == 3


def test_weights_change_within_an_epoch(director: TrafficDirector) -> None:
    """One epoch may publish more than once: it drains first."""
    drained = director.publish(SHARED, epoch=4, expect=director.read())

    moved = director.publish(ALL_AT_AZURE, epoch=4, expect=drained)

    assert (dict(moved.weights), moved.epoch) == (ALL_AT_AZURE, 4)


def test_refuses_who_did_not_see_what_is_there(rig: Rig) -> None:
    """Who read before somebody else published is refused, and changes nothing."""
    slow, fast = rig.open(), rig.open()
    seen = slow.read()
    won = fast.publish(ALL_AT_AWS, epoch=5, expect=fast.read())

    with pytest.raises(PreconditionFailedError, match="epoch 6"):
        slow.publish(ALL_AT_AZURE, epoch=6, expect=seen)

    assert rig.open().read() == won


def test_refuses_who_saw_a_state_that_is_past(director: TrafficDirector) -> None:
    """A state that was there and is replaced is no longer what is expected."""
    first = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    second = director.publish(SHARED, epoch=2, expect=first)

    with pytest.raises(PreconditionFailedError):
        director.publish(ALL_AT_AZURE, epoch=3, expect=first)

    assert director.read() == second


def test_refuses_an_older_epoch(director: TrafficDirector) -> None:
    """A later epoch is never replaced by an earlier one, whatever its publisher has seen."""
    shown = director.publish(ALL_AT_AWS, epoch=7, expect=director.read())

    with pytest.raises(PreconditionFailedError, match="epoch 7 is there"):
        director.publish(ALL_AT_AZURE, epoch=6, expect=shown)

    assert director.read() == shown


def test_publishing_again_changes_nothing(rig: Rig) -> None:
    """Who lost the answer, or is second, publishes the same once more: it is the same state."""
    first, second = rig.open(), rig.open()
    seen = first.read()
    published = first.publish(SHARED, epoch=2, expect=seen)

    assert first.publish(SHARED, epoch=2, expect=published) == published
    assert second.publish(SHARED, epoch=2, expect=seen) == published


@pytest.mark.parametrize("rig", ["memory", *CONDITIONAL], indirect=True)
def test_one_of_many_wins(rig: Rig) -> None:
    """Of publishers at the same moment that saw the same, one succeeds."""
    seen = rig.open().read()

    def publish(share: int) -> Traffic | TransientError:
        try:
            return rig.open().publish({AWS: share, AZURE: 100 - share, GCP: 0}, epoch=1, expect=seen)
        except TransientError as refused:  # some APIs cut off who comes second
            return refused

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(publish, range(10, 70, 10)))

    winners = [outcome for outcome in outcomes if isinstance(outcome, Traffic)]
    assert winners == [rig.open().read()]


def test_refuses_weights_that_are_not_the_groups(director: TrafficDirector) -> None:
    """Weights that leave an endpoint out, or name one without a target, are a mistake in the fleet file."""
    seen = director.read()

    with pytest.raises(ConfigurationError, match="gcp-euw4"):
        director.publish({AWS: 50, AZURE: 50}, epoch=1, expect=seen)
    with pytest.raises(ConfigurationError, match="elsewhere"):
        director.publish({**ALL_AT_AWS, "elsewhere": 0}, epoch=1, expect=seen)

    assert director.read() == seen


@pytest.mark.parametrize("weights", [ALL_AT_AWS, SHARED, {AWS: 0, AZURE: 0, GCP: 100}])
def test_an_endpoint_that_left_is_left_out_and_loses_its_traffic(rig: Rig, weights: dict[str, int]) -> None:
    """What is published to an endpoint that is not in the group any more hinders nobody, and is replaced."""
    before = rig.open()
    before.publish(weights, epoch=1, expect=before.read())
    after = rig.open_without(GCP)

    seen = after.read()
    moved = after.publish({AWS: 0, AZURE: 100}, epoch=2, expect=seen)

    assert (dict(seen.weights), seen.epoch) == ({AWS: weights[AWS], AZURE: weights[AZURE]}, 1)
    assert (dict(moved.weights), moved.epoch) == ({AWS: 0, AZURE: 100}, 2)
    assert {name: weight for name, weight in rig.open().read().weights.items() if weight} == {AZURE: 100}


def test_what_is_left_is_published_within_the_epoch_too(rig: Rig) -> None:
    """An epoch whose traffic went to an endpoint that left can be shown anew, without that one."""
    before = rig.open()
    before.publish({AWS: 1, AZURE: 0, GCP: 99}, epoch=1, expect=before.read())
    after = rig.open_without(GCP)

    moved = after.publish({AWS: 100, AZURE: 0}, epoch=1, expect=after.read())

    assert (dict(moved.weights), moved.epoch) == ({AWS: 100, AZURE: 0}, 1)
    assert rig.open().read().weights.get(GCP, 0) == 0


def test_refuses_what_are_no_shares(director: TrafficDirector) -> None:
    """Weights that are not 100 together are refused before anything is asked."""
    with pytest.raises(ValueError, match="shares of 100"):
        director.publish({AWS: 50, AZURE: 0, GCP: 49}, epoch=1, expect=director.read())


def test_an_api_that_does_not_answer_is_unavailable(rig: Rig) -> None:
    """Nothing can be said of an API that does not answer; it is worth another try."""
    seen = rig.open().read()

    with pytest.raises(StoreUnavailableError):
        rig.down.read()
    with pytest.raises(StoreUnavailableError):
        rig.down.publish(ALL_AT_AWS, epoch=1, expect=seen)


@pytest.mark.parametrize("rig", REMOTE, indirect=True)
def test_what_does_not_exist_is_named(rig: Rig) -> None:
    """A zone, profile or route that is not there is the operator's to mend, and the message says which."""
    assert rig.unknown is not None

    with pytest.raises(ConfigurationError, match="another") as raised:
        rig.unknown.read()

    assert isinstance(raised.value, TradewindError)
    assert raised.value.hint
