"""A `reverse_proxy` handler of Caddy as far as it says where traffic goes; values in, values out.

In Caddy 2.11 `weighted_round_robin` sends nothing to an upstream of weight 0, and the share of one that it found
unavailable by itself goes to the others whose weight is more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from pydantic import JsonValue

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
    known = dict(zip(_dials(handler), _list(handler, "upstreams"), strict=True))
    names = sorted(targets)
    upstreams: list[JsonValue] = [known.get(targets[name], {"dial": targets[name]}) for name in names]
    policy: Handler = {"policy": POLICY, "weights": [weights[name] for name in names]}
    headers = _object(handler, "headers")
    response = _object(headers, "response")
    kept = {name: value for name, value in _object(response, "set").items() if name.lower() != EPOCH.lower()}
    return {
        **handler,
        "upstreams": upstreams,
        "load_balancing": {**_object(handler, "load_balancing"), "selection_policy": policy},
        "headers": {**headers, "response": {**response, "set": {**kept, EPOCH: [str(epoch)]}}},
    }


def _epoch(handler: Handler) -> int | None:
    said = _list(_object(_object(_object(handler, "headers"), "response"), "set"), EPOCH)
    first = said[0] if said else None
    return int(first) if isinstance(first, str) and first.isdecimal() else None


def _weights(handler: Handler) -> list[int]:
    policy = _object(_object(handler, "load_balancing"), "selection_policy")
    if policy.get("policy") != POLICY:
        return []
    weights = _list(policy, "weights")
    known = [weight for weight in weights if isinstance(weight, int)]
    return known if len(known) == len(weights) else []  # else they would be others'


def _dials(handler: Handler) -> list[str]:
    upstreams = [each if isinstance(each, dict) else {} for each in _list(handler, "upstreams")]
    return [str(each.get("dial", "")) for each in upstreams]


def _object(parent: Mapping[str, JsonValue], name: str) -> Handler:
    child = parent.get(name)
    return child if isinstance(child, dict) else {}


def _list(parent: Mapping[str, JsonValue], name: str) -> list[JsonValue]:
    child = parent.get(name)
    return child if isinstance(child, list) else []
