"""The bugs that are planted: each fits the source as it is now."""

from __future__ import annotations

import pytest

from simulation.plant import PLANTS, ROOT
from simulation.suites import SUITES


@pytest.mark.parametrize("name", sorted(PLANTS))
def test_a_bug_can_be_planted(name: str) -> None:
    """What it takes away is in the source once; whether the simulation finds it is for `make simulate PLANT=`."""
    bug = PLANTS[name]

    found = [(ROOT / "shared" / "tradewind" / edit.file).read_text().count(edit.old) for edit in bug.edits]

    assert found == [1] * len(bug.edits)
    assert bug.suite in SUITES
