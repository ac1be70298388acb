"""Worlds whose rule is buffered: a timer at each site brings what was marked, among everything else that happens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random

from rigs.world import InlineExecutor
from simulation.plan import Plan, draw
from simulation.turns import SECOND
from simulation.world import World
from tradewind.errors import TradewindError
from tradewind.fleet import Buffered
from tradewind.replication.modes import marks
from tradewind.replication.modes.buffer import Buffer
from tradewind.replication.requests import encode


def draw_buffered(rng: Random) -> Plan:
    """Draw a world for the replication of single objects, and let its rule be buffered."""
    plan = draw(rng)
    delivery = Buffered(seconds=rng.choice((1, 5, 30)), count=rng.choice((2, 1000)))
    rule = plan.rule.model_copy(update={"delivery": delivery})
    return replace(plan, fleet=plan.fleet.model_copy(update={"rules": (rule,)}))


@dataclass(slots=True)
class BufferedWorld(World):
    """A world with timers, which ring when nothing else is to do, and now and then before."""

    def _turn(self, fate: float) -> None:
        if not self.healthy and self.rng.random() < 0.01:
            self._ring(self.rng.choice(list(self.sites)))
        World._turn(self, fate)  # a class with slots is made anew, so `super()` would not find it

    def _waits(self) -> bool:
        return World._waits(self) or any(self._marked(name) for name in self.sites)

    def _wait(self) -> None:
        marked = [name for name in self.sites if self._marked(name)]
        if marked and not World._waits(self):
            self.turns.clock.elapsed += 20 * SECOND
            self._lighten()
            for name in marked:
                self._ring(name)
        else:
            World._wait(self)

    def _marked(self, name: str) -> bool:
        keys = self.sites[name].control.keys()
        return any(key.startswith(f"tradewind/{marks.PREFIX}") for key in keys)

    def _ring(self, name: str) -> None:
        """Let a site's timer ring, whose function acts in turns like every other."""
        worker = self.turns.start(lambda: self._bring(name))
        self.turns.note("timer", name, who=f"w{worker.number}")

    def _bring(self, name: str) -> None:
        def ask(site: str, keys: Iterable[str]) -> None:
            for body in encode(site, keys, why="buffer"):
                self.sites[site].queue.send(body)

        clock = self.turns.clock.read
        buffer = Buffer(name, self._records[name], ask, InlineExecutor(), clock)
        try:
            buffer.flush(clock() + timedelta(days=1))
        except TradewindError as error:
            self.turns.note("gives up", name, answer=f"{type(error).__name__}: {error}")
