"""Persons who move a group's traffic, freeze it, or force its zone, beside the observers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from simulation.landscape import Clock
from simulation.processes import Processes
from simulation.scenes import ENDPOINTS, GROUP, Scene, fleet_of
from tradewind.failover.moving.manual import Hand
from tradewind.registers.outcomes import Indeterminate, Outcome, Reading
from tradewind.registers.register import Register

WHO = "somebody"


@dataclass(frozen=True, slots=True)
class Persons:
    """All of them.

    Args:
        open_register: Opens the group's register anew.
        clock: Theirs.
    """

    scene: Scene
    rng: Random
    processes: Processes
    open_register: Callable[[], Register]
    clock: Clock

    def wish(self, name: str) -> Callable[[], None]:
        """Return what a person does next, and does again while it is not known what came of it.

        Args:
            name: Of the wish; the same for each try.
        """
        hand = self._hand()
        wishes = ("move", "move", "freeze", "thaw", *(("force", "force") if self.scene.careful else ()))
        wish, target = self.rng.choice(wishes), self.rng.choice(list(ENDPOINTS))

        def tried(since: int | None, epoch: int) -> Outcome:
            match wish:
                case "move":
                    return hand.move({target: 100}, who=WHO, why="to see", id=name, since=since)
                case "freeze":
                    return hand.freeze(who=WHO, why="to see", id=name)
                case "force":
                    return hand.force(epoch, who=WHO, why="to see", id=name)
            return hand.thaw(who=WHO, why="to see", id=name)

        def act() -> None:
            since: int | None = None
            epoch = self._present(hand.register) if self.scene.careful else 0
            for _ in range(3):
                outcome = tried(since, epoch)
                self.processes.note(wish, answer=type(outcome).__name__)
                if not isinstance(outcome, Indeterminate):
                    return
                since = outcome.seen

        return act

    def thaw(self) -> None:
        """Let the observers move traffic again, if they may not."""
        hand = self._hand()
        reading = hand.register.read()
        if isinstance(reading, Reading) and reading.value and reading.value["frozen"]:
            hand.thaw(who=WHO, why="it is over", id="thaw")

    def force(self) -> None:
        """Force whatever a careful director holds back."""
        hand = self._hand()
        if epoch := self._present(hand.register):
            hand.force(epoch, who=WHO, why="it is meant", id=f"force-{epoch}-{self.processes.elapsed}")

    def _hand(self) -> Hand:
        return Hand(fleet_of(self.scene.policy).groups[GROUP], self.open_register(), self.clock.read)

    def _present(self, register: Register) -> int:
        """Return the epoch that a person sees; 0: none."""
        reading = register.read()
        return int(reading.value["epoch"]) if isinstance(reading, Reading) and reading.value else 0
