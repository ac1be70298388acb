"""Commands about groups, over the memory of an `Observatory`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rigs.observers import GROUP, Observatory
from tradewind.cli.app import app
from tradewind.runtime import Runtime


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class GroupsCommandLine:
    """Runs commands over the stores and the director of an observatory, by its clock."""

    sky: Observatory
    runtime: Runtime

    def __call__(self, *arguments: str, typed: str = "") -> Ended:
        """Run `tradewind` with these arguments, with something typed; an error is raised as it came."""
        result = CliRunner().invoke(
            app, arguments, input=typed, catch_exceptions=False, env={"COLUMNS": "300", "USER": "ann", "LOGNAME": "ann"}
        )
        return Ended(result.exit_code, result.stdout, result.stderr)


@contextmanager
def groups_command_line(sky: Observatory, patch: pytest.MonkeyPatch) -> Iterator[GroupsCommandLine]:
    """Let the commands find the observatory's fleet, whatever file they are given."""
    runtime = Runtime(sky.fleet, Path())
    for site, records in sky._records("").items():
        runtime._opened["records", site] = records
    runtime.failover._directors[GROUP] = sky.director
    patch.setattr("tradewind.cli.context.read_fleet", lambda _: runtime)
    patch.setattr("tradewind.runtime.failover._now", lambda: sky.now)
    yield GroupsCommandLine(sky, runtime)
    runtime.executor.shutdown()
    runtime.failover.executor.shutdown()
