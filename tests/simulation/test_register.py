"""The simulation of registers: a few hundred worlds; `make simulate SUITE=register` runs as many as there is time."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulation.processes import Schedule
from simulation.suites import SUITES

TESTS = Path(__file__).parents[1]
SEEDS = {"register": 300}


@pytest.mark.parametrize("suite", sorted(SEEDS))
def test_every_world_keeps_the_promises(suite: str) -> None:
    """Whatever happens to control stores and to those who ask them, there is one history, and it goes on in the end."""
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
