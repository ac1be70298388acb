"""The command line, run in this process as its console script runs it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tradewind.cli import app


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """Runs `tradewind`.

    Args:
        fleet: The fleet file, unless another is given.
        patch: Undone after the test.
        read: Returns what was written to both streams since it was called last.
    """

    fleet: Path
    patch: pytest.MonkeyPatch
    read: Callable[[], tuple[str, str]]

    def __call__(self, *arguments: str, fleet: Path | None = None) -> Said:
        """Run it with these arguments."""
        self.patch.setenv("COLUMNS", "500")
        self.patch.setenv("TRADEWIND_FLEET", str(fleet or self.fleet))
        self.patch.setattr("sys.argv", ["tradewind", *arguments])
        self.read()
        with pytest.raises(SystemExit) as ended:
            app.run()
        return Said(int(ended.value.code or 0), *self.read())
