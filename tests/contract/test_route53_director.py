"""The Route 53 director beside what all directors promise: which records it makes, and which it leaves alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from rigs.directors import AWS_KEYS, AWS_SITE, ENDPOINTS, route53_client, route53_config
from rigs.strict_route53 import StrictRoute53, start_strict_route53
from tradewind.clouds.aws.traffic import Route53Director, open_director
from tradewind.errors import ConfigurationError, PreconditionFailedError, SafetyStopError
from tradewind.fleet.directors import Route53
from tradewind_sandbox.emulators import S3Emulator

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

AWS, AZURE, GCP = ENDPOINTS
ALL_AT_AWS = {AWS: 100, AZURE: 0, GCP: 0}
ALL_AT_AZURE = {AWS: 0, AZURE: 100, GCP: 0}
SHARED = {AWS: 50, AZURE: 20, GCP: 30}


@pytest.fixture(scope="module")
def server() -> Iterator[StrictRoute53]:
    """A Route 53 that takes a batch or leaves it."""
    with start_strict_route53() as running:
        yield running


@pytest.fixture
def config(server: StrictRoute53) -> Route53:
    """An empty zone."""
    return route53_config(server.url)


@pytest.fixture
def client(server: StrictRoute53) -> Route53Client:
    """Somebody else who works on the zone."""
    return route53_client(server.url)


@pytest.fixture
def director(config: Route53) -> Route53Director:
    """The director of a name in the zone."""
    return open_director(config, AWS_SITE, AWS_KEYS)


def records(client: Route53Client, config: Route53) -> dict[tuple[str, str, str], Any]:
    """Return what the zone holds beside its own records."""
    listed = client.list_resource_record_sets(HostedZoneId=config.zone)["ResourceRecordSets"]
    return {
        (each["Name"], each["Type"], each.get("SetIdentifier", "")): each
        for each in listed
        if each["Type"] not in ("NS", "SOA")
    }


def change(client: Route53Client, config: Route53, action: str, record: Any) -> None:  # noqa: ANN401 - any record
    """Change one record as somebody else does."""
    changes: Any = [{"Action": action, "ResourceRecordSet": record}]
    client.change_resource_record_sets(HostedZoneId=config.zone, ChangeBatch={"Changes": changes})


def simple(config: Route53, name: str, value: str = "192.0.2.1", kind: str = "A") -> dict[str, object]:
    """Return a record of somebody else."""
    domain = config.name.partition(".")[2]
    return {
        "Name": f"{name}.{domain}" if name else config.name.lower(),
        "Type": kind,
        "TTL": 60,
        "ResourceRecords": [{"Value": value}],
    }


def test_makes_weighted_records_and_the_epochs(
    client: Route53Client, config: Route53, director: Route53Director
) -> None:
    """Each endpoint has a record that leads to its target with its percent, also of 0, and the epoch stands beside."""
    director.publish(SHARED, epoch=7, expect=director.read())

    name = config.name.lower() + "."
    made = records(client, config)
    assert made.pop((f"_tradewind.{name}", "TXT", "")) == {
        "Name": f"_tradewind.{name}",
        "Type": "TXT",
        "TTL": 30,
        "ResourceRecords": [{"Value": '"epoch=7 weights=8b2c59ec"'}],
    }
    assert made == {
        (name, "CNAME", endpoint): {
            "Name": name,
            "Type": "CNAME",
            "SetIdentifier": endpoint,
            "Weight": weight,
            "TTL": 30,
            "ResourceRecords": [{"Value": f"{endpoint}.inference.example.net."}],
        }
        for endpoint, weight in SHARED.items()
    }


def test_health_checks_stay(client: Route53Client, config: Route53, director: Route53Director) -> None:
    """A health check that somebody hung on a record outlives the next moves."""
    seen = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    check = client.create_health_check(
        CallerReference=config.name, HealthCheckConfig={"Type": "TCP", "IPAddress": "192.0.2.1", "Port": 80}
    )["HealthCheck"]["Id"]
    key = (config.name.lower() + ".", "CNAME", AWS)
    record = records(client, config)[key]
    change(client, config, "UPSERT", {**record, "HealthCheckId": check})

    with pytest.raises(PreconditionFailedError):
        director.publish(ALL_AT_AZURE, epoch=2, expect=seen)
    director.publish(ALL_AT_AZURE, epoch=2, expect=director.read())

    assert records(client, config)[key] == {**record, "HealthCheckId": check, "Weight": 0}


def test_others_records_stay(client: Route53Client, config: Route53, director: Route53Director) -> None:
    """Records of other names and, in a name's subtree, of other kinds are left as they are."""
    others = [simple(config, "www"), simple(config, "a.inference"), simple(config, "inference-2")]
    for other in others:
        change(client, config, "CREATE", other)
    before = records(client, config)

    director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    director.publish(ALL_AT_AZURE, epoch=2, expect=director.read())

    assert before.items() <= records(client, config).items()
    assert len(before) == len(others)


def test_a_record_that_is_not_ours_is_refused(
    client: Route53Client, config: Route53, director: Route53Director
) -> None:
    """A simple record in the place of the weighted ones is somebody else's, and stays."""
    other = simple(config, "", "elsewhere.example.net", "CNAME")
    change(client, config, "CREATE", other)

    with pytest.raises(ConfigurationError, match="not tradewind's"):
        director.read()


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"SetIdentifier": "stranger", "Weight": 1}, "'stranger' is no endpoint"),
        ({"SetIdentifier": AWS, "Region": "eu-west-1"}, "has no weight"),
    ],
)
def test_a_routing_that_is_not_ours_is_refused(
    client: Route53Client, config: Route53, director: Route53Director, fields: dict[str, object], reason: str
) -> None:
    """A record of an endpoint that the group has not, or with another routing, would take traffic or be lost."""
    change(client, config, "CREATE", {**simple(config, "", "elsewhere.example.net", "CNAME"), **fields})

    with pytest.raises(ConfigurationError, match=reason):
        director.read()


def test_a_stranger_beside_an_epoch_is_replaced(
    client: Route53Client, config: Route53, director: Route53Director
) -> None:
    """Where an epoch stands the records are the group's, so that what takes traffic there is seen, and goes."""
    director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    alias = {"HostedZoneId": config.zone, "DNSName": f"www.{config.name}", "EvaluateTargetHealth": False}
    stranger = {"Name": config.name.lower(), "Type": "CNAME", "SetIdentifier": "stranger", "Weight": 100}
    change(client, config, "CREATE", {**stranger, "AliasTarget": alias})
    seen = director.read()

    director.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert dict(seen.weights) == {AWS: 50, AZURE: 0, GCP: 0}
    left = records(client, config)
    assert sorted(identifier for _, _, identifier in left) == ["", *sorted(ENDPOINTS)]


def test_a_text_that_is_no_epoch_is_refused(client: Route53Client, config: Route53, director: Route53Director) -> None:
    """What stands in the epoch's place and is none is somebody else's."""
    change(client, config, "CREATE", simple(config, "_tradewind.inference", '"v=spf1 -all"', "TXT"))

    with pytest.raises(ConfigurationError, match="something else than an epoch"):
        director.read()


def test_another_kind_of_record_is_told_in_route_53s_words(
    client: Route53Client, config: Route53, director: Route53Director
) -> None:
    """What Route 53 will not have beside what is there is the operator's to mend."""
    change(client, config, "CREATE", simple(config, ""))

    with pytest.raises(ConfigurationError, match="conflicts with other records"):
        director.publish(ALL_AT_AWS, epoch=1, expect=director.read())


def test_a_target_that_changed_is_published_anew(config: Route53, director: Route53Director) -> None:
    """A record that leads elsewhere than the fleet file says shows no weight, and the next publication corrects it."""
    director.publish(ALL_AT_AWS, epoch=1, expect=director.read())
    moved = config.model_copy(update={"targets": {**config.targets, AZURE: "new.example.net"}})
    other = open_director(moved, AWS_SITE, AWS_KEYS)
    seen = other.read()

    assert (dict(seen.weights), seen.epoch) == ({AWS: 100, GCP: 0}, 1)
    assert dict(other.publish(ALL_AT_AZURE, epoch=1, expect=seen).weights) == ALL_AT_AZURE


def test_a_change_of_much_of_a_zone_is_stopped(
    client: Route53Client, config: Route53, director: Route53Director
) -> None:
    """Of a zone's records no more than its share changes at once, unless it is forced; new records touch nothing."""
    careful = open_director(config.model_copy(update={"most_of_zone": 0.2}), AWS_SITE, AWS_KEYS)
    for number in range(6):  # 12 with the zone's own and the group's
        change(client, config, "CREATE", simple(config, f"host-{number}"))
    seen = careful.publish(ALL_AT_AWS, epoch=1, expect=director.read())

    with pytest.raises(SafetyStopError, match="3 of the 12 records"):
        careful.publish(ALL_AT_AZURE, epoch=2, expect=seen)

    assert director.read() == seen
    assert careful.publish(ALL_AT_AZURE, epoch=2, expect=seen, force=True).epoch == 2


@pytest.mark.parametrize(("others", "stopped"), [(3, False), (4, True), (7, True), (8, False)])
def test_what_would_be_stopped_is_known_beforehand(
    client: Route53Client, config: Route53, director: Route53Director, *, others: int, stopped: bool
) -> None:
    """Of three endpoints all records are four, so a zone that is protected needs 14; before they are made, too."""
    for number in range(others):  # 6 more are the zone's own and the group's
        change(client, config, "CREATE", simple(config, f"host-{number}"))
    before = director.stop_ahead()
    seen = director.publish({AWS: 34, AZURE: 33, GCP: 33}, epoch=1, expect=director.read())

    assert bool(before) is stopped
    assert director.stop_ahead() == before
    if stopped:
        assert f"4 of the {6 + others} records" in before
        with pytest.raises(SafetyStopError):
            director.publish({AWS: 0, AZURE: 50, GCP: 50}, epoch=2, expect=seen)
    else:
        director.publish({AWS: 0, AZURE: 50, GCP: 50}, epoch=2, expect=seen)


def test_nothing_stops_a_move_of_a_part_that_is_allowed(config: Route53) -> None:
    """Where the fleet file lets all of a zone change, nothing is said."""
    allowed = config.model_copy(update={"most_of_zone": 1.0})

    assert not open_director(allowed, AWS_SITE, AWS_KEYS).stop_ahead()


def test_a_small_zone_is_not_stopped(config: Route53) -> None:
    """In a zone of a few records any move touches most of them."""
    director = open_director(config.model_copy(update={"most_of_zone": 0.01}), AWS_SITE, AWS_KEYS)

    seen = director.publish(ALL_AT_AWS, epoch=1, expect=director.read())

    assert director.publish(ALL_AT_AZURE, epoch=2, expect=seen).epoch == 2


def test_moto_as_it_is_takes_the_same_requests(s3: S3Emulator) -> None:
    """The batches suit moto without what makes it strict, as long as no record comes back as it once was."""
    config = route53_config(s3.url)
    director = open_director(config, AWS_SITE, AWS_KEYS)

    first = director.publish(SHARED, epoch=1, expect=director.read())
    second = director.publish({AWS: 10, AZURE: 25, GCP: 65}, epoch=2, expect=first)

    assert director.read() == second
    assert (second.weights, second.epoch) == ({AWS: 10, AZURE: 25, GCP: 65}, 2)
    assert len(records(route53_client(s3.url), config)) == 4
