"""What Route 53 needs for a quorum switch, and what is missing of it; values in, values out.

The group's records hang on the calculated health checks of its endpoints. Which kind of records:

- of two endpoints, failover records. Route 53 answers the primary while its check passes, the secondary while only
  that one's does, and the primary if neither does.
- of more, weighted records of which the primary's weight is 1 and the others' 0 (failover records are two, and longer
  chains of them need an alias for each link). Route 53 considers those of weight 0 only when the others fail, and of
  them answers those that pass; if none passes, it answers the one of weight 1.

So both do the same: what is on is answered, and the primary is when nothing can be told.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/routing-policy-weighted.html#routing-policy-weighted-healthchecks
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil
from typing import TYPE_CHECKING

from tradewind.clouds.aws.switch_checks import PREFIX, SETTLING, Found, Wish, settling
from tradewind.clouds.zones import full_name, target_in
from tradewind.errors import ConfigurationError
from tradewind.fleet.directors import Switch

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import (
        ChangeTypeDef,
        ResourceRecordSetOutputTypeDef,
        ResourceRecordSetTypeDef,
    )

LATER = "later: "
"""Begins the lines of what is not for this time."""
_PAIR = 2
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done so that everything is as it should be."""

    create: tuple[Wish, ...] = ()
    update: tuple[tuple[Wish, Found], ...] = ()
    tag: tuple[tuple[Wish, Found], ...] = ()
    replaced: tuple[ResourceRecordSetOutputTypeDef, ...] = ()
    """Records that go."""
    records: tuple[ResourceRecordSetTypeDef, ...] = ()
    """Records that come in their place; where a check is yet to be made, its name stands for its id."""
    unused: tuple[Found, ...] = ()
    """Checks that were this switch's and are counted by none any more; they cost, and a person removes them."""
    fresh: frozenset[str] = frozenset()
    """The references of counts that records would hang on while they, or what they count, are as good as unasked."""
    settles: timedelta = SETTLING
    """How long a check is new."""

    @property
    def due(self) -> bool:
        """Say whether anything is to be done."""
        return bool(self.create or self.update or self.tag or self.records)

    def lines(self) -> Sequence[str]:
        """Return the plan in words, a line for each step."""
        return [
            *(f"create the health check {wish.name}: {_words(wish)}" for wish in self.create),
            *(
                f"{self._when(wish)}change the health check {wish.name} ({found.id}): {_words(wish)}"
                for wish, found in self.update
            ),
            *(f"tag the health check {wish.name} ({found.id})" for wish, found in self.tag),
            *(f"{self._when()}remove the record {_record(record)}" for record in self.replaced),
            *(f"{self._when()}create the record {_record(record)}" for record in self.records),
            *(f"left over: the health check {found.tags.get('Name', found.id)} ({found.id})" for found in self.unused),
            *([self._again()] if self.fresh else []),
        ]

    def waits(self, wish: Wish) -> bool:
        """Say whether a change of a check is not for this time."""
        return wish.reference in self.fresh

    def _again(self) -> str:
        return (
            f"run it again in {ceil(self.settles / _MINUTE)} minutes: until it has looked a few times, Route 53 takes "
            "a new health check for healthy, and would answer whatever hangs on it"
        )

    def _when(self, wish: Wish | None = None) -> str:
        return LATER if self.fresh and (wish is None or self.waits(wish)) else ""


def records(config: Switch, order: Sequence[str], checks: Mapping[str, str]) -> Sequence[ResourceRecordSetTypeDef]:
    """Return the records of a group.

    Args:
        config: Its switch.
        order: Its endpoints, the primary first.
        checks: The calculated health check of each endpoint.
    """
    made: list[ResourceRecordSetTypeDef] = []
    for number, endpoint in enumerate(order):
        record: ResourceRecordSetTypeDef = {
            "Name": full_name(config.name),
            "Type": config.type,
            "SetIdentifier": endpoint,
            "TTL": config.ttl_seconds,
            "ResourceRecords": [{"Value": target_in(config.type, config.targets[endpoint])}],
            "HealthCheckId": checks[endpoint],
        }
        if len(order) == _PAIR:
            record["Failover"] = "SECONDARY" if number else "PRIMARY"
        else:
            record["Weight"] = 0 if number else 1
        made.append(record)
    return made


def plan(
    config: Switch,
    order: Sequence[str],
    wanted: Sequence[Wish],
    found: Sequence[Found],
    there: Sequence[ResourceRecordSetOutputTypeDef],
    now: datetime,
) -> Plan:
    """Compare what is to be with what is.

    Args:
        config: Of the switch.
        order: The group's endpoints, the primary first.
        wanted: The health checks that are to be.
        found: Those of this group that are there.
        there: The records of the switch's name and type that are there.
        now: By Route 53's clock.

    Raises:
        ConfigurationError: A record in the place of the group's is somebody else's.
    """
    newest = _newest(found)
    ids = ids_of(found)
    create = tuple(wish for wish in wanted if wish.reference not in newest)
    kept = [(wish, newest[wish.reference]) for wish in wanted if wish.reference in newest]
    update = tuple((wish, each) for wish, each in kept if _differs(wish, each, ids))
    tag = tuple((wish, each) for wish, each in kept if not wish.tags.items() <= each.tags.items())
    about_records = changes_of(config, order, wanted, ids, there)
    used = {each.id for _, each in kept}
    settles = settling(config)
    new = {*(wish.reference for wish in create), *(wish.reference for wish, each in kept if each.is_new(now, settles))}
    fresh = _counting(wanted, new) if there else frozenset()
    waited_for = bool(about_records.records) or any(wish.reference in fresh for wish, _ in update)
    return replace(
        about_records,
        create=create,
        update=update,
        tag=tag,
        unused=tuple(each for each in found if each.id not in used),
        fresh=fresh if waited_for else frozenset(),
        settles=settles,
    )


def changes_of(
    config: Switch,
    order: Sequence[str],
    wanted: Sequence[Wish],
    ids: Mapping[str, str],
    there: Sequence[ResourceRecordSetOutputTypeDef],
) -> Plan:
    """Return the part of the plan that is about records.

    Args:
        config: Of the switch.
        order: The group's endpoints, the primary first.
        wanted: The health checks that are to be.
        ids: Those of them that are there, by reference.
        there: The records of the switch's name and type that are there.

    Raises:
        ConfigurationError: A record in the place of the group's is somebody else's.
    """
    counted = {wish.tags[f"{PREFIX}endpoint"]: ids.get(wish.reference, wish.name) for wish in wanted if wish.children}
    replaced, made = _changed(there, records(config, order, counted))
    return Plan(replaced=replaced, records=made)


def ids_of(found: Sequence[Found]) -> Mapping[str, str]:
    """Return the ids of health checks by the references of their wishes."""
    return {reference: each.id for reference, each in _newest(found).items()}


def batch(done: Plan) -> list[ChangeTypeDef]:
    """Return the changes of a plan's records: all of them count, or none, and none if a record is another by then."""
    deletes: list[ChangeTypeDef] = [{"Action": "DELETE", "ResourceRecordSet": each} for each in done.replaced]
    creates: list[ChangeTypeDef] = [{"Action": "CREATE", "ResourceRecordSet": each} for each in done.records]
    return deletes + creates


def _changed(
    there: Sequence[ResourceRecordSetOutputTypeDef], wanted: Sequence[ResourceRecordSetTypeDef]
) -> tuple[tuple[ResourceRecordSetOutputTypeDef, ...], tuple[ResourceRecordSetTypeDef, ...]]:
    """Return the records that go and those that come: all or none, since those of one name must be of one kind."""
    names = {each.get("SetIdentifier") for each in wanted}
    for each in there:
        if each.get("SetIdentifier") not in names or "AliasTarget" in each:
            raise ConfigurationError(
                f"There is a record of {each['Name']} {each['Type']} that is not the switch's",
                hint="Remove it, or set another `name` in the group's `director`",
            )
    if sorted(_spelled(each) for each in there) == sorted(_spelled(each) for each in wanted):
        return (), ()
    return tuple(there), tuple(wanted)


def _counting(wanted: Sequence[Wish], new: Collection[str]) -> frozenset[str]:
    """Return the references of the counts that are new, or count anything that is."""
    counts = (wish for wish in wanted if wish.children)
    return frozenset(wish.reference for wish in counts if not {wish.reference, *wish.children}.isdisjoint(new))


def _differs(wish: Wish, found: Found, ids: Mapping[str, str]) -> bool:
    if any(found.config.get(field) != value for field, value in wish.config.items()):
        return True
    children = found.config.get("ChildHealthChecks")
    present = sorted(map(str, children)) if isinstance(children, list) else []
    return sorted(ids.get(child, "") for child in wish.children) != present


def _newest(found: Sequence[Found]) -> Mapping[str, Found]:
    return {each.wished: each for each in sorted(found, key=_number)}


def _number(found: Found) -> int:
    number = found.reference.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _spelled(record: Mapping[str, object]) -> str:
    return json.dumps(record, sort_keys=True)


def _words(wish: Wish) -> str:
    config = wish.config
    if wish.children:
        return f"passes when {config.get('HealthThreshold')} of {len(wish.children)} do"
    url = f"https://{config.get('FullyQualifiedDomainName')}{config.get('ResourcePath')}"
    return (
        f"looks for {config.get('SearchString')} in {url} every {config.get('RequestInterval')} s, "
        f"{config.get('FailureThreshold')} in a row count"
    )


def _record(record: ResourceRecordSetTypeDef | ResourceRecordSetOutputTypeDef) -> str:
    value = ", ".join(each["Value"] for each in record.get("ResourceRecords", []))
    kind = record.get("Failover") or f"weight {record.get('Weight')}"
    check = record.get("HealthCheckId", "no check")
    return f"{record['Name']} {record['Type']} {record.get('SetIdentifier')} -> {value} ({kind}, {check})"
