"""What a fleet file means before anything moves: per rule and direction way, proof, cost and losses. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Final

from tradewind.facts.prices import AS_OF, GIB, PRICES, TIB, egress
from tradewind.fleet import Fleet, LargeObjects, OneWayRule, Rule, Site
from tradewind.ports import Gate
from tradewind.replication.budgets.wording import limits_told
from tradewind.replication.modes.wording import mode_told
from tradewind.replication.parts.plan import MIB, TASKS, may_pull
from tradewind.replication.routes import Route, movement

OBJECT_SIZE: Final = 16 * 1024 * 1024
"""Bytes of an object that a plan assumes unless it is told."""
THOUSAND: Final = 1000
EXCLUDED: Final = (
    "Not in these costs: the functions and their queues, what sweeps and artifact sets ask for, storage, taxes, "
    "contracts and free allowances. Reading is counted for each target, though all targets of one event share it."
)
KEEPS: Final = {
    "aws": "a CRC of the whole object or of its parts (CRC64NVME of every upload since December 2024), or else nothing",
    "gcp": "CRC32C, of every object",
    "azure": "MD5, of what was uploaded in one piece or by a client that sent it; else nothing",
}
"""What a source's store keeps to compare the bytes with that were read.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html,
https://cloud.google.com/storage/docs/data-validation and
https://learn.microsoft.com/rest/api/storageservices/put-blob.
"""
CHECKS: Final = {"aws": "CRC32C", "gcp": "CRC32C", "azure": "MD5"}
"""What a target's store compares with the bytes that it was sent, before they become visible."""
REFUSES: Final = {
    "aws": ("keys of more than 1,024 bytes are refused", "user metadata of more than 2,048 bytes is refused"),
    "gcp": (
        "keys of more than 1,024 bytes, or with line breaks, are refused",
        "user metadata of more than 8,192 bytes is refused",
    ),
    "azure": (
        "keys with control characters or a backslash, or with a segment that ends in a dot or a slash, are refused",
        "user metadata of more than 8,192 bytes is refused",
    ),
}
DELETES: Final = {
    "keep": "what is deleted at {source} stays at {target}",
    "propagate": "what a user deletes at {source} is deleted at {target} if it is what tradewind wrote there, "
    "up to {share:.0%} of the rule's keys in {window} minutes",
}
CONFLICTS: Final = {
    "keep": "what somebody else wrote at {target} stays, and counts as a conflict",
    "overwrite": "what somebody else wrote at {target} is overwritten",
    "fail": "what somebody else wrote at {target} stays, and the message is dead-lettered",
    "newest_wins": "of two independent writes the one with the later time wins at every site",
    "source_wins": "of two independent writes the one at {first} wins at every site",
    "keep_both": "of two independent writes the later wins, and the other is kept under a key of its own",
}


@dataclass(frozen=True, slots=True)
class Cost:
    """US dollars, by list prices."""

    requests_per_1000: float
    """Requests for 1,000 objects."""
    egress_per_1000: float
    """Bytes that leave the source's cloud or region, of 1,000 objects."""
    requests_per_tib: float
    """Requests for as many objects as make a TiB."""
    egress_per_tib: float


@dataclass(frozen=True, slots=True)
class Direction:
    """What a rule means from one site to one other."""

    rule: str
    source: str
    target: str
    allowed: bool
    """Whether the compliance gate lets the rule's data go there; if not, nothing of the rest happens."""
    gate: str
    """Its reason."""
    path: str
    delivery: str
    """When and how it goes there: the rule's mode."""
    keeps: str
    """What the source's store keeps to compare with."""
    checks: str
    """What the target's store compares with."""
    cost: Cost
    limits: tuple[str, ...]
    """What keeps copies waiting: budgets, bandwidth, how many the target takes at a time."""
    deletes: str
    conflicts: str
    lost: tuple[str, ...]
    """What of the metadata does not survive, and what is refused for it."""
    earlier: tuple[str, ...]
    """Rules that stand before this one and decide for the keys that both cover in this direction."""


def plan(fleet: Fleet, gate: Gate, *, object_size: int = OBJECT_SIZE) -> tuple[Direction, ...]:
    """Return what every rule means in every direction, in the file's order.

    Args:
        fleet: Sites and rules.
        gate: Asked about each direction as if for a key of the rule's prefix. For a single key it is also asked about
            other rules that cover it, which may refuse more.
        object_size: Bytes of the objects that costs are counted for.
    """
    return tuple(
        _direction(fleet, gate, Route(rule, source, target), object_size)
        for rule in fleet.rules
        for source in rule.members
        for target in rule.targets_of(source)
    )


def _direction(fleet: Fleet, gate: Gate, route: Route, size: int) -> Direction:
    rule, source, target = route.rule, fleet.sites[route.source], fleet.sites[route.target]
    answer = gate.admit(movement(fleet, route, rule.prefix, rule))
    words = {
        "source": route.source,
        "target": route.target,
        "first": rule.members[0],
        "share": rule.delete_guard.share,
        "window": rule.delete_guard.window_minutes,
    }
    return Direction(
        rule=rule.name,
        source=route.source,
        target=route.target,
        allowed=answer.allowed,
        gate=answer.reason,
        path=_path(fleet, route, size),
        delivery=mode_told(rule),
        keeps=KEEPS[source.cloud],
        checks=CHECKS[target.cloud],
        cost=cost(rule, source, target, size, fleet.parts),
        limits=tuple(limits_told(fleet, rule, route.source, route.target)),
        deletes=DELETES[rule.deletes].format(**words),
        conflicts=CONFLICTS[rule.conflict].format(**words),
        lost=lost(source.cloud, target.cloud),
        earlier=_earlier(fleet, route),
    )


def _path(fleet: Fleet, route: Route, size: int) -> str:
    source, target = fleet.sites[route.source], fleet.sites[route.target]
    above = fleet.parts.above_mebibytes
    here = f"{route.source} ({source.cloud} {source.region})"
    there = f"streamed to {route.target} ({target.cloud} {target.region})"
    count = _parts(size, fleet.parts)
    if count is None or count == 1:
        way = f"read once by the function at {here}, and {there}"
    else:
        functions = "as many" if count <= TASKS else f"up to {TASKS:,}"
        way = f"read in {count:,} parts by {functions} functions at {here}, each part {there}, and joined there"
    if not may_pull(source, target):
        return way
    return f"{way}; above {above} MiB Azure reads by itself what has a version id and a CRC64NVME"


def _parts(size: int, parts: LargeObjects) -> int | None:
    """Return in how many parts an object goes, unless the target needs larger ones; None for one that goes whole."""
    return ceil(size / (parts.mebibytes * MIB)) if size > parts.above_mebibytes * MIB else None


def cost(rule: Rule, source: Site, target: Site, size: int, parts: LargeObjects) -> Cost:
    """Return what new objects cost: a GET, a conditional PUT and a confirming HEAD for each.

    With deletes that propagate among several sites, what is remembered of the key is read at both, too. An object that
    goes in parts is read, written, listed and noted once for each part, and begun, joined and looked at besides.
    """
    here, there = PRICES[source.cloud], PRICES[target.cloud]
    looks, writes = 2, 1
    reads, reads_there = looks, 0
    if (count := _parts(size, parts)) is not None:
        reads, reads_there, writes = looks + 2 + count, 2 + count, 6 + 2 * count
    if not isinstance(rule, OneWayRule) and rule.deletes == "propagate":
        reads, reads_there = reads + 1, reads_there + 1
    requests = reads * here.read + reads_there * there.read + writes * there.write
    rate = egress(source.cloud, source.region, target.cloud, target.region)
    return Cost(
        requests_per_1000=requests,
        egress_per_1000=rate * size * THOUSAND / GIB,
        requests_per_tib=requests * TIB / size / THOUSAND,
        egress_per_tib=rate * TIB / GIB,
    )


def lost(source: str, target: str) -> tuple[str, ...]:
    """Return what of an object's metadata does not survive the way from one cloud to another.

    Args:
        source: Cloud.
        target: Cloud.
    """
    said = ["access rules, retention, storage class and older versions are not copied"]
    if target == "gcp" and source != "gcp":
        said.append("tags are not kept: Cloud Storage has none")
    if source == "gcp":
        said.append("names of user metadata become lower case")
    return (*said, *REFUSES[target])


def basis() -> tuple[str, ...]:
    """Return what the costs rest on, in sentences."""
    sources = (f"{cloud}: {price.source}" for cloud, price in PRICES.items())
    return (
        f"List prices in US dollars, looked up in {AS_OF}, for regions in the US; others differ.",
        *sources,
        EXCLUDED,
    )


def _earlier(fleet: Fleet, route: Route) -> tuple[str, ...]:
    """Return the rules before this one that may cover keys of it on the same way."""
    before = fleet.rules[: fleet.rules.index(route.rule)]
    return tuple(
        rule.name
        for rule in before
        if route.target in rule.targets_of(route.source)
        and (rule.prefix.startswith(route.rule.prefix) or route.rule.prefix.startswith(rule.prefix))
    )
