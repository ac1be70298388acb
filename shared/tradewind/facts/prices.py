"""List prices of moving objects, in US dollars, for a region of each cloud in the east of the United States.

Other regions, contracts and volumes have other prices: a plan made from these is an estimate, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

AS_OF: Final = "2026-11"
"""When the prices were looked up."""
GIB: Final = 1024**3
"""Bytes of what the clouds' price lists call a GB."""
TIB: Final = 1024**4


@dataclass(frozen=True, slots=True)
class Prices:
    """What one cloud charges."""

    write: float
    """Dollars for 1,000 writes or listings."""
    read: float
    """Dollars for 1,000 reads, of bytes or of metadata. Deletes are free everywhere."""
    egress: float
    """Dollars for a GiB that leaves for another cloud, at the first rate that is charged; more volume costs less."""
    between_regions: float
    """Dollars for a GiB to another region of the same cloud, on the same continent."""
    source: str
    """Where the prices are from."""


PRICES: Final = {
    "aws": Prices(
        write=0.005,
        read=0.0004,
        egress=0.09,
        between_regions=0.02,
        source="S3 Standard in us-east-1, https://aws.amazon.com/s3/pricing/",
    ),
    "gcp": Prices(
        write=0.005,
        read=0.0004,
        egress=0.12,
        between_regions=0.02,
        source="Standard storage in one region of the US, https://cloud.google.com/storage/pricing",
    ),
    "azure": Prices(
        write=0.0055,
        read=0.00044,
        egress=0.087,
        between_regions=0.02,
        # Microsoft publishes prices of transactions as figures that a script fills in; these are its samples of them.
        source="hot tier, https://learn.microsoft.com/azure/storage/blobs/blob-storage-estimate-costs (sample prices) "
        "and https://azure.microsoft.com/pricing/details/bandwidth/",
    ),
}
"""By cloud."""


def egress(cloud: str, region: str, to_cloud: str, to_region: str) -> float:
    """Return the dollars for a GiB from one region to another, by the list price of the cloud that it leaves."""
    if cloud != to_cloud:
        return PRICES[cloud].egress
    return 0.0 if region == to_region else PRICES[cloud].between_regions
