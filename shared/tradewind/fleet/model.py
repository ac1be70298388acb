"""The fleet file as data. Every field's meaning and every allowed value is stated here, in `sites` and in `rules`."""

from __future__ import annotations

from functools import cached_property
from typing import Literal

from pydantic import Field

from tradewind.fleet.endpoints import Endpoint
from tradewind.fleet.groups import Control, Group
from tradewind.fleet.part import Jurisdiction, Name, Part
from tradewind.fleet.rules import Rule
from tradewind.fleet.sites import Site


class Classification(Part):
    """A class of data, and where it may be."""

    jurisdictions: Literal["any"] | tuple[Jurisdiction, ...]
    """Jurisdictions in which data of this class may be stored, or `any`."""

    def allows(self, jurisdiction: str) -> bool:
        """Say whether data of this class may be under the law of `jurisdiction`."""
        return self.jurisdictions == "any" or jurisdiction in self.jurisdictions


class LargeObjects(Part):
    """How large objects are cut into parts, each of which is copied by whichever function comes to it."""

    above_mebibytes: int = Field(default=64, ge=5, le=64)
    """Larger objects go in parts; a function holds any other in memory."""
    mebibytes: int = Field(default=64, ge=5, le=1024)
    """Of a part. Smaller ones waste time on requests, larger ones lose more when a function dies; where a target takes
    only so many parts, those of a very large object are larger."""


class Fleet(Part):
    """Everything that one fleet file describes."""

    version: Literal[1]
    """Of this format."""
    sites: dict[Name, Site] = Field(min_length=1)
    classifications: dict[Name, Classification] = Field(min_length=1)
    rules: tuple[Rule, ...] = ()
    """For each key and target the first rule that matches decides."""
    control: Control | None = None
    """Which sites agree about traffic; needed where there are groups."""
    endpoints: dict[Name, Endpoint] = Field(default_factory=dict)
    """What answers inference requests."""
    groups: dict[Name, Group] = Field(default_factory=dict)
    """Endpoints that stand for each other."""
    parts: LargeObjects = LargeObjects()
    """How large objects are cut."""
    time_limit_seconds: int = Field(default=900, ge=1)
    """No function of the fleet runs longer than this; what one of them left half done, another takes over after it."""

    @cached_property
    def _by_address(self) -> dict[tuple[str, str], str]:
        return {(site.cloud, site.address): name for name, site in self.sites.items()}

    def site_at(self, cloud: str, address: str) -> str | None:
        """Return the name of the site that is this bucket or container, or None if it is not in the fleet."""
        return self._by_address.get((cloud, address))
