"""Sweeps as workers of a world: the real sweeper, a step at a time, killed and taken over like everything else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from simulation.core import Supplies, orphans_of, sweeper_of
from simulation.plan import TIME_LIMIT
from tradewind.errors import TradewindError
from tradewind.replication.sweeping.progress import Completed
from tradewind.replication.sweeping.sweep import Budget, State

ALL = 1000
"""More keys than any world has."""


@dataclass(slots=True)
class Sweeps:
    """The sweeps of a world's one rule, by its timer and by people who do not wait for it.

    Args:
        supplies: What the sweeper works with.
        rng: Decides how much a step may do, and who makes it.
    """

    supplies: Supplies
    rng: Random
    completed: Completed | None = None
    """The last sweep that reached the end."""
    _state: State | None = None
    """How the last step ended; None if it failed."""

    def start(self) -> None:
        """Start a worker that does some of the sweep."""
        at_once, trusting = self.rng.random() < 0.5, self.rng.random() < 0.2
        keys = self.rng.choice((1, 3, ALL))
        holder = f"w{self.supplies.turns.started + 1}"
        self._state = None
        self.supplies.turns.start(lambda: self._step(holder, keys, at_once=at_once, trusting=trusting))

    def tidy(self) -> None:
        """Start a worker that ends the uploads that were left."""
        self.supplies.turns.start(self._tidy)

    def _tidy(self) -> None:
        turns = self.supplies.turns
        try:
            turns.note("has tidied", answer=f"{orphans_of(self.supplies).tidy()} uploads ended")
        except TradewindError as error:
            turns.note("gives up", answer=f"{type(error).__name__}: {error}")

    def _step(self, holder: str, keys: int, *, at_once: bool, trusting: bool) -> None:
        rule, turns = self.supplies.fleet.rules[0], self.supplies.turns
        turns.note("sweeps", answer=f"{keys} keys{', at once' if at_once else ''}{', trusting' if trusting else ''}")
        budget = Budget(keys, self.supplies.clock() + timedelta(seconds=TIME_LIMIT))
        try:
            step = sweeper_of(self.supplies, holder, trusting=trusting).step(rule, budget, at_once=at_once)
        except TradewindError as error:
            turns.note("gives up", answer=f"{type(error).__name__}: {error}")
            return
        self._state = step.state
        if step.state is State.COMPLETED:
            self.completed = step.completed
        turns.note(f"is {step.state}", answer=f"{step.asked} of {step.keys} keys asked for")

    def completed_since(self, time: datetime) -> bool:
        """Say whether a sweep that began at `time` or later has reached the end."""
        return self.completed is not None and self.completed.started >= time

    def until_next(self) -> int:
        """Return the seconds until another step makes sense, after how the last one ended."""
        if self._state is State.IDLE:
            return self.supplies.fleet.rules[0].sweep.every_minutes * 60
        return TIME_LIMIT if self._state is State.BUSY else 0
