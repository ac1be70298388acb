"""A runtime over the memory stores of a `World`, for commands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rigs.world import JURISDICTIONS, World
from tradewind.cli.app import app
from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str


@dataclass(frozen=True, slots=True)
class MemoryCommandLine:
    """Runs commands over the stores of a world, and queues and records in memory."""

    world: World
    runtime: Runtime

    def __call__(self, *arguments: str) -> Ended:
        """Run `tradewind` with these arguments; an error is raised as it came."""
        result = CliRunner().invoke(app, arguments, catch_exceptions=False, env={"COLUMNS": "300"})
        return Ended(result.exit_code, result.output)

    def queue(self, site: str, which: str = "dead_letters") -> MemoryQueue:
        """Return a queue of a site."""
        queue = self.runtime.queue(site, which)
        assert isinstance(queue, MemoryQueue)
        return queue


@contextmanager
def memory_command_line(world: World, patch: pytest.MonkeyPatch) -> Iterator[MemoryCommandLine]:
    """Let the commands find the world's fleet, whatever file they are given."""
    runtime = Runtime(world.fleet, Path())
    for site in JURISDICTIONS:
        runtime._opened["store", site] = world.stores[site]
        runtime._opened["records", site] = world.records[site]
        for which in ("notifications", "dead_letters"):
            runtime._opened["queue", site, which] = MemoryQueue()
    patch.setattr("tradewind.cli.context.read_fleet", lambda _: runtime)
    yield MemoryCommandLine(world, runtime)
    runtime.executor.shutdown()
