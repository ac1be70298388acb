"""The health checks of a quorum switch: as they are to be, and as they are found.

Each endpoint has one for each object, which looks there for the endpoint's mark, and a calculated one that passes when
a majority of them does.
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/dns-failover-determining-health-of-endpoints.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

from tradewind.clouds.zones import full_name
from tradewind.fleet.directors import Switch
from tradewind.switch_text import mark

if TYPE_CHECKING:
    from mypy_boto3_route53.type_defs import HealthCheckConfigTypeDef, HealthCheckTypeDef

PREFIX = "tradewind-"
"""Begins the references of health checks, and their tags."""
MADE = f"{PREFIX}made"
"""The tag that says when a check was made, by Route 53's clock."""
SETTLING = timedelta(minutes=2)
"""For at least so long a check counts as one that has not looked often enough."""
_BEGINNING = timedelta(minutes=1)
"""Until all health checkers know of a check."""
_LOOK = timedelta(seconds=10)
"""More than a look takes at an object that is away: 4 s for the connection, 2 s for the head and for the body each."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A health check as it is to be."""

    reference: str
    """The same for the same wish; a number follows it, since that of a check that was deleted is never taken again."""
    config: HealthCheckConfigTypeDef
    """Without the children."""
    tags: Mapping[str, str]
    children: tuple[str, ...] = ()
    """The references of the checks that a calculated one counts."""

    @property
    def name(self) -> str:
        """What people call it."""
        return self.tags["Name"]

    def made(self, ids: Mapping[str, str]) -> HealthCheckConfigTypeDef:
        """Return what Route 53 is told.

        Args:
            ids: Of the checks that were made, by reference.
        """
        if not self.children:
            return self.config
        return {**self.config, "ChildHealthChecks": [ids[child] for child in self.children if child in ids]}


@dataclass(frozen=True, slots=True)
class Found:
    """A health check that is there."""

    id: str
    version: int
    reference: str
    config: Mapping[str, object]
    tags: Mapping[str, str]

    @property
    def wished(self) -> str:
        """The reference of the wish that it was made for."""
        return self.reference.rpartition("-")[0]

    @property
    def bare(self) -> bool:
        """Say whether an attempt broke off before it could say what this is, and so when it was made."""
        return f"{PREFIX}group" not in self.tags

    def is_new(self, now: datetime, settles: timedelta) -> bool:
        """Say whether it may not have looked often enough yet. What an earlier tradewind made bears no time.

        Args:
            now: By Route 53's clock.
            settles: How long a check is new.
        """
        return self.bare or (MADE in self.tags and now - datetime.fromisoformat(self.tags[MADE]) < settles)


def marks(group: str, config: Switch) -> Mapping[str, str]:
    """Return the tags that all health checks of a switch have."""
    record = f"{full_name(config.name)} {config.type}".replace("*", "_")  # which no tag may have
    return {f"{PREFIX}group": group, f"{PREFIX}record": record}


def settling(config: Switch) -> timedelta:
    """Return for how long a switch's check counts as one that has not looked often enough.

    The next look comes `check_seconds` after the answer to the one before, or after there was none.
    https://docs.aws.amazon.com/Route53/latest/APIReference/API_HealthCheckConfig.html
    """
    looks = (timedelta(seconds=config.check_seconds) + _LOOK) * config.check_looks
    return max(SETTLING, _BEGINNING + looks)


def wishes(group: str, config: Switch, order: Sequence[str]) -> Sequence[Wish]:
    """Return the health checks of a group, those that others count first.

    Args:
        group: The group's name.
        config: Its switch.
        order: Its endpoints, the primary first.
    """
    known = f"{config.zone} {full_name(config.name)} {config.type} {config.check_seconds}"
    made: list[Wish] = []
    for endpoint in order:
        tags = {**marks(group, config), f"{PREFIX}endpoint": endpoint}
        looks = [
            Wish(
                _reference(known, group, endpoint, site),
                {
                    "Type": "HTTPS_STR_MATCH",
                    "FullyQualifiedDomainName": place.host,
                    "Port": 443,
                    "ResourcePath": place.path,
                    "SearchString": mark(endpoint, on=True),
                    "RequestInterval": config.check_seconds,
                    "FailureThreshold": config.check_looks,
                    "EnableSNI": True,
                    "Inverted": False,
                    "Disabled": False,
                },
                {"Name": f"{group} {endpoint} at {site}", **tags, f"{PREFIX}object": site},
            )
            for site, place in config.objects.items()
        ]
        count: HealthCheckConfigTypeDef = {
            "Type": "CALCULATED",
            "HealthThreshold": len(looks) // 2 + 1,
            "Inverted": False,
            "Disabled": False,
        }
        children = tuple(look.reference for look in looks)
        made += [
            *looks,
            Wish(_reference(known, group, endpoint, ""), count, {"Name": f"{group} {endpoint}", **tags}, children),
        ]
    return made


def found_in(check: HealthCheckTypeDef, tags: Mapping[str, str]) -> Found:
    """Return a health check as Route 53 lists it."""
    return Found(
        check["Id"], check["HealthCheckVersion"], check["CallerReference"], {**check["HealthCheckConfig"]}, tags
    )


def _reference(*of: str) -> str:
    return f"{PREFIX}{sha256(json.dumps(of).encode()).hexdigest()[:32]}"
