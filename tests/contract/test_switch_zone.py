"""What the quorum switch makes at Route 53 (by moto), and what DNS answers by it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from botocore.stub import Stubber

from rigs.directors import AWS_KEYS, AWS_SITE, route53_client, route53_config
from rigs.strict_route53 import StrictRoute53, start_strict_route53
from tradewind.clouds.aws.switch import SwitchZone, open_switch
from tradewind.clouds.aws.switch_checks import wishes
from tradewind.errors import (
    AccessDeniedError,
    ConfigurationError,
    PreconditionFailedError,
    SafetyStopError,
    StoreUnavailableError,
)
from tradewind.fleet.directors import Switch, SwitchObject
from tradewind.switch_text import encode, text_of

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

TWO = ("classifier-aws", "classifier-gcp")
THREE = ("aws", "classifier-aws", "gcp")
OBJECTS = {
    "aws-use1": SwitchObject(bucket="s", key="c.txt", host="s.s3.us-east-1.amazonaws.com", path="/c.txt"),
    "gcp-euw4": SwitchObject(bucket="s", key="c.txt", host="storage.googleapis.com", path="/s/c.txt"),
    "azr-weu": SwitchObject(bucket="s", key="c.txt", host="s.blob.core.windows.net", path="/s/c.txt"),
}


@pytest.fixture(scope="module")
def server() -> Iterator[StrictRoute53]:
    """A Route 53 that takes a batch or leaves it."""
    with start_strict_route53() as running:
        yield running


@pytest.fixture
def client(server: StrictRoute53) -> Route53Client:
    """Somebody else who works on the zone; the health checks of earlier tests are gone."""
    client = route53_client(server.url)
    for check in client.list_health_checks()["HealthChecks"]:
        client.delete_health_check(HealthCheckId=check["Id"])
    return client


@pytest.fixture
def config(server: StrictRoute53) -> Switch:
    """The switch of two endpoints, in an empty zone."""
    return config_of(server, TWO)


def config_of(server: StrictRoute53, endpoints: Sequence[str]) -> Switch:
    """Return a switch in an empty zone."""
    zone = route53_config(server.url)
    return Switch(
        kind="switch",
        site="aws-use1",
        zone=zone.zone,
        name=zone.name,
        targets={name: f"{name}.example.net" for name in endpoints},
        objects=OBJECTS,
        ttl_seconds=60,
        api=server.url,
    )


def opened(config: Switch) -> SwitchZone:
    """Open a switch as the command line does."""
    return open_switch(config, "vision", list(config.targets), AWS_SITE, AWS_KEYS)


def looking(config: Switch, *, seconds: int, looks: int = 3) -> Switch:
    """Return the switch with other checks."""
    return config.model_copy(update={"check_seconds": seconds, "check_looks": looks})


def opened_at(config: Switch, time: datetime) -> SwitchZone:
    """Open a switch where it is some time by Route 53's clock, whatever this machine's says."""
    zone = opened(config)

    def tell(parsed: dict[str, Any], **_: object) -> None:
        parsed["ResponseMetadata"]["HTTPHeaders"]["date"] = format_datetime(time, usegmt=True)

    zone._client.meta.events.register("after-call.route-53", tell)
    return zone


def checks_of(client: Route53Client) -> dict[str, Any]:
    """Return the health checks that are there, by their names."""
    listed = client.list_health_checks()["HealthChecks"]
    if not listed:
        return {}
    told = client.list_tags_for_resources(ResourceType="healthcheck", ResourceIds=[each["Id"] for each in listed])
    tags = {each.get("ResourceId"): each.get("Tags", []) for each in told["ResourceTagSets"]}
    names = {check: next(each.get("Value") for each in of if each.get("Key") == "Name") for check, of in tags.items()}
    return {str(names[each["Id"]]): each for each in listed}


def tags_of(client: Route53Client, check: str) -> dict[str, str]:
    """Return the tags of a health check."""
    told = client.list_tags_for_resource(ResourceType="healthcheck", ResourceId=check)
    return {str(each.get("Key")): str(each.get("Value")) for each in told["ResourceTagSet"]["Tags"]}


def records_of(client: Route53Client, config: Switch) -> dict[str, Any]:
    """Return the records of the switch, by their set identifiers."""
    listed = client.list_resource_record_sets(HostedZoneId=config.zone)["ResourceRecordSets"]
    return {each.get("SetIdentifier", ""): each for each in listed if each["Type"] == config.type}


def change(client: Route53Client, config: Switch, action: str, record: object) -> None:
    """Change one record as somebody else does."""
    changes: Any = [{"Action": action, "ResourceRecordSet": record}]
    client.change_resource_record_sets(HostedZoneId=config.zone, ChangeBatch={"Changes": changes})


def age(client: Route53Client, *, minutes: float = 2) -> None:
    """Let time pass for all health checks."""
    for check in checks_of(client).values():
        made = datetime.fromisoformat(tags_of(client, check["Id"])["tradewind-made"])
        tag: Any = {"Key": "tradewind-made", "Value": (made - timedelta(minutes=minutes)).isoformat()}
        client.change_tags_for_resource(ResourceType="healthcheck", ResourceId=check["Id"], AddTags=[tag])


def test_makes_a_check_for_each_object_and_one_that_counts(client: Route53Client, config: Switch) -> None:
    """Every endpoint has three checks that look for its mark, and one that passes at two of three."""
    opened(config).make()

    checks = checks_of(client)
    assert len(checks) == 8
    look = checks["vision classifier-gcp at azr-weu"]["HealthCheckConfig"]
    assert {name: value for name, value in look.items() if name not in ("MeasureLatency", "Regions")} == {
        "Type": "HTTPS_STR_MATCH",
        "FullyQualifiedDomainName": "s.blob.core.windows.net",
        "Port": 443,
        "ResourcePath": "/s/c.txt",
        "SearchString": "[classifier-gcp=on]",
        "RequestInterval": 10,
        "FailureThreshold": 3,
        "EnableSNI": True,
        "Inverted": False,
        "Disabled": False,
    }
    count = checks["vision classifier-gcp"]["HealthCheckConfig"]
    assert (count["Type"], count["HealthThreshold"]) == ("CALCULATED", 2)
    assert set(count["ChildHealthChecks"]) == {checks[f"vision classifier-gcp at {site}"]["Id"] for site in OBJECTS}
    tags = tags_of(client, checks["vision classifier-gcp at azr-weu"]["Id"])
    made = datetime.fromisoformat(tags.pop("tradewind-made"))
    assert abs(datetime.now(UTC) - made) < timedelta(hours=1)
    assert tags == {
        "Name": "vision classifier-gcp at azr-weu",
        "tradewind-group": "vision",
        "tradewind-record": f"{config.name.lower()}. CNAME",
        "tradewind-endpoint": "classifier-gcp",
        "tradewind-object": "azr-weu",
    }


def test_two_endpoints_hang_on_failover_records(client: Route53Client, config: Switch) -> None:
    """The first is the primary, the second the secondary, and each has its counted check."""
    opened(config).make()

    checks, records = checks_of(client), records_of(client, config)
    assert {name: (each["Failover"], each["TTL"]) for name, each in records.items()} == {
        "classifier-aws": ("PRIMARY", 60),
        "classifier-gcp": ("SECONDARY", 60),
    }
    for name, record in records.items():
        assert record["HealthCheckId"] == checks[f"vision {name}"]["Id"]
        assert record["ResourceRecords"] == [{"Value": f"{name}.example.net."}]


def test_more_endpoints_hang_on_weighted_records(client: Route53Client, server: StrictRoute53) -> None:
    """Only the primary has a weight: the others are considered when it is off."""
    config = config_of(server, THREE)

    opened(config).make()

    records = records_of(client, config)
    assert {name: each["Weight"] for name, each in records.items()} == {"aws": 1, "classifier-aws": 0, "gcp": 0}
    assert all("Failover" not in each for each in records.values())


def test_making_it_twice_makes_nothing(client: Route53Client, config: Switch) -> None:
    """Everything is found again, and then nothing is due."""
    assert opened(config).plan().due
    opened(config).make()
    before = checks_of(client), records_of(client, config)

    again = opened(config).make()

    assert (again.due, list(again.lines())) == (False, [])
    assert (checks_of(client), records_of(client, config)) == before


def test_a_dry_run_says_what_would_be_made_and_makes_nothing(client: Route53Client, config: Switch) -> None:
    """Every check and every record is a line, and the zone stays as it is."""
    lines = list(opened(config).plan().lines())

    assert len(lines) == 10
    assert lines[1] == (
        "create the health check vision classifier-aws at gcp-euw4: "
        "looks for [classifier-aws=on] in https://storage.googleapis.com/s/c.txt every 10 s, 3 in a row count"
    )
    assert lines[3] == "create the health check vision classifier-aws: passes when 2 of 3 do"
    name = config.name.lower()
    assert lines[-1] == (
        f"create the record {name}. CNAME classifier-gcp -> classifier-gcp.example.net. "
        "(SECONDARY, vision classifier-gcp)"
    )
    assert (checks_of(client), records_of(client, config)) == ({}, {})


def test_an_attempt_that_broke_off_is_finished(client: Route53Client, config: Switch) -> None:
    """What was made before is found again, though it was not tagged yet, and the rest is made."""
    for wish in wishes("vision", config, TWO)[:2]:
        client.create_health_check(CallerReference=f"{wish.reference}-1", HealthCheckConfig=wish.config)

    done = opened(config).make()

    assert (len(done.create), len(done.tag)) == (6, 2)
    assert len(checks_of(client)) == 8
    assert not opened(config).plan().due


def test_what_was_changed_by_hand_is_told_and_mended(client: Route53Client, config: Switch) -> None:
    """A check that looks elsewhere, a count of one, a lost tag and another record are each seen, and put right."""
    opened(config).make()
    age(client)
    checks = checks_of(client)
    look, count = checks["vision classifier-aws at gcp-euw4"]["Id"], checks["vision classifier-gcp"]["Id"]
    client.update_health_check(HealthCheckId=look, SearchString="[classifier-aws=off]")
    client.update_health_check(HealthCheckId=count, HealthThreshold=1, ChildHealthChecks=[look])
    client.change_tags_for_resource(ResourceType="healthcheck", ResourceId=count, RemoveTagKeys=["tradewind-endpoint"])
    record = records_of(client, config)["classifier-gcp"]
    change(client, config, "UPSERT", {**record, "TTL": 300})

    told = list(opened(config).plan().lines())
    opened(config).make()

    assert [line.partition(" (")[0].partition(":")[0] for line in told[:3]] == [
        "change the health check vision classifier-aws at gcp-euw4",
        "change the health check vision classifier-gcp",
        "tag the health check vision classifier-gcp",
    ]
    assert sum(line.startswith("remove the record") for line in told) == 2
    assert not opened(config).plan().due
    assert records_of(client, config)["classifier-gcp"]["TTL"] == 60
    assert checks_of(client)["vision classifier-gcp"]["HealthCheckConfig"]["HealthThreshold"] == 2


def test_a_slower_look_is_another_check(client: Route53Client, config: Switch) -> None:
    """How often a check looks cannot be changed: others are made, records hang on those, and the old ones are named."""
    opened(config).make()
    slower = looking(config, seconds=30)

    made = opened(slower).make()
    age(client, minutes=3)
    done = opened(slower).make()

    assert (len(made.create), len(done.replaced), len(done.unused)) == (8, 2, 8)
    counted = {each["HealthCheckId"] for each in records_of(client, config).values()}
    assert counted.isdisjoint({each.id for each in done.unused})
    left = list(opened(slower).plan().lines())
    assert not opened(slower).plan().due
    assert len(left) == 8
    assert left[0].startswith("left over: the health check vision ")


def test_more_looks_are_counted_by_the_same_checks(client: Route53Client, config: Switch) -> None:
    """How many looks in a row count can be changed, and what has looked already goes on."""
    opened(config).make()
    before, records = checks_of(client), records_of(client, config)
    more = looking(config, seconds=10, looks=5)

    done = opened(more).make()

    assert (len(done.create), len(done.update), len(done.records)) == (0, 6, 0)
    assert done.lines()[0].endswith(" every 10 s, 5 in a row count")
    after = checks_of(client)
    assert {name: each["Id"] for name, each in after.items()} == {name: each["Id"] for name, each in before.items()}
    counted = [each["HealthCheckConfig"].get("FailureThreshold") for each in after.values()]
    assert sorted(counted, key=str) == [5] * 6 + [None] * 2
    assert records_of(client, config) == records
    assert not opened(more).plan().due


@pytest.mark.parametrize("lost", [["aws-use1"], ["aws-use1", "azr-weu"], list(OBJECTS)])
def test_what_serves_is_not_handed_to_checks_that_never_looked(
    client: Route53Client, config: Switch, lost: Sequence[str]
) -> None:
    """A new check is healthy for Route 53: until it has looked, neither counts nor records go by it."""
    opened(config).make()
    checks, records = checks_of(client), records_of(client, config)
    counted = {name: checks[f"vision {name}"]["HealthCheckConfig"]["ChildHealthChecks"] for name in TWO}
    for site in lost:
        client.delete_health_check(HealthCheckId=checks[f"vision classifier-aws at {site}"]["Id"])
    age(client)

    lines = opened(config).make().lines()

    assert records_of(client, config) == records
    after = checks_of(client)
    assert {name: after[f"vision {name}"]["HealthCheckConfig"]["ChildHealthChecks"] for name in TWO} == counted
    assert lines[len(lost)].startswith("later: change the health check vision classifier-aws (")
    assert lines[-1].startswith("run it again in 2 minutes: ")

    age(client, minutes=1.9)
    early = opened(config).make()
    assert (early.due, early.create, set(early.fresh)) == (True, (), {early.update[0][0].reference})
    assert checks_of(client) == after
    age(client, minutes=0.1)
    again = opened(config).make()

    assert (len(again.create), len(again.update), again.fresh) == (0, 1, frozenset())
    assert not opened(config).plan().due
    assert records_of(client, config) == records


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_check_is_new_by_the_clock_of_route53(client: Route53Client, config: Switch, hours: int) -> None:
    """However wrong a machine goes: else one would hand traffic to a check too early, and another never."""
    made = (datetime.now(UTC) + timedelta(hours=hours)).replace(microsecond=0)
    opened_at(config, made - timedelta(days=1)).make()
    lost = checks_of(client)["vision classifier-aws at gcp-euw4"]["Id"]
    client.delete_health_check(HealthCheckId=lost)

    opened_at(config, made).make()

    look = checks_of(client)["vision classifier-aws at gcp-euw4"]["Id"]
    assert datetime.fromisoformat(tags_of(client, look)["tradewind-made"]) == made
    early = opened_at(config, made + timedelta(seconds=119))
    assert early.plan().fresh
    assert early.make().fresh
    late = opened_at(config, made + timedelta(seconds=120))
    assert not late.plan().fresh
    assert not late.make().fresh
    assert not opened(config).plan().due


@pytest.mark.parametrize(
    ("seconds", "looks", "new_for", "words"),
    [
        (10, 1, 120, "in 2 minutes: "),
        (10, 3, 120, "in 2 minutes: "),
        (10, 10, 260, "in 5 minutes: "),
        (30, 3, 180, "in 3 minutes: "),
        (30, 10, 460, "in 8 minutes: "),
    ],
)
def test_a_check_is_new_until_it_can_have_looked_as_often_as_counts(
    client: Route53Client, config: Switch, seconds: int, looks: int, new_for: int, words: str
) -> None:
    """Fewer and slower looks take longer to tell that an object is away, each as long as a checker may wait for it."""
    config, made = looking(config, seconds=seconds, looks=looks), datetime(2026, 9, 18, 12, tzinfo=UTC)
    opened_at(config, made - timedelta(days=1)).make()
    client.delete_health_check(HealthCheckId=checks_of(client)["vision classifier-aws at gcp-euw4"]["Id"])

    lines = opened_at(config, made).make().lines()

    assert lines[-1].startswith(f"run it again {words}")
    assert new_for > seconds * looks
    assert opened_at(config, made + timedelta(seconds=new_for - 1)).plan().fresh
    assert not opened_at(config, made + timedelta(seconds=new_for)).plan().fresh


def test_records_stay_with_the_old_checks_until_the_new_ones_have_looked(client: Route53Client, config: Switch) -> None:
    """Also where all checks are others, as when the objects move."""
    opened(config).make()
    records = records_of(client, config)
    slower = looking(config, seconds=30)

    planned = opened(slower).plan()
    opened(slower).make()

    assert planned.lines()[8].startswith("later: remove the record ")
    assert planned.lines()[10].startswith("later: create the record ")
    assert records_of(client, config) == records
    assert "run it again in 3 minutes" in opened(slower).make().lines()[-1]
    assert records_of(client, config) == records
    age(client, minutes=3)
    opened(slower).make()
    assert records_of(client, config).keys() == records.keys()
    assert records_of(client, config) != records


def test_the_check_of_an_endpoint_that_left_is_left_over(client: Route53Client, server: StrictRoute53) -> None:
    """Nobody removes what costs money by himself; it is said."""
    config = config_of(server, THREE)
    opened(config).make()
    age(client)
    fewer = config.model_copy(update={"targets": {name: config.targets[name] for name in THREE[:2]}})
    client.change_resource_record_sets(
        HostedZoneId=config.zone,
        ChangeBatch={
            "Changes": [{"Action": "DELETE", "ResourceRecordSet": records_of(client, config)["gcp"]}],
        },
    )

    done = opened(fewer).make()

    assert len(done.unused) == 4
    assert {each["Failover"] for each in records_of(client, config).values()} == {"PRIMARY", "SECONDARY"}


def test_somebody_elses_record_is_left_alone(client: Route53Client, config: Switch) -> None:
    """A record of that name that the switch did not make is an error, before anything is made."""
    change(
        client,
        config,
        "CREATE",
        {"Name": config.name.lower(), "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "www.example.net"}]},
    )

    with pytest.raises(ConfigurationError, match="not the switch's"):
        opened(config).make()

    assert checks_of(client) == {}


def test_too_much_of_a_zone_is_not_replaced(client: Route53Client, config: Switch) -> None:
    """A zone of some size of which a change would touch much is left alone unless it is forced."""
    opened(config).make()
    age(client)
    domain = config.name.partition(".")[2]
    for number in range(8):
        record = {
            "Name": f"host-{number}.{domain}",
            "Type": "A",
            "TTL": 60,
            "ResourceRecords": [{"Value": "192.0.2.1"}],
        }
        change(client, config, "CREATE", record)
    stricter = config.model_copy(update={"ttl_seconds": 30, "most_of_zone": 0.1})

    with pytest.raises(SafetyStopError, match="Refused to change 2 of the 1"):
        opened(stricter).make()
    assert {each["TTL"] for each in records_of(client, config).values()} == {60}

    opened(stricter).make(force=True)
    assert {each["TTL"] for each in records_of(client, config).values()} == {30}


def test_a_zone_that_is_not_there_is_named(config: Switch) -> None:
    """A wrong zone is the operator's to mend."""
    with pytest.raises(ConfigurationError, match="ZNOWHERE"):
        opened(config.model_copy(update={"zone": "ZNOWHERE"})).plan()


def test_route53_away_is_worth_another_try(config: Switch) -> None:
    """Nothing can be said of an API that does not answer."""
    with pytest.raises(StoreUnavailableError):
        opened(config.model_copy(update={"api": "http://127.0.0.1:9"})).plan()


def stubbed(config: Switch) -> tuple[SwitchZone, Stubber]:
    """Return a switch whose Route 53 answers by a script, with nothing there."""
    zone = opened(config)
    stub = Stubber(zone._client)
    stub.add_response("list_health_checks", {"HealthChecks": [], "Marker": "", "IsTruncated": False, "MaxItems": "100"})
    zone_of = {"HostedZone": {"Id": config.zone, "Name": "example.com.", "CallerReference": "1"}}
    dated = {"ResponseMetadata": {"HTTPHeaders": {"date": "Fri, 18 Sep 2026 12:00:00 GMT"}}}
    stub.add_response("get_hosted_zone", {**zone_of, **dated})
    stub.add_response("list_resource_record_sets", {"ResourceRecordSets": [], "IsTruncated": False, "MaxItems": "300"})
    return zone, stub


def test_the_reference_of_a_deleted_check_is_not_taken_again(config: Switch) -> None:
    """Route 53 refuses the reference of a check that was deleted for ever, so the next number follows it."""
    zone, stub = stubbed(config)
    first = zone._wanted[0]
    for number in (1, 2):
        stub.add_client_error(
            "create_health_check",
            "HealthCheckAlreadyExists",
            expected_params={"CallerReference": f"{first.reference}-{number}", "HealthCheckConfig": first.config},
        )
    stub.add_client_error(
        "create_health_check",
        "TooManyHealthChecks",
        "This health check can't be created",
        expected_params={"CallerReference": f"{first.reference}-3", "HealthCheckConfig": first.config},
    )

    with stub, pytest.raises(ConfigurationError, match=r"TooManyHealthChecks.*quota"):
        zone.make()

    stub.assert_no_pending_responses()
    assert len(f"{first.reference}-16") <= 64


@pytest.mark.parametrize(
    ("code", "status", "kind", "words"),
    [
        ("AccessDenied", 403, AccessDeniedError, "route53:CreateHealthCheck"),
        ("Throttling", 400, StoreUnavailableError, "quorum switch"),
    ],
)
def test_what_route53_refuses_is_translated(
    config: Switch, code: str, status: int, kind: type[Exception], words: str
) -> None:
    """A missing permission is named, and throttling passes."""
    zone, stub = stubbed(config)
    stub.add_client_error("create_health_check", code, http_status_code=status)

    with stub, pytest.raises(kind, match=words):
        zone.make()


def test_who_changed_a_check_meanwhile_is_not_written_over(client: Route53Client, config: Switch) -> None:
    """A health check is changed only if it is of the version that was seen."""
    opened(config).make()
    look = checks_of(client)["vision classifier-aws at gcp-euw4"]
    client.update_health_check(HealthCheckId=look["Id"], FailureThreshold=9)
    zone = opened(config)
    (wish, found), *_ = zone.plan().update
    with Stubber(zone._client) as stub:
        stub.add_client_error(
            "update_health_check",
            "HealthCheckVersionMismatch",
            expected_params={
                "HealthCheckId": look["Id"],
                "HealthCheckVersion": look["HealthCheckVersion"],
                **{name: value for name, value in wish.config.items() if name not in ("Type", "RequestInterval")},
            },
        )
        with pytest.raises(PreconditionFailedError, match="meanwhile"):
            zone._update(wish, found, {})


def answered(checks: dict[str, Any], records: dict[str, Any], objects: dict[str, bytes | None]) -> set[str]:
    """Return the endpoints that DNS may answer, by Route 53's rules, from what it holds and what the objects show.

    https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/health-checks-how-route-53-chooses-records.html
    """
    hosts = {place.host: site for site, place in OBJECTS.items()}

    def passes(check: str) -> bool:
        rule = checks[check]
        if rule["Type"] == "CALCULATED":
            return sum(passes(child) for child in rule["ChildHealthChecks"]) >= int(rule["HealthThreshold"])
        body = objects[hosts[rule["FullyQualifiedDomainName"]]]
        return body is not None and rule["SearchString"].encode() in body[:5120]

    well = {name for name, each in records.items() if passes(each["HealthCheckId"])}
    considered = well or set(records)
    first = {name for name, each in records.items() if each.get("Failover") == "PRIMARY" or each.get("Weight")}
    return considered & first or considered


@pytest.mark.parametrize("endpoints", [TWO, THREE])
def test_dns_answers_what_a_majority_shows_and_else_the_primary(
    client: Route53Client, server: StrictRoute53, endpoints: Sequence[str]
) -> None:
    """Whatever each object shows, or if it is away: what two of three show is answered, else the primary."""
    config = config_of(server, endpoints)
    opened(config).make()
    checks = {each["Id"]: each["HealthCheckConfig"] for each in client.list_health_checks()["HealthChecks"]}
    records = records_of(client, config)

    for shown in product([*endpoints, None], repeat=3):
        objects = {site: body_of(endpoints, on) for site, on in zip(OBJECTS, shown, strict=True)}
        most = next((name for name in endpoints if shown.count(name) >= 2), endpoints[0])

        assert answered(checks, records, objects) == {most}, shown


def body_of(endpoints: Sequence[str], on: str | None) -> bytes | None:
    """Return an object that says which endpoint is on; None for one that is away."""
    return None if on is None else encode(text_of("vision", 7, {name: 100 * (name == on) for name in endpoints}))
