"""The weighted records of a group in a hosted zone of Route 53; values in, values out.

Each endpoint has a record whose set identifier is its name. A weight is the percent itself: Route 53 takes 0 to 255,
counts them in relation to each other, and sends nothing to a weight of 0 while another is more.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-values-weighted.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from tradewind.clouds.publishing import WHOLE
from tradewind.clouds.zones import epoch_in, epoch_name, epoch_text, full_name, target_in
from tradewind.errors import ConfigurationError
from tradewind.fleet.directors import Route53
from tradewind.ports import Traffic

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import ChangeTypeDef, ResourceRecordSetOutputTypeDef, ResourceRecordSetTypeDef

_OF_OTHERS = ("Region", "Failover", "GeoLocation", "GeoProximityLocation", "MultiValueAnswer", "CidrRoutingConfig")
"""Fields of records that are chosen by something else than a weight."""


@dataclass(frozen=True, slots=True)
class Records:
    """What a zone has of a group."""

    weighted: tuple[ResourceRecordSetOutputTypeDef, ...]
    epoch: ResourceRecordSetOutputTypeDef | None

    @property
    def all(self) -> tuple[ResourceRecordSetOutputTypeDef, ...]:
        """Every record."""
        return (*self.weighted, *([self.epoch] if self.epoch else []))


def place(name: str) -> str:
    """Return what a zone sorts a name by: its labels from the end on."""
    return ".".join(reversed(_spelled(name).rstrip(".").split("."))) + "."


def found(listed: Sequence[ResourceRecordSetOutputTypeDef], config: Route53, *, subject: str) -> Records:
    """Return those of the listed records that are the group's.

    Raises:
        ConfigurationError: A record in their place is somebody else's.
    """
    at = _spelled(config.name)
    text = epoch_name(at)
    epoch = next((each for each in listed if _name(each) == text and each["Type"] == "TXT"), None)
    records = [each for each in listed if _name(each) == at and each["Type"] == config.type]
    for each in records:
        if strange := _strange(each, config, published=epoch is not None):
            raise ConfigurationError(
                f"There is a record of {subject} that is not tradewind's: {strange}",
                hint="Remove it, or set another `name` in the group's `director`",
            )
    return Records(tuple(sorted(records, key=lambda each: each["SetIdentifier"])), epoch)


def shown(records: Records, config: Route53) -> Traffic:
    """Return where the records send the traffic; an endpoint whose record leads elsewhere has no weight.

    The record of an endpoint that left the group is not shown, and what it still gets is missing from the whole.

    Raises:
        ConfigurationError: The record of the epoch is somebody else's.
    """
    token = sha256(json.dumps(records.all, sort_keys=True).encode()).hexdigest()
    if records.epoch is None:
        return Traffic(weights={}, epoch=0, token=token)
    texts = [value["Value"] for value in records.epoch.get("ResourceRecords", [])]
    epoch = epoch_in(texts, subject=epoch_name(config.name))
    total = sum(each["Weight"] for each in records.weighted) or 1
    weights = {
        each["SetIdentifier"]: round(each["Weight"] * WHOLE / total)
        for each in records.weighted
        if each["SetIdentifier"] in config.targets
        and [target_in(config.type, value["Value"]) for value in each["ResourceRecords"]]
        == [target_in(config.type, config.targets[each["SetIdentifier"]])]
    }
    return Traffic(weights=weights, epoch=epoch, token=token)


def wanted(records: Records, config: Route53, weights: Mapping[str, int], epoch: int) -> list[ResourceRecordSetTypeDef]:
    """Return the records of a group as they are to be; health checks that were set on them stay.

    Args:
        records: Those that are there.
        config: Of the group.
        weights: Percent by endpoint.
        epoch: Of the decision.
    """
    checks = {each["SetIdentifier"]: each["HealthCheckId"] for each in records.weighted if "HealthCheckId" in each}
    made: list[ResourceRecordSetTypeDef] = []
    for endpoint in sorted(config.targets):
        record: ResourceRecordSetTypeDef = {
            "Name": full_name(config.name),
            "Type": config.type,
            "SetIdentifier": endpoint,
            "Weight": weights[endpoint],
            "TTL": config.ttl_seconds,
            "ResourceRecords": [{"Value": target_in(config.type, config.targets[endpoint])}],
        }
        if endpoint in checks:
            record["HealthCheckId"] = checks[endpoint]
        made.append(record)
    text: ResourceRecordSetTypeDef = {
        "Name": epoch_name(config.name),
        "Type": "TXT",
        "TTL": config.ttl_seconds,
        "ResourceRecords": [{"Value": epoch_text(epoch, weights)}],
    }
    return [*made, text]


def batch(records: Records, made: Sequence[ResourceRecordSetTypeDef]) -> list[ChangeTypeDef]:
    """Return the changes that replace all records by others, if those that are there are still the same.

    Route 53 does all of a batch or nothing, and a DELETE only if each value is that of the record: so who read before
    somebody else's change is refused. Records that stay as they are take part in it for that reason.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeResourceRecordSets.html
    """
    deletes: list[ChangeTypeDef] = [{"Action": "DELETE", "ResourceRecordSet": each} for each in records.all]
    creates: list[ChangeTypeDef] = [{"Action": "CREATE", "ResourceRecordSet": each} for each in made]
    return deletes + creates


def touched(records: Records, made: Sequence[ResourceRecordSetTypeDef]) -> int:
    """Return how many of the records that are there would be others, or be gone."""
    kept = [json.dumps(each, sort_keys=True) for each in made]
    return sum(json.dumps(each, sort_keys=True) not in kept for each in records.all)


def _spelled(name: str) -> str:
    """Return a name as Route 53 lists it."""
    return full_name(name).replace("*", r"\052")


def _name(record: ResourceRecordSetOutputTypeDef) -> str:
    return full_name(record["Name"])


def _strange(record: ResourceRecordSetOutputTypeDef, config: Route53, *, published: bool) -> str:
    """Return why a record is not the group's, in words; "" if it is.

    Beside an epoch, a weighted record that belongs to none of the endpoints is of one that left the group.
    """
    identifier = record.get("SetIdentifier")
    if identifier is None:
        return "it has no set identifier, so that there can be no weighted records beside it"
    if "Weight" not in record or any(record.get(field) for field in _OF_OTHERS):
        return f"{identifier!r} has no weight"
    if identifier not in config.targets:
        return "" if published else f"the set identifier {identifier!r} is no endpoint of the group's `targets`"
    if "AliasTarget" in record:
        return f"{identifier!r} is an alias, and `targets` are addresses or host names"
    return ""
