"""What observers see of endpoints, as they tell each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Breaker(StrEnum):
    """Whether requests are let through to an endpoint."""

    CLOSED = "closed"
    """They are."""
    OPEN = "open"
    """They are not."""
    HALF_OPEN = "half_open"
    """It answers again: a few are."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One probe of the window."""

    good: bool
    seconds: float


@dataclass(frozen=True, slots=True)
class EndpointView:
    """How one observer sees one endpoint."""

    failing: int = 0
    """How many of its looks in a row, up to the last, failed."""
    passing: int = 0
    """How many of them were good."""
    slow: int = 0
    """How many of them were failed, or later than the endpoint's objective."""
    reason: str = ""
    """Why the last failed look failed; "" if none did yet."""
    load: float | None = None
    """Requests a second, as the endpoint said last."""
    breaker: Breaker = Breaker.CLOSED
    breaker_looks: int = 0
    """How many looks there were since the breaker became what it is."""
    samples: tuple[Sample, ...] = ()
    """The last looks, oldest first."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When an observer saw another's view go on, by its own clock: nothing is told by comparing two clocks."""

    round: int
    since: datetime
    """When this round was seen first."""
    moved: bool = False
    """Whether it was seen to go on at all; a view that was only ever found may be from long ago."""
    still: int = 0
    """How many looks of the observer itself it has stayed at this round; whatever a clock does, these are counted."""
    read: datetime | None = None
    """When it was read last, at this round; None: at `since`."""
    blind: int = 0
    """How many looks ago that was."""


@dataclass(frozen=True, slots=True)
class Known:
    """When an observer saw a group's routing change, by its own clock."""

    revision: int
    revision_since: datetime
    epoch: int
    epoch_since: datetime
    """When this epoch was first seen settled; when it was seen last, until it is."""
    settled: bool = False
    """Whether it was seen settled."""
    looks: int = 0
    """How many looks ago `epoch_since` was; a clock that is put forward does not hurry these."""


@dataclass(frozen=True, slots=True)
class View:
    """What one observer saw in its last round, and what it remembers for the next."""

    observer: str
    """Its site."""
    round: int
    """Counts its looks."""
    at: datetime
    """By its own clock, UTC; to be read by people."""
    endpoints: Mapping[str, EndpointView] = field(default_factory=dict)
    heard: Mapping[str, Heard] = field(default_factory=dict)
    """By observer."""
    known: Mapping[str, Known] = field(default_factory=dict)
    """By group."""


@dataclass(frozen=True, slots=True)
class Sights:
    """What can be judged from in one round."""

    observers: tuple[str, ...]
    """All that there are; a majority is one of these."""
    views: Mapping[str, View]
    """The fresh ones, by observer."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why a view does not count, by observer."""
