"""The tables of facts are whole, and what is computed of them is right."""

import pytest
from botocore.session import Session

from tradewind.facts.prices import PRICES, egress
from tradewind.facts.regions import AREAS, REGIONS, coordinates, distance


def test_every_region_is_somewhere() -> None:
    """Each region's area has coordinates on this planet, and no area stands there for nothing."""
    named = {area for regions in REGIONS.values() for area in regions.values()}

    assert named == set(AREAS)
    assert all(-90 <= lat <= 90 and -180 <= lon <= 180 for lat, lon in AREAS.values())


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
def test_every_region_of_aws_is_known(partition: str) -> None:
    """What AWS's own SDK lists as regions of S3 is in the table."""
    listed = set(Session().get_available_regions("s3", partition_name=partition))

    assert listed <= REGIONS["aws"].keys()


@pytest.mark.parametrize(
    ("one", "other", "kilometres"),
    [
        (("aws", "us-east-1"), ("azure", "westeurope"), 6_200),
        (("aws", "eu-central-1"), ("gcp", "europe-west3"), 0),
        (("aws", "ap-northeast-1"), ("aws", "us-west-2"), 7_750),
        (("gcp", "australia-southeast1"), ("azure", "uksouth"), 17_000),
    ],
)
def test_distances(one: tuple[str, str], other: tuple[str, str], kilometres: float) -> None:
    """Distances are those of an atlas, within two per cent, either way."""
    here, there = coordinates(*one), coordinates(*other)

    assert here is not None
    assert there is not None
    assert distance(here, there) == pytest.approx(kilometres, rel=0.02)
    assert distance(there, here) == distance(here, there)


def test_half_way_round() -> None:
    """The far side of the planet is half its circumference away, and that is no error of rounding."""
    assert distance((0, 0), (0, 180)) == pytest.approx(20_015, abs=1)


def test_a_region_that_is_not_known() -> None:
    """Nobody guesses where an unknown region is."""
    assert coordinates("aws", "mars-north-1") is None


def test_prices_are_plausible() -> None:
    """Writes cost more than reads, and leaving a cloud more than staying in it."""
    for price in PRICES.values():
        assert 0 < price.read < price.write < 0.02
        assert 0 < price.between_regions < price.egress < 0.2
        assert "https://" in price.source


def test_egress() -> None:
    """Within a region nothing is charged, and to another cloud what the cloud that is left asks."""
    assert egress("aws", "us-east-1", "aws", "us-east-1") == 0
    assert egress("aws", "us-east-1", "aws", "eu-west-1") == PRICES["aws"].between_regions
    assert egress("aws", "us-east-1", "gcp", "us-east1") == PRICES["aws"].egress
