"""What is said of a fleet file in which several things are wrong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import reduce
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from tradewind.errors import FleetError
from tradewind.fleet import Fleet, parse_fleet
from tradewind.fleet.document import KNOWN, contradictions, contradictions_beside

CONTRADICTORY = """\
version: 1
sites:
  aws: {cloud: aws, region: r, jurisdiction: US, bucket: a, control_bucket: ac}
  gcp: {cloud: gcp, project: p, region: r, jurisdiction: EU, bucket: g, control_bucket: g}
  azure: {cloud: azure, account: c, region: r, jurisdiction: EU, container: z, control_bucket: zc}
classifications: {public: {jurisdictions: any}, local: {jurisdictions: [EU]}}
rules:
  - {name: of-azure, mode: one_way, from: azure, to: [gcp], classification: local}
  - {name: of-aws, mode: one_way, from: aws, to: [gcp], classification: public}
  - {name: of-gcp, mode: one_way, from: gcp, to: [mars], classification: public}
control: {stores: [aws, gcp], every_seconds: 20}
endpoints:
  one: {site: aws, url: "https://one.example"}
  two: {site: azure, url: "https://two.example"}
groups:
  first:
    endpoints: [one]
    primary: three
    rules: [of-aws]
    classification: public
    director: {kind: caddy, admin: "http://127.0.0.1:9", id: one, targets: {one: "one:1"}}
  second:
    endpoints: [one, two]
    classification: local
    director: {kind: caddy, admin: "http://127.0.0.1:9", id: two, targets: {one: "one:1"}}
"""
"""Every field is right by itself, and several do not fit together."""
BESIDES = " (and what has errors itself)"


def problems_of(text: str) -> list[str]:
    """Return what is said of a wrong file, line by line."""
    with pytest.raises(FleetError) as caught:
        parse_fleet(text, origin="t.yaml")
    return str(caught.value).splitlines()


def beside(old: str, new: str) -> tuple[list[str], list[str]]:
    """Return what is said of the file with one thing misspelled: what it did not say before, and what it did."""
    assert old in CONTRADICTORY
    before = [line.split("; known are")[0] for line in problems_of(CONTRADICTORY)]
    said = [line.split("; known are")[0] for line in problems_of(CONTRADICTORY.replace(old, new))]
    return [line for line in said if line not in before], [line for line in said if line in before]


def test_a_typo_hides_no_contradiction_that_has_nothing_to_do_with_it() -> None:
    """All that is wrong whatever becomes of the typo is told with it, in its place and line."""
    said = problems_of(CONTRADICTORY.replace("container: z", "containr: z"))

    assert said == [
        "t.yaml:5: sites.azure.container: this field is required",
        "t.yaml:5: sites.azure.containr: there is no such field here",
        "t.yaml:4: sites.gcp.control_bucket: must be another bucket than the site's own",
        "t.yaml:9: rules[1]: site 'aws' is a source of this rule and needs `queues`",
        "t.yaml:10: rules[2]: site 'gcp' is a source of this rule and needs `queues`",
        f"t.yaml:10: rules[2]: unknown site 'mars'; known are: aws, gcp{BESIDES}",
        "t.yaml:11: control.stores: an odd number is needed: one more of them could be lost no better",
        "t.yaml:18: groups.first.primary: 'three' is none of the group's endpoints: one",
    ]


@pytest.mark.parametrize(
    ("old", "new", "contradictions"),
    [
        ("container: z", "containr: z", 6),  # without what azure's rule and the second group have to do with it
        ("region: r, jurisdiction: US", "jurisdiction: US", 4),  # nearly all names aws
        ("jurisdictions: any", "jurisdiction: any", 6),  # nothing is said of rules and groups of such data
        ("name: of-aws, ", "nmae: of-aws, ", 5),  # whether a group means it, nobody knows
        ("name: of-aws", "name: of aws", 5),
        ("name: of-aws, mode: one_way", "nmae: of-aws, mode: both", 5),
        ("name: of-aws, mode: one_way", "name: of-aws, mode: both", 8),
        ("every_seconds: 20", "every_second: 20", 5),
        ("  two: {site: azure,", "  two: {sight: azure,", 7),
        ("rules: [of-aws]", "rulez: [of-aws]", 9),
        ('id: two, targets: {one: "one:1"}}\n', 'id: two, targets: {one: "one:1"}}\nparts: 1\n', 10),
        ("rules:\n  -", "rulez:\n  -", 0),  # what a section would have said is not made up
        ("endpoints:\n  one", "endpoint:\n  one", 0),
        ("classifications: {", "classifications: 5\nmore: {", 0),
        ("version: 1", "version: 2", 0),
    ],
)
def test_nothing_is_said_that_may_come_of_the_typo(old: str, new: str, contradictions: int) -> None:
    """What is told beside a typo is told of the file without it, too, word for word."""
    fresh, known = beside(old, new)

    assert fresh
    assert not [line for line in fresh if not re.search("required$|here$|Input|does not match", line)]
    assert len(known) == contradictions


def places(document: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:  # noqa: ANN401 - as YAML is read
    """Yield where something is in a document."""
    keys = document if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield (*at, key)
        yield from places(document[key], (*at, key))


@pytest.mark.parametrize("wrong", [None, 5, "x y", [], {}], ids=repr)
def test_wherever_a_typo_is_it_makes_up_no_contradiction(wrong: object) -> None:
    """Each value in turn is one that cannot be: of all else that is told, every word is told of the file without it."""
    document = yaml.safe_load(CONTRADICTORY)
    before = {(path, message.split(KNOWN)[0]) for path, message in contradictions(Fleet.model_validate(document))}
    tried = 0
    for *above, last in list(places(document)):
        broken = yaml.safe_load(CONTRADICTORY)
        around = reduce(lambda part, key: part[key], above, broken)
        around[last] = wrong
        try:
            Fleet.model_validate(broken)
        except ValidationError as error:
            locs = [detail["loc"] for detail in error.errors()]
            told = contradictions_beside(broken, locs)
            assert {(path, message.split(KNOWN)[0]) for path, message in told} <= before, (*above, last)
            tried += 1
    assert tried > 50


def test_a_key_that_stands_twice_hides_nothing_either() -> None:
    """It is wrong whatever stands under it, and so is the rest."""
    said = problems_of(CONTRADICTORY.replace("region: r, jurisdiction: US", "region: r, region: r, jurisdiction: U"))

    assert said[:2] == [
        "t.yaml:3: sites.aws.region: the key stands twice",
        "t.yaml:3: sites.aws.jurisdiction: 'U' does not match ^[A-Z]{2}(-[A-Z0-9]{1,3})?$",
    ]
    assert "t.yaml:4: sites.gcp.control_bucket: must be another bucket than the site's own" in said
    assert beside("every_seconds: 20", "every_seconds: 20, every_seconds: 20") == (
        ["t.yaml:11: control.every_seconds: the key stands twice"],
        beside("every_seconds: 20", "every_second: 20")[1],
    )


def test_what_could_have_been_meant_is_told_in_full() -> None:
    """Where nothing is left out that could be meant, nothing is said of it."""
    said = problems_of(CONTRADICTORY.replace("every_seconds: 20", "every_second: 20"))

    assert "t.yaml:10: rules[2]: unknown site 'mars'; known are: aws, gcp, azure" in said
