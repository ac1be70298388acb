"""How endpoints, groups and what agrees about them are read, and what is wrong with them is told."""

from __future__ import annotations

import pytest

from tradewind.errors import FleetError
from tradewind.fleet import Caddy, Fleet, Route53, Switch, parse_fleet
from tradewind.fleet.schema import json_schema

GOOD = """\
version: 1
sites:
  aws-use1: {cloud: aws, region: us-east-1, jurisdiction: US, bucket: models, control_bucket: control}
  gcp-euw4: {cloud: gcp, region: europe-west4, jurisdiction: EU, project: p, bucket: models, control_bucket: control}
  azure-weu:
    {cloud: azure, region: westeurope, jurisdiction: EU, account: acme, container: models, control_bucket: control}
classifications:
  public: {jurisdictions: any}
  personal: {jurisdictions: [EU, CH]}
control:
  stores: [aws-use1, gcp-euw4, azure-weu]
endpoints:
  one:
    site: aws-use1
    url: https://one.example.org
    probe: {load: /load}
  two:
    site: gcp-euw4
    url: https://two.example.org
    weight: 2
groups:
  chat:
    endpoints: [one, two]
    classification: public
    primary: one
    director:
      kind: caddy
      targets: {one: "10.0.0.1:80", two: "10.0.0.2:80"}
      admin: http://10.0.0.9:2019
      id: chat
    notify:
      - {kind: webhook, url: "https://hooks.example.org"}
      - {kind: sns, site: aws-use1, topic: "arn:aws:sns:us-east-1:123456789012:moves"}
"""
CADDY = "      kind: caddy\n"
ADMIN = "      admin: http://10.0.0.9:2019\n      id: chat\n"
OBJECTS = """\
      objects:
        aws-use1: {bucket: b, key: k, host: h, path: /k}
        gcp-euw4: {bucket: b, key: k, host: h, path: /k}
        azure-weu: {bucket: b, key: k, host: h, path: /k}
"""


def read(*changes: tuple[str, str]) -> Fleet:
    """Return the good file with some things changed."""
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return parse_fleet(text, origin="t.yaml")


def problems(*changes: tuple[str, str]) -> list[str]:
    """Return what is said of the good file with some things changed."""
    with pytest.raises(FleetError) as caught:
        read(*changes)
    return str(caught.value).splitlines()


def dns(kind: str, site: str, rest: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Make DNS direct the group's traffic."""
    return (CADDY, f"      kind: {kind}\n"), (ADMIN, f"      site: {site}\n{rest}")


ZONE = "      zone: Z1\n      name: chat.example.org\n"
PROFILE = "      subscription: s\n      resource_group: g\n      profile: p\n"


def test_a_good_file_is_read() -> None:
    """Every field of a right file arrives, and what is left out has its default."""
    fleet = read()

    group, two = fleet.groups["chat"], fleet.endpoints["two"]
    assert isinstance(group.director, Caddy)
    assert (group.strategy, group.rounds, group.failback.canary) == ("active_passive", 3, (10, 50, 100))
    assert (two.weight, two.probe.path, two.probe.status) == (2, "/healthz", (200,))
    assert [address.kind for address in group.notify] == ["webhook", "sns"]
    assert fleet.control is not None
    assert fleet.control.every_seconds == 20


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "site: gcp-euw4\n",
            "site: mars\n",
            "t.yaml:18: endpoints.two.site: unknown site 'mars'; known are: aws-use1,",
        ),
        ("[aws-use1, gcp-euw4,", "[mars, gcp-euw4,", "t.yaml:11: control.stores: unknown site 'mars'"),
        ("[aws-use1, gcp-euw4, azure-weu]", "[aws-use1, gcp-euw4]", "t.yaml:11: control.stores: an odd number is"),
        ("[aws-use1, gcp-euw4,", "[aws-use1, aws-use1,", "t.yaml:11: control.stores: names one site twice"),
        (
            "control:\n  stores: [aws-use1, gcp-euw4, azure-weu]\n",
            "",
            "t.yaml:20: groups.chat: a group needs `control`: its traffic moves when a majority of control stores agr",
        ),
        ("[one, two]", "[one, two, one]", "t.yaml:23: groups.chat.endpoints: names one endpoint twice"),
        (
            "classification: public",
            "classification: personal",
            "t.yaml:23: groups.chat.endpoints: 'one' is in US, where 'personal' data may not be",
        ),
        (
            "classification: public",
            "classification: secret",
            "t.yaml:24: groups.chat.classification: unknown classification 'secret'; known are: public, personal",
        ),
        ("primary: one", "rules: [models]", "t.yaml:25: groups.chat.rules: unknown rule 'models'; known are: none"),
        ("    primary: one\n", "", "t.yaml:22: groups.chat.primary: `active_passive` needs one"),
        ("primary: one", "primary: six", "t.yaml:25: groups.chat.primary: 'six' is none of the group's endpoints: one"),
        ("primary: one", "primary: one\n    minimum_serving: 3", "t.yaml:26: groups.chat.minimum_serving: the group"),
        ("primary: one", "primary: two\n    strategy: bursting", "groups.chat.strategy: `bursting` needs to know the"),
        (
            'targets: {one: "10.0.0.1:80", ',
            'targets: {six: "10.0.0.1:80", ',
            "t.yaml:28: groups.chat.director.targets: lacks one; six is no endpoint of the group",
        ),
        (
            "sns, site: aws-use1",
            "sns, site: gcp-euw4",
            "t.yaml:33: groups.chat.notify[1].site: 'gcp-euw4' is not on aws",
        ),
        ("sns, site: aws-use1", "sns, site: mars", "groups.chat.notify[1].site: unknown site 'mars'"),
        (
            'sns, site: aws-use1, topic: "arn:aws:sns:us-east-1:123456789012:moves"',
            "pubsub, site: aws-use1, topic: moves",
            "t.yaml:33: groups.chat.notify[1].site: 'aws-use1' is not on gcp",
        ),
        # fields that are wrong by themselves
        ("primary: one", "primry: one", "t.yaml:25: groups.chat.primry: there is no such field here"),
        ("      id: chat\n", "", "t.yaml:26: groups.chat.director.id: this field is required"),
        ("kind: caddy", "kind: nginx", "t.yaml:26: groups.chat.director: Input tag 'nginx'"),
        ('topic: "arn:aws:sns:us', 'topic: "us', "t.yaml:33: groups.chat.notify[1].topic: 'us-east-1:1234567890"),
        ("{load: /load}", "{load: load}", "t.yaml:16: endpoints.one.probe.load: 'load' does not match"),
        ("{load: /load}", "{load: /load, method: HEAD}", "endpoints.one.probe: an answer to HEAD has no body"),
        ("primary: one", "primary: one\n    failback: {canary: [50, 10]}", "groups.chat.failback: `canary` rises from"),
        ("primary: one", "primary: one\n    rounds: 0", "t.yaml:26: groups.chat.rounds: Input should be greater than"),
        ("weight: 2", "weight: -1", "t.yaml:20: endpoints.two.weight: Input should be greater than or equal to 0"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, expected: str) -> None:
    """Where it stands, what is wrong, and what is allowed."""
    said = problems((old, new))

    assert any(expected in line for line in said), said


@pytest.mark.parametrize("seconds", [61, 300])
def test_looks_are_not_further_apart_than_rings(seconds: float) -> None:
    """Each ring begins with a look, so that a longer time would not be kept, and all that counts looks be wrong."""
    said = problems(("control:\n", f"control:\n  every_seconds: {seconds}\n"))

    expected = f"at most 60, and best what divides it: observers are called every minute (it is {seconds})"
    assert said == [f"t.yaml:11: control.every_seconds: {expected}"]
    assert json_schema()["$defs"]["Control"]["properties"]["every_seconds"]["maximum"] == 60


@pytest.mark.parametrize("seconds", [0.5, 2, 7, 60])
def test_looks_may_be_as_near_as_one_likes(seconds: float) -> None:
    """What does not divide a minute is read, too: a timer of one's own may ring at such times."""
    fleet = read(("control:\n", f"control:\n  every_seconds: {seconds}\n"))

    assert fleet.control is not None
    assert fleet.control.every_seconds == seconds


def test_an_unknown_endpoint_is_named_wherever_it_stands() -> None:
    """A group of endpoints that there are none of says so, once."""
    said = problems(("endpoints: [one, two]", "endpoints: [one, six]"), ('two: "10', 'six: "10'))

    assert said == ["t.yaml:23: groups.chat.endpoints: unknown endpoint 'six'; known are: one, two"]


def test_shares_of_nothing_are_none() -> None:
    """Where all take part by weight, somebody has one."""
    said = problems(
        ("    primary: one\n", "    strategy: active_active\n"),
        ("    weight: 2\n", "    weight: 0\n"),
        ("{load: /load}\n", "{load: /load}\n    weight: 0\n"),
    )

    assert said == ["t.yaml:24: groups.chat.endpoints: every one has the weight 0"]


def test_each_endpoint_of_a_group_is_where_its_data_may_be() -> None:
    """Every place that traffic could ever be moved to is asked about before anything moves."""
    said = problems(
        ("classification: public", "classification: personal"),
        ("region: westeurope, jurisdiction: EU", "region: r, jurisdiction: CH"),
    )

    assert said == ["t.yaml:23: groups.chat.endpoints: 'one' is in US, where 'personal' data may not be"]


@pytest.mark.parametrize(
    ("kind", "site", "rest", "wrong"),
    [
        ("route53", "aws-use1", ZONE, "gcp-euw4"),
        ("cloud_dns", "gcp-euw4", f"      project: p\n{ZONE}", "aws-use1"),
        ("traffic_manager", "azure-weu", PROFILE, "aws-use1"),
        ("switch", "aws-use1", ZONE + OBJECTS, "azure-weu"),
    ],
)
def test_what_directs_acts_with_credentials_of_its_own_cloud(kind: str, site: str, rest: str, wrong: str) -> None:
    """A director's site is on the cloud whose API it calls."""
    cloud = read().sites[site].cloud

    assert read(*dns(kind, site, rest)).groups["chat"].director.kind == kind
    [said] = problems(*dns(kind, wrong, rest))
    assert said.endswith(f"groups.chat.director.site: {wrong!r} is not on {cloud}")


def test_the_quorum_switch_turns_on_and_off() -> None:
    """It knows no shares, and what it is made of has a majority."""
    switch = dns("switch", "aws-use1", ZONE + OBJECTS)
    fewer = (
        "        azure-weu: {bucket: b, key: k, host: h, path: /k}\n",
        "        mars: {bucket: b, key: k, host: h, path: /k}\n",
    )

    assert isinstance(read(*switch).groups["chat"].director, Switch)
    [shares] = problems(*switch, ("    primary: one\n", "    strategy: active_active\n"))
    assert "groups.chat.director: the quorum switch turns endpoints on and off and knows no shares" in shares
    [unknown] = problems(*switch, fewer)
    assert "groups.chat.director.objects: unknown site 'mars'" in unknown
    [few] = problems(*switch, (fewer[0], ""))
    assert "groups.chat.director.objects: " in few
    assert "at least 3 items" in few


def test_the_checks_of_a_switch_look_as_it_says() -> None:
    """Every 10 s and three looks in a row, unless something else is said."""
    slower = ZONE + "      check_seconds: 30\n      check_looks: 10\n" + OBJECTS

    told = [read(*dns("switch", "aws-use1", rest)).groups["chat"].director for rest in (ZONE + OBJECTS, slower)]

    assert [(each.check_seconds, each.check_looks) for each in told if isinstance(each, Switch)] == [(10, 3), (30, 10)]


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("check_seconds: 20", "check_seconds: Input should be 10 or 30 (it is 20)"),
        ("check_seconds: 30.5", "check_seconds: Input should be 10 or 30 (it is 30.5)"),
        ("check_looks: 0", "check_looks: Input should be greater than or equal to 1 (it is 0)"),
        ("check_looks: 11", "check_looks: Input should be less than or equal to 10 (it is 11)"),
    ],
)
def test_route53_does_not_look_otherwise(field: str, said: str) -> None:
    """What Route 53 would refuse when the checks are made is refused when the file is read."""
    [told] = problems(*dns("switch", "aws-use1", f"{ZONE}      {field}\n{OBJECTS}"))

    assert told.endswith(f"groups.chat.director.{said}")


def test_a_zone_keeps_most_of_its_records() -> None:
    """Unless something else is said, a change may touch three tenths of a zone."""
    director = read(*dns("route53", "aws-use1", ZONE)).groups["chat"].director

    assert isinstance(director, Route53)
    assert director.most_of_zone == 0.3


def test_the_schema_describes_endpoints_and_groups() -> None:
    """An editor can complete what failover is made of, each field with its text."""
    shapes = json_schema()["$defs"]

    for shape, field in (
        ("Control", "stores"),
        ("Endpoint", "latency_ms"),
        ("Probe", "golden"),
        ("Golden", "tolerance"),
        ("Group", "rounds"),
        ("Failback", "canary"),
        ("Route53", "ttl_seconds"),
        ("Caddy", "admin"),
        ("Switch", "objects"),
        ("Switch", "check_seconds"),
        ("Switch", "check_looks"),
        ("Sns", "topic"),
        ("Webhook", "secret"),
    ):
        assert shapes[shape]["properties"][field]["description"]


@pytest.mark.parametrize(
    ("bucket", "said"),
    [("control", "is in the control bucket of 'aws-use1'"), ("models", "is in the bucket of 'aws-use1'")],
)
def test_what_everybody_may_read_is_in_no_bucket_of_the_fleet(bucket: str, said: str) -> None:
    """An object of the quorum switch would open the bucket that it is in to everybody."""
    objects = OBJECTS.replace("aws-use1: {bucket: b,", f"aws-use1: {{bucket: {bucket},")
    changes = (CADDY, "      kind: switch\n"), (ADMIN, f"      site: aws-use1\n{ZONE}{objects}")

    assert any(said in line for line in problems(*changes))
