"""Users who act at the worst of moments: while a worker has confirmed the source and is about to join the parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from simulation.plan import Plan
from simulation.turns import Line, Worker
from tradewind.replication.parts import jobs


@dataclass(slots=True)
class Malice:
    """Recognises the moment by what workers do, and lets the worker hang there.

    Args:
        rng: Decides for how long.
        plan: Says whether there is any malice in the world.
    """

    rng: Random
    plan: Plan
    tempted: bool = False
    """The moment has come."""
    _claimed: set[int] = field(default_factory=set)
    """Numbers of the workers that are about to confirm the source, as their next call."""

    def watch(self, worker: Worker, line: Line) -> None:
        """Take note of what a worker has just done."""
        if not self.plan.malice or line.who != f"w{worker.number}":
            return
        if line.what.startswith("put if") and jobs.PREFIX in line.key:
            self._claimed.add(worker.number)
        elif worker.number in self._claimed:
            self._claimed.discard(worker.number)
            if line.what == "head":
                worker.asleep = self.rng.randrange(3, self.plan.nap)
                self.tempted = True
