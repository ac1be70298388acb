"""The Caddy director beside what all directors promise: what Caddy does with the weights, and what is left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from rigs.directors import ENDPOINTS, Front, caddy_config, load, start_caddy
from tradewind.clouds.web.handler import EPOCH
from tradewind.clouds.web.traffic import open_director
from tradewind.errors import ConfigurationError, PreconditionFailedError
from tradewind.ports import TrafficDirector

AWS, AZURE, GCP = ENDPOINTS
TIMES = 100


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Front]:
    """A Caddy."""
    with start_caddy(tmp_path_factory.mktemp("caddy")) as running:
        yield running


@pytest.fixture
def director(front: Front) -> TrafficDirector:
    """A director before three upstreams, each of which says whose it is."""
    targets = caddy_config(front).targets
    upstreams = {
        name: {
            "listen": [target],
            "automatic_https": {"disable": True},
            "routes": [{"handle": [{"handler": "static_response", "body": name}]}],
        }
        for name, target in targets.items()
    }
    handler = {
        "upstreams": [{"dial": targets[AWS], "max_requests": 50}],
        "load_balancing": {"retries": 2, "try_duration": "1s"},
        "health_checks": {"passive": {"fail_duration": "5s"}},
        "headers": {"response": {"set": {"X-Of-Ours": ["kept"]}}, "request": {"set": {"X-More": ["kept"]}}},
    }
    load(front, handler, **upstreams)
    return open_director(caddy_config(front))


def ask(front: Front) -> httpx.Response:
    """Send a request through the front."""
    return httpx.get(front.url, trust_env=False)


def handler(front: Front) -> dict[str, object]:
    """Return the handler as Caddy has it."""
    found: dict[str, object] = httpx.get(f"{front.admin}/id/inference", trust_env=False).json()
    return found


@pytest.mark.parametrize("weights", [{AWS: 100, AZURE: 0, GCP: 0}, {AWS: 0, AZURE: 30, GCP: 70}])
def test_requests_go_by_the_weights(front: Front, director: TrafficDirector, weights: dict[str, int]) -> None:
    """Of a hundred requests each endpoint answers its share, and none goes to an endpoint of weight 0."""
    director.publish(weights, epoch=1, expect=director.read())

    with httpx.Client(trust_env=False) as client:
        answered = Counter(client.get(front.url).text for _ in range(TIMES))

    assert answered == {name: weight for name, weight in weights.items() if weight}


def test_callers_see_the_epoch(front: Front, director: TrafficDirector) -> None:
    """An answer says by the decision of which epoch it went where it went."""
    director.publish({AWS: 0, AZURE: 100, GCP: 0}, epoch=12, expect=director.read())

    assert ask(front).headers[EPOCH] == "12"


def test_what_else_the_handler_says_stays(front: Front, director: TrafficDirector) -> None:
    """Retries, health checks, other headers and what is said of an upstream outlive a change of weights."""
    before = handler(front)
    director.publish({AWS: 60, AZURE: 40, GCP: 0}, epoch=2, expect=director.read())
    after = handler(front)

    targets = caddy_config(front).targets
    assert after["health_checks"] == before["health_checks"]
    assert after["load_balancing"] == {
        "retries": 2,
        "try_duration": "1s",
        "selection_policy": {"policy": "weighted_round_robin", "weights": [60, 40, 0]},
    }
    assert after["headers"] == {
        "request": {"set": {"X-More": ["kept"]}},
        "response": {"set": {"X-Of-Ours": ["kept"], EPOCH: ["2"]}},
    }
    assert after["upstreams"] == [
        {"dial": targets[AWS], "max_requests": 50},
        {"dial": targets[AZURE]},
        {"dial": targets[GCP]},
    ]


def test_a_person_who_changes_the_handler_is_not_overwritten(front: Front, director: TrafficDirector) -> None:
    """A change of anything in the handler, by whomever, is a change that a publisher must have seen."""
    seen = director.read()
    edited = {**handler(front), "flush_interval": -1}
    httpx.patch(f"{front.admin}/id/inference", json=edited, trust_env=False).raise_for_status()

    with pytest.raises(PreconditionFailedError):
        director.publish({AWS: 100, AZURE: 0, GCP: 0}, epoch=1, expect=seen)

    assert handler(front) == edited


def test_a_route_before_it_moves_nothing(front: Front, director: TrafficDirector) -> None:
    """The handler is found by its id, wherever in the configuration it stands by now."""
    director.publish({AWS: 100, AZURE: 0, GCP: 0}, epoch=1, expect=director.read())
    route = {"match": [{"path": ["/other"]}], "handle": [{"handler": "static_response", "body": "other"}]}
    where = f"{front.admin}/config/apps/http/servers/front/routes/0"
    httpx.put(where, json=route, trust_env=False).raise_for_status()

    director.publish({AWS: 0, AZURE: 0, GCP: 100}, epoch=2, expect=director.read())

    assert ask(front).text == GCP
    assert httpx.get(f"{front.url}/other", trust_env=False).text == "other"


def test_an_id_of_something_else_is_refused(front: Front, director: TrafficDirector) -> None:
    """What has the id and is no reverse proxy is named as the mistake."""
    httpx.patch(
        f"{front.admin}/id/inference", json={"@id": "inference", "handler": "static_response"}, trust_env=False
    ).raise_for_status()

    with pytest.raises(ConfigurationError, match="no `reverse_proxy` handler"):
        director.read()


def test_two_endpoints_with_one_upstream_are_refused(front: Front) -> None:
    """Weights could not be told apart when they are read again."""
    shared = caddy_config(front).model_copy(update={"targets": {AWS: "10.0.0.7:80", AZURE: "10.0.0.7:80"}})

    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.7:80"):
        open_director(shared)


@pytest.mark.parametrize("target", ["http://10.0.0.7:80", "10.0.0.7"])
def test_what_is_no_upstream_is_refused(front: Front, target: str) -> None:
    """Caddy takes any text for an upstream and fails when requests come; here it is refused before."""
    with pytest.raises(ConfigurationError, match="HOST:PORT"):
        open_director(caddy_config(front).model_copy(update={"targets": {AWS: target}}))
