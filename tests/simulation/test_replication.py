"""The simulation of replication: a few hundred worlds; `make simulate` runs as many as there is time for."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulation.suites import SUITES

TESTS = Path(__file__).parents[1]
SEEDS = {"buffered": 100, "guarded": 60, "replication": 400, "sets": 100}


@pytest.fixture(autouse=True)
def _silent() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("suite", sorted(SEEDS))
def test_every_world_keeps_the_promises(suite: str) -> None:
    """Whatever happens, the sites come to rest and every property holds."""
    failed = [result for result in map(SUITES[suite], range(SEEDS[suite])) if result.failures]

    assert not failed, "\n".join(
        f"make simulate SUITE={suite} SEED={result.seed} # {result.failures[0]}" for result in failed
    )


def test_guards_shut_and_sweeps_mend() -> None:
    """The worlds are such that delete guards shut, and that sweeps find something to ask for."""
    schedules = {suite: [SUITES[suite](seed).schedule for seed in range(50)] for suite in ("guarded", "replication")}

    assert any(line.what == "a person lets everything go" for lines in schedules["guarded"] for line in lines)
    answers = [line.answer for lines in schedules["replication"] for line in lines if line.what == "is completed"]
    assert any(not answer.startswith("0 of") for answer in answers)


@pytest.mark.parametrize("suite", sorted(SEEDS))
def test_a_seed_is_a_world(suite: str) -> None:
    """The same seed makes the same things happen in the same order, whatever the process."""
    code = f"from simulation.suites import SUITES; print(*SUITES[{suite!r}](7).schedule)"

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
