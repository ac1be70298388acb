"""The simulations of registers and of failover: some worlds; `make simulate` runs as many as there is time for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.processes import Schedule
from simulation.suites import SUITES

TESTS = Path(__file__).parents[1]
SEEDS = {"register": 300, "failover": 120}


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("suite", sorted(SEEDS))
def test_every_world_keeps_the_promises(suite: str) -> None:
    """Whatever happens to control stores, observers and endpoints, every property holds, and all goes on in the end."""
    failed = [result for result in map(SUITES[suite], range(SEEDS[suite])) if result.failures]

    assert not failed, "\n".join(
        f"make simulate SUITE={suite} SEED={result.seed} # {result.failures[0]}" for result in failed
    )


def test_everything_happens_to_registers() -> None:
    """The worlds are such that all that is simulated comes about, and all outcomes are heard."""
    lines = [line for seed in range(120) for line in SUITES["register"](seed).schedule]

    happened = {line.what for line in lines}
    assert happened >= {"crashes", "is away", "loses all", "has replaced", "cannot replace", "cannot make"}
    assert {"never arrives", "is not answered", "resent", "condition failed"} <= {line.answer for line in lines}
    heard = {line.answer.split()[0].strip(":,") for line in lines if line.what == "is told"}
    assert heard == {"Done", "Unchanged", "Indeterminate", "NoMajority"}


def test_everything_happens_to_observers() -> None:
    """The worlds are such that all that is simulated comes about, and every decision is taken."""
    lines = [line for seed in range(150) for line in SUITES["failover"](seed).schedule]

    happened = {line.what for line in lines}
    assert happened >= {"crashes", "falls", "is cut off", "is away", "is not run", "clock jumps", "move", "freeze"}
    assert happened >= {"is lost", "can be read only", "can be written", "force"}
    assert {"is refused", "is stopped", "resent", "is overdue"} <= {
        line.answer for line in lines if line.site == "director"
    }
    assert {"director"} < {line.site for line in lines if line.what == "can be read only"}
    assert any(line.site == "pager" and line.answer == "does not answer" for line in lines)
    decided = {line.answer.partition("(")[0] for line in lines if line.what == "looks"}
    assert decided >= {"Keep", "FailOver", "Shift", "Restore"}
    assert any(line.what == "publish" and line.answer == "refused" for line in lines)


@pytest.mark.parametrize("suite", sorted(SEEDS))
def test_a_seed_is_a_world(suite: str) -> None:
    """The same seed makes the same things happen in the same order, whatever the process."""
    schedules = f"*SUITES[{suite!r}](seed).schedule"
    code = f"from simulation.suites import SUITES\nfor seed in range(9): print({schedules})"

    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONPATH": str(TESTS), "PYTHONHASHSEED": hashes},
            capture_output=True,
            check=True,
        ).stdout
        for hashes in ("1", "2")
    }

    assert len(told) == 1
    assert len(told.pop()) > 1000


def test_a_schedule_is_a_sequence() -> None:
    """What happened is put into words when it is read, as a whole or in part."""
    schedule = Schedule(((0, "c0", "reads", "a", "key", 7), (1, "c1", "reads", "b", "key", 8)))

    assert [line.answer for line in schedule] == ["7", "8"]
    assert [line.who for line in schedule[1:]] == ["c1"]
