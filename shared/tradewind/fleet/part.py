"""What every part of the fleet file has in common."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BaseModel, ConfigDict, StringConstraints

Name: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
"""Lower-case letters, digits and hyphens; used in metadata, metrics and paths."""
Jurisdiction: TypeAlias = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")]
"""Whose law applies: `EU`, or an ISO 3166 code such as `US`, `CH`, `US-CA`."""


class Part(BaseModel):
    """A part of the fleet file: what it does not name is an error, and nothing changes once it is read."""

    # Deferred, each part is built once, within the whole, and not by itself before: a function starts sooner.
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)
