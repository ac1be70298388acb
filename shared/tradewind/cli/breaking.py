"""What a drill breaks: parts of a sandbox, or what a person breaks when told to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from tradewind.errors import ConfigurationError
from tradewind.failover.drills.conduct import Fault

if TYPE_CHECKING:
    from tradewind_sandbox.fault import Fault as SandboxFault
    from tradewind_sandbox.supervisor import Sandbox

NONE = "none"
"""The fault that somebody else makes."""


@dataclass(frozen=True, slots=True)
class ByHand:
    """A fault that a person makes, and mends."""

    say: Callable[[str], None]

    def inject(self) -> None:
        """Ask for it."""
        self.say("break it NOW; the clock runs")

    def lift(self) -> None:
        """Ask for it to be mended."""
        self.say("mend it now")


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault of the sandbox."""

    sandbox: Sandbox
    fault: str

    def inject(self) -> None:
        """Break it."""
        self.sandbox.faults.inject(self.fault)

    def lift(self) -> None:
        """Mend it."""
        self.sandbox.faults.lift(self.fault)


@dataclass(frozen=True, slots=True)
class Several:
    """Faults that are there together."""

    faults: Sequence[Fault]

    def inject(self) -> None:
        """Break one after the other."""
        for fault in self.faults:
            fault.inject()

    def lift(self) -> None:
        """Mend all, the last first."""
        for fault in reversed(self.faults):
            fault.lift()


def open_sandbox(state: Path) -> Sandbox | None:
    """Return the sandbox that runs in a folder; None if none does, or none is installed."""
    if not (find_spec("tradewind_sandbox") and find_spec("moto")):
        return None
    from tradewind_sandbox.supervisor import Sandbox  # noqa: PLC0415 - only where it is installed

    sandbox = Sandbox(state)
    return sandbox if sandbox.running else None


def parse_fault(name: str) -> SandboxFault:
    """Read a fault of the sandbox.

    Raises:
        ConfigurationError: It is none; a drill that never began must not look like one that failed.
    """
    from tradewind_sandbox.errors import SandboxError  # noqa: PLC0415 - only where it is installed
    from tradewind_sandbox.fault import parse  # noqa: PLC0415 - likewise

    try:
        return parse(name)
    except SandboxError as error:
        raise ConfigurationError(error.message, hint=error.hint) from error
