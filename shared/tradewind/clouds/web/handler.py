"""A `reverse_proxy` handler of Caddy as far as it says where traffic goes; values in, values out.

In Caddy 2.11 `weighted_round_robin` sends nothing to an upstream of weight 0, and the share of one that it found
unavailable by itself goes to the others whose weight is more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import JsonValue

from tradewind.clouds.fields import list_in, object_in, objects_in
from tradewind.ports import Traffic

Handler: TypeAlias = dict[str, JsonValue]
EPOCH = "X-Tradewind-Epoch"
"""The header that the handler sets on its answers."""
POLICY = "weighted_round_robin"


def shown(handler: Handler, targets: Mapping[str, str], token: str) -> Traffic:
    """Return what a handler does with the traffic; as nothing published if it bears no epoch.

    Args:
        handler: As Caddy has it.
        targets: The upstream of each endpoint.
        token: The handler's version.
    """
    epoch = _epoch(handler)
    if epoch is None:
        return Traffic(weights={}, epoch=0, token=token)
    by_upstream = dict(zip(_dials(handler), _weights(handler), strict=False))
    weights = {name: by_upstream[dial] for name, dial in targets.items() if dial in by_upstream}
    return Traffic(weights=weights, epoch=epoch, token=token)


def with_traffic(handler: Handler, targets: Mapping[str, str], weights: Mapping[str, int], epoch: int) -> Handler:
    """Return a handler that serves the weights and bears the epoch, and is otherwise the same.

    Args:
        handler: As Caddy has it; what it says of an upstream beside its address stays with it.
        targets: The upstream of each endpoint.
        weights: Percent by endpoint.
        epoch: Of the decision.
    """
    known = dict(zip(_dials(handler), list_in(handler, "upstreams"), strict=True))
    names = sorted(targets)
    upstreams: list[JsonValue] = [known.get(targets[name], {"dial": targets[name]}) for name in names]
    policy: Handler = {"policy": POLICY, "weights": [weights[name] for name in names]}
    headers = object_in(handler, "headers")
    response = object_in(headers, "response")
    kept = {name: value for name, value in object_in(response, "set").items() if name.lower() != EPOCH.lower()}
    return {
        **handler,
        "upstreams": upstreams,
        "load_balancing": {**object_in(handler, "load_balancing"), "selection_policy": policy},
        "headers": {**headers, "response": {**response, "set": {**kept, EPOCH: [str(epoch)]}}},
    }


def _epoch(handler: Handler) -> int | None:
    said = list_in(object_in(object_in(object_in(handler, "headers"), "response"), "set"), EPOCH)
    first = said[0] if said else None
    return int(first) if isinstance(first, str) and first.isdecimal() else None


def _weights(handler: Handler) -> list[int]:
    policy = object_in(object_in(handler, "load_balancing"), "selection_policy")
    if policy.get("policy") != POLICY:
        return []
    weights = list_in(policy, "weights")
    known = [weight for weight in weights if isinstance(weight, int)]
    return known if len(known) == len(weights) else []  # else they would be others'


def _dials(handler: Handler) -> list[str]:
    return [str(each.get("dial", "")) for each in objects_in(handler, "upstreams")]
