"""Which key at which site a person speaks of. Pure."""

from __future__ import annotations

from tradewind.errors import ConfigurationError
from tradewind.fleet import Fleet, Rule, Site
from tradewind.replication.routes import covers

_CLOUDS = {"s3": ("aws", 1), "gs": ("gcp", 1), "az": ("azure", 2)}


def key_at(fleet: Fleet, uri: str) -> tuple[str, str]:
    """Return the site and the key that `uri` names.

    Args:
        fleet: Has the site.
        uri: `s3://bucket/key`, `gs://bucket/key`, `az://account/container/key` or `site:key`. The key is taken as it is
            spelled: nothing in it is decoded.

    Raises:
        ConfigurationError: It names no key at a site of the fleet.
    """
    scheme, _, rest = uri.partition(":")
    if scheme in _CLOUDS and rest.startswith("//"):
        cloud, depth = _CLOUDS[scheme]
        *address, key = rest.removeprefix("//").split("/", depth)
        bucket = "/".join(address)
        if len(address) == depth and key:
            site = fleet.site_at(cloud, bucket)
            if site is None:
                raise ConfigurationError(f"{scheme}://{bucket} is no site of the fleet", hint=_known(fleet))
            return site, key
    elif rest and scheme in fleet.sites:
        return scheme, rest
    raise ConfigurationError(
        f"{uri!r} names no object of the fleet",
        hint=f"Use s3://bucket/key, gs://bucket/key, az://account/container/key or SITE:key. {_known(fleet)}",
    )


def uri_of(site: Site, key: str) -> str:
    """Return the URI of `key` at a site, as `key_at` reads it."""
    schemes = {cloud: scheme for scheme, (cloud, _) in _CLOUDS.items()}
    return f"{schemes[site.cloud]}://{site.address}/{key}"


def _known(fleet: Fleet) -> str:
    return f"The fleet file has: {', '.join(fleet.sites)}"


def connected(fleet: Fleet, site: str, key: str) -> tuple[tuple[str, ...], tuple[Rule, ...]]:
    """Return the sites that rules connect with `site` for `key`, in the fleet's order, and those rules."""
    covering = [rule for rule in fleet.rules if covers(rule, key)]
    reached, before = {site}, 0
    while len(reached) > before:
        before = len(reached)
        reached |= {member for rule in covering if reached & set(rule.members) for member in rule.members}
    rules = tuple(rule for rule in covering if reached & set(rule.members))
    return tuple(name for name in fleet.sites if name in reached), rules
