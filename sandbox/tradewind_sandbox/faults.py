"""Making something wrong in a running sandbox, and right again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tradewind_sandbox import disturbances
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.fault import Fault, parse

if TYPE_CHECKING:
    from tradewind_sandbox.supervisor import Sandbox


class Faults:
    """The faults of one sandbox. They are written down first, so that one that was half injected can be lifted.

    Args:
        sandbox: The sandbox; it runs.
    """

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def active(self) -> Sequence[Fault]:
        """Return what is wrong now, in the order in which it was injected."""
        return disturbances.read(self._sandbox.state)

    def inject(self, text: str) -> Fault:
        """Make something wrong; no error if it is already. See `tradewind_sandbox.fault` for what can be.

        Raises:
            SandboxError: It is no fault, or of a part that this sandbox does not have; nothing was done.
        """
        fault = parse(text)
        self._check(fault)
        others = [each for each in self.active() if each.about != fault.about]
        disturbances.write(self._sandbox.state, [*others, fault])
        self._sandbox.kill(*fault.stopped)
        self._sandbox.hold(*fault.frozen)
        self._sandbox.restart(*fault.shifted)
        return fault

    def lift(self, text: str) -> Fault:
        """Make it right again, and return when what was stopped answers; no error if it was not wrong.

        The amount may be left out, as in `slow:model-aws`.

        Raises:
            SandboxError: It is no fault, or a part did not start again; with the end of its log.
        """
        fault = parse(text, amount=False)
        others = [each for each in self.active() if each.about != fault.about]
        disturbances.write(self._sandbox.state, others)
        still = {part for each in others for part in (*each.stopped, *each.frozen)}
        self._sandbox.resume(*(part for part in fault.frozen if part not in still))
        self._sandbox.start(*(part for part in fault.stopped if part not in still))
        self._sandbox.restart(*(part for part in fault.shifted if part not in still))
        return fault

    def lift_all(self) -> None:
        """Make everything right again."""
        for fault in reversed(self.active()):
            self.lift(str(fault))

    def _check(self, fault: Fault) -> None:
        """Refuse what this sandbox does not have, before anything is done."""
        served = self._sandbox.settings.serving
        if not served and (fault.kind in ("slow", "errors", "blackhole") or "model" in fault.subject):
            raise SandboxError(f"{fault}: this sandbox serves no models", hint="Start it without --no-serving")
