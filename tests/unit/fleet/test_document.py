"""Reading fleet files."""

import pytest

from tradewind.errors import FleetError
from tradewind.fleet import ActiveActiveRule, Fleet, OneWayRule, idle_rules, parse_fleet
from tradewind.fleet.schema import json_schema

GOOD = """\
version: 1
sites:
  aws-use1:
    cloud: aws
    region: us-east-1
    jurisdiction: US
    bucket: models
    control_bucket: models-control
    queues: {notifications: n, dead_letters: d}
  azure-weu:
    cloud: azure
    region: westeurope
    jurisdiction: EU
    account: acme
    container: models
    control_bucket: control
    credentials: {source: environment, name: AZURE_SECRET}
classifications:
  public: {jurisdictions: any}
  personal: {jurisdictions: [EU, CH]}
rules:
  - name: one
    mode: one_way
    from: aws-use1
    to: [azure-weu]
    prefix: a/
    classification: public
"""


def fleet_with(old: str, new: str) -> Fleet:
    """Return the good file with one thing changed."""
    assert old in GOOD
    return parse_fleet(GOOD.replace(old, new), origin="t.yaml")


def test_a_good_file_is_read() -> None:
    """Every field of a right file arrives, and what is left out has its default."""
    fleet = parse_fleet(GOOD, origin="t.yaml")

    rule = fleet.rules[0]
    assert isinstance(rule, OneWayRule)
    assert (rule.from_, rule.to, rule.deletes, rule.conflict) == ("aws-use1", ("azure-weu",), "keep", "keep")
    assert fleet.site_at("azure", "acme/models") == "azure-weu"
    assert fleet.site_at("aws", "acme/models") is None
    assert fleet.sites["aws-use1"].credentials.source == "ambient"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("region: us-east-1", "regoin: us-east-1", "t.yaml:5: sites.aws-use1.regoin: there is no such field here"),
        ("    region: us-east-1\n", "", "t.yaml:3: sites.aws-use1.region: this field is required"),
        ("jurisdiction: US", "jurisdiction: usa", "t.yaml:6: sites.aws-use1.jurisdiction: 'usa' does not match"),
        ("cloud: aws", "cloud: alibaba", "t.yaml:3: sites.aws-use1: Input tag 'alibaba'"),
        ("mode: one_way", "mode: both", "'one_way', 'active_active'"),
        ("to: [azure-weu]", "to: []", "t.yaml:25: rules[0].to: Tuple should have at least 1 item"),
        ("to: [azure-weu]", "to: [gcp]", "t.yaml:22: rules[0]: unknown site 'gcp'; known are: aws-use1, azure-weu"),
        ("to: [azure-weu]", "to: [aws-use1]", "t.yaml:22: rules[0]: names one site twice"),
        ("from: aws-use1\n    to: [azure-weu]", "from: azure-weu\n    to: [aws-use1]", "needs `queues`"),
        (
            "mode: one_way\n    from: aws-use1\n    to: [azure-weu]",
            "mode: active_active\n    deletes: propagate\n    sites: [aws-use1, azure-weu]",
            "rules[0]: site 'aws-use1' needs `principals`",
        ),
        ("classification: public", "classification: secret", "t.yaml:27: rules[0].classification: unknown classific"),
        ("prefix: a/", "prefix: .tradewind/x", "t.yaml:26: rules[0].prefix: '.tradewind/' is reserved"),
        ("prefix: a/", "deletes: sometimes", "'propagate' or 'keep'"),
        ("control_bucket: models-control", "control_bucket: models", "t.yaml:8: sites.aws-use1.control_bucket: must"),
        ("name: AZURE_SECRET", "name: ''", "t.yaml:17: sites.azure-weu.credentials: `name` says where the secret is"),
        (
            "control_bucket: models-control",
            "control_bucket: c\n    credentials_at: {mars: {source: ambient}}",
            "t.yaml:9: sites.aws-use1.credentials_at.mars: unknown site 'mars'; known are: aws-use1, azure-weu",
        ),
        ("version: 1", "version: 2", "t.yaml:1: version: Input should be 1 (it is 2)"),
        ("version: 1", "version: 1\nversion: 1", "t.yaml:2: version: the key stands twice"),
        ("version: 1", "version: [", "t.yaml:3: not valid YAML"),
    ],
)
def test_an_error_names_file_line_field_and_what_is_allowed(old: str, new: str, expected: str) -> None:
    """A wrong file is refused with the place and the choice."""
    with pytest.raises(FleetError) as caught:
        fleet_with(old, new)

    assert expected in str(caught.value)


@pytest.mark.parametrize("text", ["", "just words", "[1, 2]", "sites: 3", "a: &a [*a]"])
def test_anything_else_is_a_fleet_error(text: str) -> None:
    """A file that is no fleet at all ends in the same error, not in a crash."""
    with pytest.raises(FleetError):
        parse_fleet(text, origin="t.yaml")


def test_a_bucket_belongs_to_one_site() -> None:
    """Two sites may not be the same bucket."""
    twin = GOOD.replace("  azure-weu:\n    cloud: azure", "  twin:\n    cloud: aws").replace(
        "account: acme", "bucket: models"
    )
    twin = twin.replace("    container: models\n", "").replace("azure-weu", "twin")

    with pytest.raises(FleetError, match="the same bucket as site 'aws-use1'"):
        parse_fleet(twin, origin="t.yaml")


SITE = "    cloud: {cloud}\n    region: r\n    jurisdiction: US\n    control_bucket: {control}\n    {where}\n"
AZURE = "account: {account}\n    container: {container}"


@pytest.mark.parametrize(
    ("site", "expected"),
    [
        (SITE.format(cloud="aws", control="models-control", where="bucket: x"), "is that of site 'aws-use1'"),
        (
            SITE.format(cloud="aws", control="models-control", where="bucket: x\n    control_prefix: tradewind/x/"),
            "is that of site 'aws-use1'",
        ),
        (SITE.format(cloud="aws", control="models-control", where="bucket: x\n    control_prefix: x/"), ""),
        (SITE.format(cloud="gcp", control="models-control", where="bucket: x\n    project: p"), ""),
        (SITE.format(cloud="aws", control="models", where="bucket: x"), "is the data of site 'aws-use1'"),
        (SITE.format(cloud="gcp", control="models", where="bucket: x\n    project: p"), ""),
        (
            SITE.format(cloud="azure", control="models", where=AZURE.format(account="acme", container="x")),
            "is the data of site 'azure-weu'",
        ),
        (SITE.format(cloud="azure", control="models", where=AZURE.format(account="other", container="x")), ""),
        (
            SITE.format(cloud="azure", control="control", where=AZURE.format(account="acme", container="x")),
            "is that of site 'azure-weu'",
        ),
    ],
)
def test_records_are_in_nobody_elses_place(site: str, expected: str) -> None:
    """A control bucket is no site's data, and two sites share one only under folders of their own."""
    text = GOOD.replace("classifications:", f"  third:\n{site}classifications:")
    if not expected:
        assert len(parse_fleet(text, origin="t.yaml").sites) == 3
        return
    with pytest.raises(FleetError, match=rf"sites\.third\.control_bucket: .*{expected}"):
        parse_fleet(text, origin="t.yaml")


@pytest.mark.parametrize(
    "prefix", ["", "/", "x", "/x/", "../x/", "x/../y/", "x//y/", "./", ".tradewind/", ".tradewind/x/"]
)
def test_records_are_in_a_folder(prefix: str) -> None:
    """A control prefix that is no plain folder is refused where it stands."""
    with pytest.raises(FleetError, match=r"t\.yaml:9: sites\.aws-use1\.control_prefix: .* is no folder like"):
        fleet_with("models-control\n", f"models-control\n    control_prefix: '{prefix}'\n")


TWIN = "\n  - name: twin\n    mode: one_way\n    from: aws-use1\n    to: [azure-weu]\n    classification: public\n"


@pytest.mark.parametrize(
    ("old", "new", "idle"),
    [
        ("", "", False),  # the second rule covers more
        ("public\n", "public\n    prefix: a/b/\n", True),
        ("public\n", "public\n    prefix: b/\n", False),
        ("public\n", "public\n    prefix: a/\n    exclude: ['*.tmp']\n", True),
    ],
)
def test_a_rule_that_never_decides_is_told(old: str, new: str, idle: bool) -> None:  # noqa: FBT001 - a column of the table
    """A rule that has no key of its own on any way is named, with the one that comes first."""
    fleet = parse_fleet(GOOD + (TWIN.replace(old, new) if old else TWIN).lstrip("\n"), origin="t.yaml")

    said = ["rule 'twin' never decides: 'one' comes first for each of its keys, on every way"]
    assert list(idle_rules(fleet)) == (said if idle else [])


def test_a_rule_that_decides_on_one_way_is_not_idle() -> None:
    """The way back of an active-active rule is its own where only the way there is taken, and globs leave the rest."""
    both = TWIN.replace(
        "mode: one_way\n    from: aws-use1\n    to: [azure-weu]",
        "mode: active_active\n    sites: [aws-use1, azure-weu]\n    prefix: a/",
    )
    queues = "    queues: {notifications: n, dead_letters: d}\n"
    text = GOOD.replace("    account: acme\n", f"    account: acme\n{queues}") + both.lstrip("\n")
    some = GOOD.replace("prefix: a/", "include: ['*.bin']") + TWIN.lstrip("\n")

    assert list(idle_rules(parse_fleet(text, origin="t.yaml"))) == []
    assert list(idle_rules(parse_fleet(some, origin="t.yaml"))) == []


def test_a_site_may_be_called_like_a_cloud() -> None:
    """Pydantic's own branch names do not hide a site's name in an error."""
    text = GOOD.replace("aws-use1", "aws").replace("jurisdiction: US", "jurisdiction: 1")

    with pytest.raises(FleetError, match=r"t\.yaml:6: sites\.aws\.jurisdiction"):
        parse_fleet(text, origin="t.yaml")


def test_active_active_sends_every_change_to_all_others() -> None:
    """Each member of an active-active rule is a source for all the others, and no other site is."""
    rule = ActiveActiveRule(name="r", mode="active_active", sites=("a", "b", "c"), classification="public")

    assert rule.targets_of("b") == ("a", "c")
    assert rule.targets_of("x") == ()


def test_the_schema_describes_the_fields() -> None:
    """An editor that follows the exported schema can complete every field."""
    schema = json_schema()

    assert schema["$schema"].endswith("2020-12/schema")
    assert "from" in schema["$defs"]["OneWayRule"]["properties"]
    for shape, field in (("AwsSite", "principals"), ("AwsSite", "jurisdiction"), ("OneWayRule", "prefix")):
        assert schema["$defs"][shape]["properties"][field]["description"], "of its own, or of what it is made of"
    assert schema["properties"]["rules"]["description"].startswith("For each key and target")
