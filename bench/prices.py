"""What requests and bytes cost at list prices, from the stores' own counts of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bench.clouds import CLOUD, Dialect
from tradewind.facts.prices import GIB, PRICES

_FREE = ("Delete", "objects.delete", "AbortMultipartUpload")
_READS = (
    "GetObject",
    "HeadObject",
    "HeadBucket",
    "GetObjectTagging",
    "objects.get",
    "objects.get media",
    "GET object (XML)",
    "buckets.get",
    "Get Blob",
    "Get Blob Properties",
    "Get Block List",
    "Get Container Properties",
    "Get Blob Tags",
)
"""Everything else is charged as a write, listings and the parts of an upload included."""


def dollars(counts: Mapping[Dialect, Mapping[str, Any]]) -> float:
    """Return what the requests cost that each store counted; bytes that leave a cloud are the same for everybody."""
    return sum(_requests(dialect, told["requests"]) for dialect, told in counts.items())


def egress(source: Dialect, size: int) -> float:
    """Return what `size` bytes cost that leave a cloud."""
    return PRICES[CLOUD[source]].egress * size / GIB


def _requests(dialect: Dialect, counts: Mapping[str, int]) -> float:
    prices = PRICES[CLOUD[dialect]]
    rate = {name: prices.read if name in _READS else 0.0 if name.startswith(_FREE) else prices.write for name in counts}
    return sum(rate[name] * count / 1000 for name, count in counts.items())
