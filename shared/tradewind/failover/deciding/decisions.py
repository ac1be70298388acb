"""What can be decided about a group in a round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Keep:
    """Nothing moves."""

    reason: str


@dataclass(frozen=True, slots=True)
class FailOver:
    """Traffic leaves what is down."""

    weights: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class Shift:
    """The shares change."""

    weights: Mapping[str, int]
    reason: str


@dataclass(frozen=True, slots=True)
class Restore:
    """Traffic goes back to where it belongs, or a step further."""

    weights: Mapping[str, int]
    reason: str


Decision: TypeAlias = Keep | FailOver | Shift | Restore
