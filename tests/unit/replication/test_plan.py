"""What a fleet file means, before anything moves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tradewind.compliance import JurisdictionGate
from tradewind.facts.prices import GIB, PRICES, TIB
from tradewind.fleet import Fleet, LargeObjects
from tradewind.replication.seeing import plan as module
from tradewind.replication.seeing.plan import Direction, basis, cost, lost, plan

CLOUDS = ("aws", "gcp", "azure")
ONE_WAY: dict[str, object] = {
    "name": "one",
    "mode": "one_way",
    "from": "aws",
    "to": ["gcp"],
    "classification": "public",
}
BOTH: dict[str, object] = {"name": "both", "mode": "active_active", "sites": list(CLOUDS), "classification": "public"}


def fleet_of(*rules: dict[str, object]) -> Fleet:
    """Return a fleet of one site of each cloud, and a second one on AWS, with these rules."""
    own = {
        "aws": {"cloud": "aws", "region": "us-east-1", "jurisdiction": "US", "bucket": "b"},
        "aws-2": {"cloud": "aws", "region": "us-west-2", "jurisdiction": "US", "bucket": "b2"},
        "aws-3": {"cloud": "aws", "region": "us-east-1", "jurisdiction": "US", "bucket": "b3"},
        "gcp": {"cloud": "gcp", "region": "europe-west4", "jurisdiction": "EU", "bucket": "b", "project": "p"},
        "azure": {"cloud": "azure", "region": "westeurope", "jurisdiction": "EU", "account": "a", "container": "c"},
    }
    return Fleet.model_validate(
        {
            "version": 1,
            "sites": {
                name: site | {"control_bucket": "c", "queues": {"notifications": "n", "dead_letters": "d"}}
                for name, site in own.items()
            },
            "classifications": {"public": {"jurisdictions": "any"}, "personal": {"jurisdictions": ["EU"]}},
            "rules": rules,
        }
    )


def planned(*rules: dict[str, object], size: int = module.OBJECT_SIZE) -> tuple[Direction, ...]:
    """Plan a fleet with these rules."""
    fleet = fleet_of(*rules)
    return plan(fleet, JurisdictionGate(fleet.classifications), object_size=size)


def test_every_direction_once() -> None:
    """A one-way rule has a direction for each target, and an active-active one each pair both ways."""
    found = [(each.rule, each.source, each.target) for each in planned(ONE_WAY, BOTH)]

    assert found == [
        ("one", "aws", "gcp"),
        *(("both", one, other) for one in CLOUDS for other in CLOUDS if one != other),
    ]


def test_what_the_gate_refuses() -> None:
    """A direction that the gate refuses says so with the gate's reason, and its way back does not."""
    found = {(each.source, each.target): each for each in planned(BOTH | {"classification": "personal"})}

    assert not found["gcp", "aws"].allowed
    assert "'personal' data may not be in US" in found["gcp", "aws"].gate
    assert found["aws", "gcp"].allowed


@pytest.mark.parametrize(
    ("source", "target", "pull", "told"),
    [
        ("aws", "azure", True, True),
        ("aws", "azure", False, False),
        ("gcp", "azure", True, False),
        ("aws", "gcp", True, False),
    ],
)
def test_the_way_of_large_objects(source: str, target: str, *, pull: bool, told: bool) -> None:
    """It is said where Azure may read them from S3 by itself, and what that takes; any other way passes a function."""
    fleet = fleet_of(ONE_WAY | {"from": source, "to": [target]})
    azure = fleet.sites["azure"].model_copy(update={"pull": pull})
    fleet = fleet.model_copy(update={"sites": {**fleet.sites, "azure": azure}})

    [found] = plan(fleet, JurisdictionGate(fleet.classifications))

    assert f"read once by the function at {source}" in found.path
    said = "above 64 MiB Azure reads by itself what has a version id and a CRC64NVME"
    assert found.path.endswith(said) == told


@pytest.mark.parametrize(
    ("mebibytes", "way"),
    [
        (64, "read once by the function at aws"),
        (65, "read in 2 parts by as many functions at aws"),
        (64_000, "read in 1,000 parts by as many functions at aws"),
        (64_001, "read in 1,001 parts by up to 1,000 functions at aws"),
    ],
)
def test_the_way_of_an_object_of_a_size(mebibytes: int, way: str) -> None:
    """An object that is too large for one function is said to go in parts, and by how many functions."""
    (found,) = planned(ONE_WAY, size=mebibytes * 2**20)

    assert found.path.startswith(way)


def test_the_cost_of_a_direction() -> None:
    """From S3 it is a GET, a HEAD and a PUT for each object, and its bytes leave AWS."""
    (found,) = planned(ONE_WAY, size=GIB // 1000)

    assert found.cost.requests_per_1000 == pytest.approx(2 * 0.0004 + 0.005)
    assert found.cost.egress_per_1000 == pytest.approx(0.09, rel=1e-5)
    assert found.cost.egress_per_tib == pytest.approx(1024 * 0.09)


@pytest.mark.parametrize(("target", "rate"), [("aws-3", 0.0), ("aws-2", 0.02), ("azure", 0.09)])
def test_egress_depends_on_where_it_goes(target: str, rate: float) -> None:
    """Within a region it is free, between regions of one cloud cheap."""
    (found,) = planned(ONE_WAY | {"to": [target]})

    assert found.cost.egress_per_tib == pytest.approx(rate * 1024)


@given(st.sampled_from(CLOUDS), st.sampled_from(CLOUDS), st.integers(1, 2**26))
def test_a_tebibyte_is_so_many_objects(one: str, other: str, size: int) -> None:
    """Costs for a TiB are those of a thousand objects, as often as they make a TiB; egress does not depend on size."""
    fleet = fleet_of(ONE_WAY)
    found = cost(fleet.rules[0], fleet.sites[one], fleet.sites[other], size, LargeObjects())
    times = TIB / size / 1000

    assert found.requests_per_tib == pytest.approx(found.requests_per_1000 * times)
    assert found.egress_per_tib == pytest.approx(found.egress_per_1000 * times)


def test_requests_beyond_the_usual() -> None:
    """Deletes among several sites take a look at both memories, and each part is read, written and listed."""
    rules = fleet_of(BOTH, BOTH | {"name": "deletes", "deletes": "propagate"}, ONE_WAY | {"deletes": "propagate"}).rules
    sites = fleet_of().sites

    def requests(rule: int, source: str, target: str, size: int = 1) -> float:
        return cost(rules[rule], sites[source], sites[target], size, LargeObjects()).requests_per_1000

    assert requests(0, "gcp", "aws") == pytest.approx(2 * 0.0004 + 0.005)
    assert requests(1, "aws", "gcp") == pytest.approx(requests(0, "aws", "gcp") + 2 * 0.0004)
    assert requests(2, "aws", "gcp") == pytest.approx(requests(0, "aws", "gcp"))
    assert requests(0, "gcp", "aws", 1024**3) == pytest.approx((4 + 16 + 2 + 16) * 0.0004 + (6 + 32) * 0.005)


@pytest.mark.parametrize(
    ("rule", "deletes", "conflicts"),
    [
        (ONE_WAY, "what is deleted at aws stays at gcp", "stays, and counts as a conflict"),
        (
            ONE_WAY | {"deletes": "propagate", "conflict": "overwrite"},
            "up to 25% of the rule's keys in 60 minutes",
            "what somebody else wrote at gcp is overwritten",
        ),
        (ONE_WAY | {"conflict": "fail"}, "stays", "dead-lettered"),
        (BOTH, "stays", "the later time wins at every site"),
        (BOTH | {"conflict": "source_wins"}, "stays", "the one at aws wins"),
        (BOTH | {"conflict": "keep_both"}, "stays", "the other is kept"),
    ],
)
def test_behaviour_in_words(rule: dict[str, object], deletes: str, conflicts: str) -> None:
    """What a delete and a conflict lead to is said with the names of the sites."""
    found = planned(rule)[0]

    assert deletes in found.deletes
    assert conflicts in found.conflicts


@pytest.mark.parametrize("source", CLOUDS)
@pytest.mark.parametrize("target", CLOUDS)
def test_what_does_not_survive(source: str, target: str) -> None:
    """Tags are lost where Cloud Storage is the target of a cloud that has them, and each target's limits are named."""
    said = " ".join(lost(source, target))

    assert ("tags are not kept" in said) is (target == "gcp" != source)
    assert ("lower case" in said) is (source == "gcp")
    assert ("2,048" in said) is (target == "aws")
    assert ("backslash" in said) is (target == "azure")


@pytest.mark.parametrize(
    ("first", "second", "named"), [("", "m/", True), ("m/a/", "m/", True), ("n/", "m/", False), ("m/", "m/", True)]
)
def test_rules_that_come_first(first: str, second: str, named: bool) -> None:  # noqa: FBT001 - a column of the table
    """A rule that stands before another, and may cover the same keys on the same way, is named."""
    before, after = planned(ONE_WAY | {"name": "before", "prefix": first}, ONE_WAY | {"prefix": second})

    assert (after.earlier == ("before",)) is named
    assert before.earlier == ()


def test_a_rule_of_another_way_is_not_named() -> None:
    """A rule that does not go the same way decides nothing here."""
    assert planned(ONE_WAY | {"name": "other", "to": ["azure"]}, ONE_WAY)[1].earlier == ()


def test_the_basis_is_told() -> None:
    """Each figure's source and date are said, and what is left out."""
    said = " ".join(basis())

    assert "looked up in 2026-" in said
    assert all(price.source in said for price in PRICES.values())
    assert "Not in these costs: the functions" in said
