"""What is wrong with the endpoints and groups of a fleet whose fields are each right by themselves. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

from tradewind.fleet.directors import CloudDns, Director, Route53, Switch, TrafficManager
from tradewind.fleet.groups import Group
from tradewind.fleet.model import Fleet
from tradewind.fleet.notices import PubSub, Sns
from tradewind.fleet.sites import AzureSite

Path: TypeAlias = tuple[str | int, ...]
ODD = "an odd number is needed: one more of them could be lost no better"


def group_contradictions(fleet: Fleet) -> Iterator[tuple[Path, str]]:
    """Yield where something is wrong, and what."""
    for name, endpoint in fleet.endpoints.items():
        yield from _unknown(("endpoints", name, "site"), (endpoint.site,), fleet.sites, "site")
    if fleet.control is not None:
        yield from _stores(fleet, ("control", "stores"), fleet.control.stores)
    for name, group in fleet.groups.items():
        at: Path = ("groups", name)
        if fleet.control is None:
            yield at, "a group needs `control`: its traffic moves when a majority of control stores agrees"
        yield from _members(fleet, at, group)
        yield from _policy(fleet, at, group)
        yield from _director(fleet, (*at, "director"), group)
        for index, address in enumerate(group.notify):
            if isinstance(address, Sns | PubSub):
                cloud = "aws" if isinstance(address, Sns) else "gcp"
                yield from _on(fleet, (*at, "notify", index, "site"), address.site, cloud)


def _stores(fleet: Fleet, at: Path, stores: tuple[str, ...]) -> Iterator[tuple[Path, str]]:
    yield from _unknown(at, stores, fleet.sites, "site")
    if len(set(stores)) != len(stores):
        yield at, "names one site twice"
    if len(stores) % 2 == 0:
        yield at, ODD


def _members(fleet: Fleet, at: Path, group: Group) -> Iterator[tuple[Path, str]]:
    yield from _unknown((*at, "endpoints"), group.endpoints, fleet.endpoints, "endpoint")
    if len(set(group.endpoints)) != len(group.endpoints):
        yield (*at, "endpoints"), "names one endpoint twice"
    yield from _unknown((*at, "rules"), group.rules, {rule.name for rule in fleet.rules}, "rule")
    allowed = fleet.classifications.get(group.classification)
    if allowed is None:
        yield from _unknown((*at, "classification"), (group.classification,), fleet.classifications, "classification")
        return
    for name in group.endpoints:
        site = fleet.sites.get(fleet.endpoints[name].site) if name in fleet.endpoints else None
        if site is not None and not allowed.allows(site.jurisdiction):
            yield (
                (*at, "endpoints"),
                f"{name!r} is in {site.jurisdiction}, where {group.classification!r} data may not be",
            )


def _policy(fleet: Fleet, at: Path, group: Group) -> Iterator[tuple[Path, str]]:
    if group.strategy != "active_active" and group.primary is None:
        yield (*at, "primary"), f"`{group.strategy}` needs one"
    if group.primary is not None and group.primary not in group.endpoints:
        yield (*at, "primary"), f"{group.primary!r} is none of the group's endpoints: {', '.join(group.endpoints)}"
    if group.minimum_serving > len(group.endpoints):
        yield (*at, "minimum_serving"), f"the group has {len(group.endpoints)} endpoints"
    if group.strategy == "active_active" and not any(
        fleet.endpoints[name].weight for name in group.endpoints if name in fleet.endpoints
    ):
        yield (*at, "endpoints"), "every one has the weight 0"
    primary = fleet.endpoints.get(group.primary or "")
    if group.strategy == "bursting" and primary is not None and primary.probe.load is None:
        yield (*at, "strategy"), f"`bursting` needs to know the load: give {group.primary!r} `probe.load`"


def _director(fleet: Fleet, at: Path, group: Group) -> Iterator[tuple[Path, str]]:
    director: Director = group.director
    if set(director.targets) != set(group.endpoints):
        lacks = sorted(set(group.endpoints) - set(director.targets))
        strange = sorted(set(director.targets) - set(group.endpoints))
        said = [f"lacks {', '.join(lacks)}"] if lacks else []
        said += [f"{', '.join(strange)} is no endpoint of the group"] if strange else []
        yield (*at, "targets"), "; ".join(said)
    match director:
        case Route53() | Switch():
            yield from _on(fleet, (*at, "site"), director.site, "aws")
        case CloudDns():
            yield from _on(fleet, (*at, "site"), director.site, "gcp")
        case TrafficManager():
            yield from _on(fleet, (*at, "site"), director.site, "azure")
    if isinstance(director, Switch):
        yield from _stores(fleet, (*at, "objects"), tuple(director.objects))
        if group.strategy != "active_passive":
            yield at, "the quorum switch turns endpoints on and off and knows no shares: for `active_passive` only"
        yield from _public(fleet, (*at, "objects"), director)


def _public(fleet: Fleet, at: Path, switch: Switch) -> Iterator[tuple[Path, str]]:
    """Yield the objects that would be in a bucket with data or records: anybody may read where they are."""
    for name, made in switch.objects.items():
        for other, site in fleet.sites.items():
            if name not in fleet.sites or site.cloud != fleet.sites[name].cloud:
                continue
            if made.bucket == site.control_bucket:
                yield (*at, name), f"is in the control bucket of {other!r}, which nobody but tradewind may read"
            elif made.bucket == (site.container if isinstance(site, AzureSite) else site.bucket):
                yield (*at, name), f"is in the bucket of {other!r}, whose data anybody could read then"


def _on(fleet: Fleet, at: Path, site: str, cloud: str) -> Iterator[tuple[Path, str]]:
    yield from _unknown(at, (site,), fleet.sites, "site")
    if site in fleet.sites and fleet.sites[site].cloud != cloud:
        yield at, f"{site!r} is not on {cloud}"


def _unknown(at: Path, names: tuple[str, ...], known: Iterable[str], what: str) -> Iterator[tuple[Path, str]]:
    for name in dict.fromkeys(names):
        if name not in known:
            yield at, f"unknown {what} {name!r}; known are: {', '.join(known) or 'none'}"
