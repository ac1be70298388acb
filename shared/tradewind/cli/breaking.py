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
FLEET = "tradewind.yaml"
"""What a sandbox calls its fleet file."""


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
    sandbox = _installed(state)
    return sandbox if sandbox is not None and sandbox.running else None


def demand_sandbox(state: Path, fleet: str | None, faults: Sequence[str]) -> None:
    """Say that no sandbox runs in a folder, if a drill needs one: it is to be broken, or the fleet file is of one.

    A drill that went on would ask control stores that are not there, and list how each of them refuses.

    Args:
        state: The folder in which none runs.
        fleet: Where the fleet file is, if that is known.
        faults: What the drill is to break.

    Raises:
        ConfigurationError: The drill needs one; with the command that starts it.
    """
    theirs = _installed(Path(fleet).parent) if fleet is not None and Path(fleet).name == FLEET else None
    if theirs is not None and theirs.status() and not theirs.running:
        raise ConfigurationError(
            f"The sandbox in {theirs.state}, whose fleet file this is, does not run",
            hint=f"Start it: {theirs.start_command}",
        )
    if set(faults) == {NONE}:
        return
    mine = _installed(state)
    start = f"Start it: {mine.start_command}; of" if mine is not None else "Of"
    raise ConfigurationError(
        f"No sandbox runs in {state} that could be broken",
        hint=f"{start} one that is elsewhere: --state FOLDER; on a fleet of your own: --fault none, and break it "
        "yourself when you are told to",
    )


def _installed(state: Path) -> Sandbox | None:
    """Return the sandbox of a folder, running or not; None if none is installed."""
    if not (find_spec("tradewind_sandbox") and find_spec("moto")):
        return None
    from tradewind_sandbox.supervisor import Sandbox  # noqa: PLC0415 - only where it is installed

    return Sandbox(state)


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
