"""The Cloud DNS director beside what all directors promise: what it sends, and what it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rigs.directors import ENDPOINTS, GCP_SITE, CloudDnsRig, start_cloud_dns
from rigs.schemas import CLOUD_DNS, mistakes
from tradewind.clouds.gcp.traffic import CloudDnsDirector, open_director
from tradewind.errors import ConfigurationError, PreconditionFailedError, SafetyStopError
from tradewind.fleet.directors import CloudDns

AWS, AZURE, GCP = ENDPOINTS
ALL_AT_AWS = {AWS: 100, AZURE: 0, GCP: 0}
ALL_AT_AZURE = {AWS: 0, AZURE: 100, GCP: 0}
SHARED = {AWS: 50, AZURE: 20, GCP: 30}
NAME, TEXT = "api.example.com.", "_tradewind.api.example.com."


@pytest.fixture
def dns() -> Iterator[CloudDnsRig]:
    """A zone in which nothing was published yet."""
    with start_cloud_dns() as running:
        yield running


def open_one(dns: CloudDnsRig, config: CloudDns | None = None) -> CloudDnsDirector:
    """Return a director of the zone."""
    return open_director(config or dns.config, GCP_SITE, {"type": "anonymous"})


@pytest.fixture
def director(dns: CloudDnsRig) -> CloudDnsDirector:
    """The director of a name in the zone."""
    return open_one(dns)


def records(dns: CloudDnsRig) -> dict[tuple[str, str], Any]:
    """Return what the zone holds."""
    return dns.server.records(dns.config.project, dns.config.zone)


def changes(dns: CloudDnsRig) -> list[Any]:
    """Return the bodies of the changes that were asked for."""
    return [request.body for method, request in dns.server.asked if method == "dns.changes.create"]


def test_a_move_is_one_change_that_fits_the_published_schema(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """Weights and epoch go in one change, whose deletions are what was there, to the letter."""
    director.publish(ALL_AT_AWS, epoch=6, expect=director.read())
    director.publish(SHARED, epoch=7, expect=director.read())

    first, second = changes(dns)
    assert mistakes(CLOUD_DNS, "Change", first) == mistakes(CLOUD_DNS, "Change", second) == []
    assert first["deletions"] == []
    assert second["deletions"] == first["additions"]
    assert second["additions"] == [
        {
            "name": NAME,
            "type": "A",
            "ttl": 30,
            "routingPolicy": {
                "wrr": {
                    "items": [
                        {"rrdatas": ["192.0.2.1"], "weight": 50},
                        {"rrdatas": ["192.0.2.2"], "weight": 20},
                        {"rrdatas": ["192.0.2.3"], "weight": 30},
                    ]
                }
            },
        },
        {"name": TEXT, "type": "TXT", "ttl": 30, "rrdatas": [second["additions"][1]["rrdatas"][0]]},
    ]
    assert second["additions"][1]["rrdatas"][0].startswith('"epoch=7 weights=')


def test_an_epoch_that_moves_nothing_changes_its_record_alone(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """Records that stay as they are take no part in a change, and the epoch's is in every one."""
    director.publish(SHARED, epoch=1, expect=director.read())
    director.publish(SHARED, epoch=2, expect=director.read())

    assert [each["name"] for each in changes(dns)[-1]["deletions"]] == [TEXT]


def test_health_checks_stay(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """A policy's health check, and targets that are checked, outlive the next moves."""
    director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    policy = records(dns)[NAME, "A"]["routingPolicy"]
    policy["healthCheck"] = "https://www.googleapis.com/compute/v1/projects/p/global/healthChecks/hc"
    del policy["wrr"]["items"][1]["rrdatas"]
    policy["wrr"]["items"][1]["healthCheckedTargets"] = {"externalEndpoints": ["192.0.2.2"]}

    moved = director.publish(ALL_AT_AZURE, epoch=2, expect=director.read())

    after = records(dns)[NAME, "A"]["routingPolicy"]
    assert moved.weights == ALL_AT_AZURE
    assert after["healthCheck"] == policy["healthCheck"]
    assert after["wrr"]["items"][1]["healthCheckedTargets"] == {"externalEndpoints": ["192.0.2.2"]}
    assert "rrdatas" not in after["wrr"]["items"][1]


def test_a_change_by_hand_is_not_overwritten(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """Who changes the weights beside tradewind is noticed, and what they did is shown."""
    seen = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    items = records(dns)[NAME, "A"]["routingPolicy"]["wrr"]["items"]
    items[0]["weight"], items[1]["weight"] = 2, 6

    with pytest.raises(PreconditionFailedError):
        director.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert director.read().weights == {AWS: 25, AZURE: 75, GCP: 0}


def test_a_target_that_changed_is_published_anew(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """An endpoint whose target is not in the record shows no weight, and the next publication corrects it."""
    director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    targets = {**dns.config.targets, AZURE: "192.0.2.9"}
    other = open_one(dns, dns.config.model_copy(update={"targets": targets}))
    seen = other.read()

    assert (seen.weights, seen.epoch) == ({AWS: 100, GCP: 0}, 1)
    assert other.publish(ALL_AT_AZURE, epoch=1, expect=seen).weights == ALL_AT_AZURE


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"rrdatas": ["198.51.100.1"]}, "not chosen from by weight"),
        (
            {"routingPolicy": {"wrr": {"items": [{"weight": 1.0, "rrdatas": ["198.51.100.1"]}]}}},
            "leads elsewhere than the group's `targets`",
        ),
    ],
)
def test_a_record_that_is_not_ours_is_refused(
    dns: CloudDnsRig, director: CloudDnsDirector, fields: dict[str, object], reason: str
) -> None:
    """What somebody else has put under the name is refused in words, and stays."""
    records(dns)[NAME, "A"] = {"name": NAME, "type": "A", "ttl": 60, **fields}

    with pytest.raises(ConfigurationError, match=reason):
        director.read()


def test_a_text_that_is_no_epoch_is_refused(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """What stands in the epoch's place and is none is somebody else's."""
    records(dns)[TEXT, "TXT"] = {"name": TEXT, "type": "TXT", "ttl": 60, "rrdatas": ['"v=spf1 -all"']}

    with pytest.raises(ConfigurationError, match="something else than an epoch"):
        director.read()


def test_what_cloud_dns_does_not_take_is_told_in_its_words(dns: CloudDnsRig, director: CloudDnsDirector) -> None:
    """A change that would never fit is the operator's to mend, not somebody else's publication."""
    records(dns)[NAME, "CNAME"] = {"name": NAME, "type": "CNAME", "ttl": 60, "rrdatas": ["example.net."]}

    with pytest.raises(ConfigurationError, match="has a CNAME"):
        director.publish(ALL_AT_AWS, epoch=1, expect=director.read())


def test_a_change_of_much_of_a_zone_is_stopped(dns: CloudDnsRig) -> None:
    """Of a zone's record sets no more than its share changes at once, unless it is forced."""
    strict = dns.config.model_copy(update={"most_of_zone": 0.1})
    careful = open_one(dns, strict)
    for number in range(6):  # 10 with the zone's own and the group's
        name = f"host-{number}.example.com."
        records(dns)[name, "A"] = {"name": name, "type": "A", "ttl": 60, "rrdatas": ["198.51.100.1"]}
    ahead = careful.stop_ahead()
    seen = careful.publish(ALL_AT_AWS, epoch=1, expect=careful.read())

    assert "2 of the 10 records" in ahead
    assert careful.stop_ahead() == ahead
    assert not open_one(dns).stop_ahead()  # 3 of 10 are as many as it takes
    with pytest.raises(SafetyStopError, match="2 of the 10 records"):
        careful.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert careful.read() == seen
    assert careful.publish(ALL_AT_AZURE, epoch=2, expect=seen, force=True).epoch == 2
