"""A group's record set in a zone of Cloud DNS, chosen from by weight; values in, values out.

A weight is the percent itself: Cloud DNS takes any number that is not negative, counts it in relation to the sum, and
so never answers by an item of weight 0 (`RRSetRoutingPolicyWrrPolicyWrrPolicyItem` in its discovery document).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from pydantic import JsonValue

from tradewind.clouds.fields import list_in, number_in, object_in, objects_in
from tradewind.clouds.publishing import WHOLE
from tradewind.clouds.zones import epoch_in, epoch_name, epoch_text, full_name, target_in
from tradewind.errors import ConfigurationError
from tradewind.fleet.directors import CloudDns
from tradewind.ports import Traffic

RecordSet: TypeAlias = dict[str, JsonValue]
_TOLD = frozenset({"kind", "signatureRrdatas"})
"""Fields that Cloud DNS tells, and nobody sets."""


@dataclass(frozen=True, slots=True)
class RecordSets:
    """What a zone has of a group."""

    weighted: RecordSet | None
    epoch: RecordSet | None

    @property
    def all(self) -> list[RecordSet]:
        """Every record set."""
        return [each for each in (self.weighted, self.epoch) if each is not None]


def found(epochs: Sequence[RecordSet], listed: Sequence[RecordSet], config: CloudDns, *, subject: str) -> RecordSets:
    """Return the group's record sets as they can be sent back.

    Args:
        epochs: What was listed under the epoch's name.
        listed: What was listed under the group's name and type.
        config: Of the group.
        subject: The name, for the message.

    Raises:
        ConfigurationError: What is there is somebody else's.
    """
    weighted = _plain(listed[0]) if listed else None
    epoch = _plain(epochs[0]) if epochs else None
    if weighted is not None:
        items = _items(weighted)
        if not items:
            raise _strange(subject, "it is not chosen from by weight")
        if epoch is None and any(_endpoint(item, config) is None for item in items):
            raise _strange(subject, "it leads elsewhere than the group's `targets`")
    return RecordSets(weighted, epoch)


def shown(sets: RecordSets, config: CloudDns) -> Traffic:
    """Return where the record set sends the traffic; an endpoint whose target is not in it has no weight.

    Raises:
        ConfigurationError: The record of the epoch is somebody else's.
    """
    token = sha256(json.dumps(sets.all, sort_keys=True).encode()).hexdigest()
    if sets.epoch is None:
        return Traffic(weights={}, epoch=0, token=token)
    epoch = epoch_in([str(text) for text in list_in(sets.epoch, "rrdatas")], subject=epoch_name(config.name))
    items = _items(sets.weighted) if sets.weighted is not None else []
    total = sum(number_in(item, "weight") for item in items) or 1
    named = ((_endpoint(item, config), number_in(item, "weight")) for item in items)
    weights = {endpoint: round(weight * WHOLE / total) for endpoint, weight in named if endpoint is not None}
    return Traffic(weights=weights, epoch=epoch, token=token)


def wanted(sets: RecordSets, config: CloudDns, weights: Mapping[str, int], epoch: int) -> list[RecordSet]:
    """Return the record sets of a group as they are to be; the policy's health check, and those of its items, stay.

    Args:
        sets: Those that are there.
        config: Of the group.
        weights: Percent by endpoint.
        epoch: Of the decision.
    """
    before = sets.weighted or {}
    known = {_endpoint(item, config): item for item in _items(before)}
    items: list[JsonValue] = []
    for endpoint in sorted(config.targets):
        fresh: RecordSet = {"rrdatas": [target_in(config.type, config.targets[endpoint])]}
        items.append({**known.get(endpoint, fresh), "weight": weights[endpoint]})
    weighted: RecordSet = {
        "name": full_name(config.name),
        "type": config.type,
        "ttl": config.ttl_seconds,
        "routingPolicy": {**object_in(before, "routingPolicy"), "wrr": {"items": items}},
    }
    text: RecordSet = {
        "name": epoch_name(config.name),
        "type": "TXT",
        "ttl": config.ttl_seconds,
        "rrdatas": [epoch_text(epoch, weights)],
    }
    return [weighted, text]


def change(sets: RecordSets, made: Sequence[RecordSet]) -> Mapping[str, list[RecordSet]]:
    """Return the change that replaces what differs, if what it replaces is still the same.

    Cloud DNS applies a change as a whole, and only if each deletion matches what is there exactly. The record of the
    epoch is in every change, because it differs whenever an epoch or a weight does.
    https://cloud.google.com/dns/docs/reference/rest/v1/changes
    """
    return {
        "deletions": [each for each in sets.all if each not in made],
        "additions": [each for each in made if each not in sets.all],
    }


def _plain(told: RecordSet) -> RecordSet:
    return {name: _without_told(value) for name, value in told.items() if name not in _TOLD}


def _without_told(value: JsonValue) -> JsonValue:
    if isinstance(value, dict):
        return _plain(value)
    return [_without_told(each) for each in value] if isinstance(value, list) else value


def _items(weighted: RecordSet) -> list[RecordSet]:
    return objects_in(object_in(object_in(weighted, "routingPolicy"), "wrr"), "items")


def _endpoint(item: RecordSet, config: CloudDns) -> str | None:
    """Return whose target an item answers by, whether Cloud DNS checks its health or not."""
    answers = list_in(item, "rrdatas") or list_in(object_in(item, "healthCheckedTargets"), "externalEndpoints")
    leads = {target_in(config.type, target): endpoint for endpoint, target in config.targets.items()}
    return leads.get(target_in(config.type, str(answers[0]))) if len(answers) == 1 else None


def _strange(subject: str, reason: str) -> ConfigurationError:
    return ConfigurationError(
        f"There is a record set at {subject} that is not tradewind's: {reason}",
        hint="Remove it, or set another `name` in the group's `director`",
    )
