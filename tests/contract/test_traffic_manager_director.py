"""The Traffic Manager director beside what all directors promise: what it sends, and what there is no guarantee of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from rigs.directors import ENDPOINTS, TrafficManagerRig, start_traffic_manager, without
from rigs.json_server import Reply, Request, serving
from rigs.schemas import TRAFFIC_MANAGER, mistakes
from tradewind.clouds.azure.traffic import open_director
from tradewind.errors import ConfigurationError, CredentialsError, PreconditionFailedError
from tradewind.fleet import AzureSite
from tradewind.fleet.directors import TrafficManager

AWS, AZURE, GCP = ENDPOINTS
ALL_AT_AWS = {AWS: 100, AZURE: 0, GCP: 0}
ALL_AT_AZURE = {AWS: 0, AZURE: 100, GCP: 0}
SHARED = {AWS: 50, AZURE: 0, GCP: 50}
SITE = AzureSite(
    cloud="azure",
    account="models",
    container="models",
    region="westeurope",
    jurisdiction="EU",
    control_bucket="control",
)


@pytest.fixture
def manager() -> Iterator[TrafficManagerRig]:
    """A profile that nothing was published to yet."""
    with start_traffic_manager() as running:
        yield running


def profile(manager: TrafficManagerRig) -> Any:  # noqa: ANN401 - JSON
    """Return the profile as it is."""
    return manager.server.profiles[manager.path]


def test_a_move_is_one_put_that_fits_the_published_schema(manager: TrafficManagerRig) -> None:
    """The profile goes as a whole: weights, who is disabled, the epoch's tag, and nothing that only Azure may say."""
    director = manager.open()
    before = profile(manager)
    director.publish(SHARED, epoch=7, expect=director.read())

    (sent,) = [request.body for request in manager.server.asked if request.method == "PUT"]
    assert mistakes(TRAFFIC_MANAGER, "Profile", sent) == []
    assert isinstance(sent, dict)
    assert sent["tags"] == {"team": "inference", "tradewind-epoch": "7"}
    properties: Any = sent["properties"]
    assert [
        (each["name"], each["properties"]["endpointStatus"], each["properties"]["weight"])
        for each in properties["endpoints"]
    ] == [(f"ep-{AWS}", "Enabled", 50), (f"ep-{AZURE}", "Disabled", 1), (f"ep-{GCP}", "Enabled", 50)]
    assert all("endpointMonitorStatus" not in each["properties"] for each in properties["endpoints"])
    assert properties["dnsConfig"] == {"relativeName": "api", "ttl": 30}
    assert properties["maxReturn"] == 0
    kept = {
        name: value for name, value in before["properties"]["monitorConfig"].items() if name != "profileMonitorStatus"
    }
    assert properties["monitorConfig"] == kept
    assert (
        properties["endpoints"][0]["properties"]["target"]
        == before["properties"]["endpoints"][0]["properties"]["target"]
    )


def test_health_that_azure_sees_is_no_change(manager: TrafficManagerRig) -> None:
    """What Azure says of an endpoint's health changes by itself, and is nothing that a publisher must have seen."""
    director = manager.open()
    seen = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    profile(manager)["properties"]["endpoints"][0]["properties"]["endpointMonitorStatus"] = "Degraded"

    assert director.read() == seen


def test_a_change_by_hand_is_not_overwritten(manager: TrafficManagerRig) -> None:
    """Who disables an endpoint in the portal is noticed, and what they did is shown."""
    director = manager.open()
    seen = director.publish(SHARED, epoch=1, expect=director.read())
    profile(manager)["properties"]["endpoints"][0]["properties"]["endpointStatus"] = "Disabled"

    with pytest.raises(PreconditionFailedError):
        director.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert director.read().weights == {AWS: 0, AZURE: 0, GCP: 100}


def test_an_endpoint_that_left_is_disabled_and_stays(manager: TrafficManagerRig) -> None:
    """What left the group keeps its place in the profile, and only loses its traffic."""
    director = manager.open()
    director.publish(SHARED, epoch=1, expect=director.read())
    smaller = manager.open(without(manager.config, GCP))

    smaller.publish({AWS: 100, AZURE: 0}, epoch=2, expect=smaller.read())

    left = profile(manager)["properties"]["endpoints"][2]
    assert (left["name"], left["properties"]["endpointStatus"]) == (f"ep-{GCP}", "Disabled")


def test_a_profile_that_is_disabled_is_refused(manager: TrafficManagerRig) -> None:
    """It answers no question for its name, so nothing that is published to it would be true."""
    profile(manager)["properties"]["profileStatus"] = "Disabled"

    with pytest.raises(ConfigurationError, match="is disabled"):
        manager.open().read()


def test_a_change_that_meets_another_is_refused(manager: TrafficManagerRig) -> None:
    """Azure works on one change of a profile at a time, and the second is told to look again."""
    director = manager.open()
    seen = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    manager.server.busy = True

    with pytest.raises(PreconditionFailedError):
        director.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert director.read() == seen


def test_who_is_overwritten_at_the_same_moment_sees_it(manager: TrafficManagerRig) -> None:
    """Where another's change arrives right after one's own, the last look shows it."""
    other = manager.open()
    started = other.read()

    def intrude(request: Request) -> Reply:
        reply = manager.server(request)
        if request.method == "PUT":
            other.publish(SHARED, epoch=9, expect=other.read())
        return reply

    with serving(intrude) as url:
        director = manager.open(manager.config.model_copy(update={"api": url}))

        with pytest.raises(PreconditionFailedError, match="epoch 9 is there"):
            director.publish(ALL_AT_AWS, epoch=8, expect=started)


def test_a_change_goes_out_once(manager: TrafficManagerRig) -> None:
    """A change that may have counted is not sent again: it could undo what somebody did in between."""
    puts: list[Request] = []

    def fail(request: Request) -> Reply:
        if request.method == "GET":
            return manager.server(request)
        puts.append(request)
        return Reply(503, {"error": {"code": "ServerTimeout", "message": "later"}})

    with serving(fail) as url:
        director = manager.open(manager.config.model_copy(update={"api": url}))
        with pytest.raises(ConnectionError, match="ServerTimeout"):
            director.publish(ALL_AT_AWS, epoch=8, expect=director.read())

    assert len(puts) == 1


def test_a_token_that_is_refused_is_fetched_anew(manager: TrafficManagerRig) -> None:
    """A request with a token that has been withdrawn is sent once more with another."""

    def guard(request: Request) -> Reply:
        if request.headers["authorization"] == "Bearer token-0":
            return Reply(401, {"error": {"code": "InvalidAuthenticationToken", "message": "The token has expired."}})
        return manager.server(request)

    with serving(guard) as url:
        assert manager.open(manager.config.model_copy(update={"api": url})).read().epoch == 0

    assert manager.tokens == ["token-0", "token-1"]


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda properties: properties.update(trafficRoutingMethod="Priority"), "routes by Priority"),
        (lambda properties: properties["endpoints"].pop(), f"has no endpoint 'ep-{GCP}'"),
        (
            lambda properties: properties["endpoints"].append(
                {"name": "old", "type": "x/externalEndpoints", "properties": {"endpointStatus": "Enabled"}}
            ),
            "'old' that takes traffic",
        ),
    ],
)
def test_a_profile_that_does_not_suit_is_refused(
    manager: TrafficManagerRig, spoil: Callable[[Any], object], reason: str
) -> None:
    """A profile with another routing method, without an endpoint or with one too many is the operator's to mend."""
    spoil(profile(manager)["properties"])

    with pytest.raises(ConfigurationError, match=reason):
        manager.open().read()


def test_what_azure_does_not_take_is_told_in_its_words(manager: TrafficManagerRig) -> None:
    """A profile that Azure refuses is the operator's to mend."""
    profile(manager)["properties"]["endpoints"][1]["properties"]["weight"] = 0
    director = manager.open()

    with pytest.raises(ConfigurationError, match="must be from 1 to 1000"):
        director.publish(ALL_AT_AWS, epoch=1, expect=director.read())


def test_an_account_key_is_no_credential_here() -> None:
    """The keys that storage is asked with say nothing to Azure Resource Manager."""
    config = TrafficManager(
        kind="traffic_manager", site="azr-weu", subscription="s", resource_group="g", profile="p", targets={AWS: "a"}
    )

    with pytest.raises(CredentialsError, match="'azr-weu'"):
        open_director(config, SITE, {"account_key": "a2V5"})


def test_a_managed_identity_asks_for_a_token_of_resource_manager(
    manager: TrafficManagerRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The identity of a function app is asked for another token than storage's."""
    asked: list[Request] = []

    def identity(request: Request) -> Reply:
        asked.append(request)
        return Reply(200, {"access_token": "managed", "expires_on": "9999999999"})

    with serving(identity) as url:
        monkeypatch.setenv("IDENTITY_ENDPOINT", f"{url}/msi/token")
        monkeypatch.setenv("IDENTITY_HEADER", "secret")
        open_director(manager.config, SITE, None).read()

    assert asked[0].query["resource"] == "https://management.azure.com"
    assert manager.server.asked[-1].headers["authorization"] == "Bearer managed"
