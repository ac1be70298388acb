"""A profile of Azure Traffic Manager as far as it says where traffic goes; values in, values out.

A weight is the percent itself: Traffic Manager takes 1 to 1,000, in relation to each other. An endpoint that gets
nothing is disabled, and keeps the weight that it had; nobody asks after its health then but tradewind.
https://learn.microsoft.com/azure/traffic-manager/traffic-manager-routing-methods#weighted-traffic-routing-method
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import TypeAlias

from pydantic import JsonValue

from tradewind.clouds.fields import number_in, object_in, objects_in
from tradewind.clouds.publishing import WHOLE
from tradewind.errors import ConfigurationError
from tradewind.fleet.directors import TrafficManager
from tradewind.ports import Traffic

Profile: TypeAlias = dict[str, JsonValue]
EPOCH = "tradewind-epoch"
"""The tag."""
_TOLD = {"": ("etag", "systemData"), "dnsConfig": ("fqdn",), "monitorConfig": ("profileMonitorStatus",)}
"""Fields that Azure tells, and nobody sets; by the part of the profile."""


def check(profile: Profile, config: TrafficManager, *, subject: str) -> None:
    """Refuse a profile that cannot direct the group's traffic.

    Beside an epoch, an endpoint that takes traffic and is no target is one that left the group.

    Raises:
        ConfigurationError: It is disabled, does not go by weights, lacks an endpoint, or another takes traffic.
    """
    properties = object_in(profile, "properties")
    method = properties.get("trafficRoutingMethod")
    endpoints = {str(each.get("name")): each for each in objects_in(properties, "endpoints")}
    ours = {name for name, each in endpoints.items() if _is_kind(each, config.endpoint_type)}
    missing = sorted(set(config.targets.values()) - ours)
    others = sorted(set(endpoints) - set(config.targets.values()))
    strange = [name for name in others if _enabled(endpoints[name])] if _epoch(profile) is None else []
    if properties.get("profileStatus") == "Disabled":
        raise ConfigurationError(
            f"The profile {subject} is disabled, so that no question for its name is answered", hint="Enable it"
        )
    if method != "Weighted":
        raise ConfigurationError(f"The profile {subject} routes by {method}", hint="Set its routing method to Weighted")
    if missing:
        raise ConfigurationError(
            f"The profile {subject} has no endpoint {missing[0]!r} among its {config.endpoint_type}",
            hint="Create it, or correct `targets`: they are the names of the profile's endpoints",
        )
    if strange:
        raise ConfigurationError(
            f"The profile {subject} has an endpoint {strange[0]!r} that takes traffic and is not in `targets`",
            hint="Disable or remove it, or add it to the group",
        )


def shown(profile: Profile, config: TrafficManager) -> Traffic:
    """Return what a profile does with the traffic; as nothing published if it bears no epoch.

    An endpoint that left the group is not shown, and what it still gets is missing from the whole.
    """
    endpoints = {str(each.get("name")): each for each in objects_in(object_in(profile, "properties"), "endpoints")}
    shares = {name: _share(endpoints[target]) for name, target in config.targets.items() if target in endpoints}
    epoch = _epoch(profile)
    state = [epoch, *sorted((name, _share(each)) for name, each in endpoints.items())]
    token = sha256(json.dumps(state).encode()).hexdigest()
    if epoch is None:
        return Traffic(weights={}, epoch=0, token=token)
    total = sum(_share(each) for each in endpoints.values()) or 1
    return Traffic({name: round(share * WHOLE / total) for name, share in shares.items()}, epoch, token)


def with_traffic(profile: Profile, config: TrafficManager, weights: Mapping[str, int], epoch: int) -> Profile:
    """Return a profile as it is to be sent: the weights and the epoch, and all else as it was.

    An endpoint that is no target, because it left the group, is disabled and stays.

    Args:
        profile: As Azure tells it.
        config: Of the group.
        weights: Percent by endpoint.
        epoch: Of the decision.
    """
    properties = {name: value for name, value in object_in(profile, "properties").items() if name not in _TOLD}
    for part in ("dnsConfig", "monitorConfig"):
        if settings := object_in(object_in(profile, "properties"), part):
            properties[part] = {name: value for name, value in settings.items() if name not in _TOLD[part]}
    by_target = {target: weights[name] for name, target in config.targets.items()}
    endpoints: list[JsonValue] = [
        _with_share(each, by_target.get(str(each.get("name")), 0))
        for each in objects_in(object_in(profile, "properties"), "endpoints")
    ]
    kept = {name: value for name, value in profile.items() if name not in _TOLD[""]}
    tags: Profile = {**object_in(profile, "tags"), EPOCH: str(epoch)}
    return {**kept, "tags": tags, "properties": {**properties, "endpoints": endpoints}}


def _with_share(endpoint: Profile, percent: int) -> JsonValue:
    told = object_in(endpoint, "properties")
    properties = {name: value for name, value in told.items() if name != "endpointMonitorStatus"}
    properties["endpointStatus"] = "Enabled" if percent else "Disabled"
    if percent:
        properties["weight"] = percent
    return {**endpoint, "properties": properties}


def _epoch(profile: Profile) -> int | None:
    told = str(object_in(profile, "tags").get(EPOCH, ""))
    return int(told) if told.isdecimal() else None


def _share(endpoint: Profile) -> float:
    return number_in(object_in(endpoint, "properties"), "weight") if _enabled(endpoint) else 0


def _enabled(endpoint: Profile) -> bool:
    return object_in(endpoint, "properties").get("endpointStatus") == "Enabled"


def _is_kind(endpoint: Profile, kind: str) -> bool:
    return str(endpoint.get("type", "")).lower().endswith(f"/{kind.lower()}")
