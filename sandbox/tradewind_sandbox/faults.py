"""Making something wrong in a running sandbox, and right again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from tradewind_sandbox import disturbances
from tradewind_sandbox.errors import SandboxError
from tradewind_sandbox.fault import SERVING, Fault, parse

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
        """Return what is wrong now, in the order in which it was injected.

        What was stopped by a fault and started by hand since is not wrong any more.
        """
        running = {part.name: part.running for part in self._sandbox.status()}
        found = disturbances.read(self._sandbox.state)
        return [each for each in found if not each.stopped or not all(running.get(part, True) for part in each.stopped)]

    def inject(self, text: str) -> Fault:
        """Make something wrong; no error if it is already. See `tradewind_sandbox.fault` for what can be.

        Raises:
            SandboxError: It is no fault, or of a part that this sandbox does not have; nothing was done.
        """
        fault = parse(text)
        if fault.kind in SERVING and not self._sandbox.settings.serving:
            raise SandboxError(f"{fault}: this sandbox serves no models", hint="Start it without --no-serving")
        stopped, frozen = self._present(fault, fault.stopped), self._present(fault, fault.frozen)
        self._note(fault, add=True)
        self._sandbox.kill(*stopped)
        self._sandbox.hold(*frozen)
        self._sandbox.restart(*self._present(fault, fault.shifted))
        return fault

    def lift(self, text: str) -> Fault:
        """Make it right again, and return when what was stopped answers; no error if it was not wrong.

        The amount may be left out, as in `slow:model-aws`.

        Raises:
            SandboxError: It is no fault, or a part did not start again; with the end of its log.
        """
        fault = parse(text, amount=False)
        others = self._note(fault, add=False)
        still = {part for each in others for part in (*each.stopped, *each.frozen)}
        self._sandbox.resume(*self._present(fault, fault.frozen, without=still))
        self._sandbox.start(*self._present(fault, fault.stopped, without=still))
        self._sandbox.restart(*self._present(fault, fault.shifted, without=still))
        return fault

    def lift_all(self) -> None:
        """Make everything right again."""
        for fault in reversed(disturbances.read(self._sandbox.state)):
            self.lift(str(fault))

    def _note(self, fault: Fault, *, add: bool) -> Sequence[Fault]:
        """Write down that something is wrong, or not any more, and return what else is."""
        with self._sandbox.alone():
            others = [each for each in disturbances.read(self._sandbox.state) if each.about != fault.about]
            disturbances.write(self._sandbox.state, [*others, fault] if add else others)
        return others

    def _present(self, fault: Fault, parts: Sequence[str], *, without: Iterable[str] = ()) -> Sequence[str]:
        """Return the parts that this sandbox has: one that serves nothing has fewer.

        Raises:
            SandboxError: It has none of them.
        """
        known = {part.name for part in self._sandbox.status()}
        if parts and not known.intersection(parts):
            raise SandboxError(
                f"{fault}: this sandbox has no {', '.join(parts)}", hint="See `tradewind sandbox status`"
            )
        return [part for part in parts if part in known and part not in without]
