"""What is recorded while a drill runs. Every time is in seconds since its beginning, by the drill's own clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from tradewind.failover.routing import Routing
from tradewind.ports.traffic import Traffic


class Moment(StrEnum):
    """What happens once in a drill."""

    FAULT = "fault"
    """The fault begins to be made."""
    BROKEN = "broken"
    """All of it is made."""
    LIFTED = "lifted"
    """What was broken begins to be mended."""
    ASKED = "restore asked"
    """Somebody asked for the traffic to go back."""
    RESTORED = "restored"
    """It is back, and settled."""
    END = "end"
    """No request was sent after this."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request of the load."""

    start: float
    """When it was due; what made it late is part of what a user waits for."""
    end: float
    reason: str = ""
    """Why it is lost, in words; "" if it was answered as it should."""
    endpoint: str = ""
    """Who answered, as the answer's headers say; "" if they do not."""
    epoch: int | None = None
    """By which epoch it was sent there, likewise."""

    @property
    def good(self) -> bool:
        """Say whether it was answered as it should."""
        return not self.reason


@dataclass(frozen=True, slots=True)
class Look:
    """What the group's register held."""

    at: float
    routing: Routing


@dataclass(frozen=True, slots=True)
class Shown:
    """What the director showed."""

    at: float
    traffic: Traffic


@dataclass(frozen=True, slots=True)
class Rounds:
    """How often each observer had looked."""

    at: float
    rounds: dict[str, int]


@dataclass(frozen=True, slots=True)
class Artifact:
    """An object that the drill uploaded at the site that will be lost."""

    key: str
    size: int
    crc32c: int
    at: float = 0.0
    """When the store had acknowledged it."""
    proven_at: tuple[str, ...] = ()
    """Other sites that were found to hold these bytes."""


@dataclass(slots=True)
class Timeline:
    """A drill's records, each in the order of its times. Threads append; nobody takes anything out."""

    requests: list[Request] = field(default_factory=list)
    """In the order in which they ended."""
    looks: list[Look] = field(default_factory=list)
    shown: list[Shown] = field(default_factory=list)
    rounds: list[Rounds] = field(default_factory=list)
    moments: dict[Moment, float] = field(default_factory=dict)
    unanswered: dict[str, str] = field(default_factory=dict)
    """What could not be asked, and why it could not the last time."""
