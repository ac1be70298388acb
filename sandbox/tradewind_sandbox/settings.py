"""What a sandbox is started with, remembered in its state folder."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from tradewind_sandbox.errors import SandboxError

TICK = 5.0
"""Seconds between two rings, unless told otherwise: an idle sandbox stays cheap."""
BY_HAND = 1.0
"""Seconds that functions are told when timers ring by hand only; then nobody waits for them."""
SHORTEST = 0.5


@dataclass(frozen=True, slots=True)
class Settings:
    """Which parts there are, and how often the timers ring."""

    serving: bool = True
    """With model servers, the front before them, and the timers that look after them."""
    tick: float = TICK
    """Seconds between two rings of each timer; 0: they ring by hand only."""

    def __post_init__(self) -> None:
        if self.tick != 0 and not SHORTEST <= self.tick <= 60:  # noqa: PLR2004 - the clouds' timers ring every minute
            raise SandboxError(
                f"The timers cannot ring every {self.tick:g} s", hint=f"Give 0, or between {SHORTEST:g} and 60 seconds"
            )

    @property
    def every_seconds(self) -> float:
        """What the fleet file and the functions are told of the tick."""
        return self.tick or BY_HAND

    def wished(self, *, serving: bool | None, tick: float | None) -> Settings:
        """Return these settings with what somebody wishes otherwise; None is no wish."""
        return replace(
            self, serving=self.serving if serving is None else serving, tick=self.tick if tick is None else tick
        )

    @classmethod
    def load(cls, path: Path) -> Settings | None:
        """Return what a state folder remembers; None if it remembers nothing, or what another version wrote."""
        with suppress(FileNotFoundError, ValueError, TypeError):
            return cls(**json.loads(path.read_text()))
        return None

    def save(self, path: Path) -> None:
        """Remember the settings."""
        path.write_text(json.dumps(asdict(self)) + "\n")
