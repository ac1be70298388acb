"""What holds for all tests, and how they are shared out among processes."""

from __future__ import annotations

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says something about the machine, not about the code.
settings.register_profile("tradewind", deadline=None)
settings.load_profile("tradewind")


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # its author wrote no types
    """Gives one process the tests of the whole, which share a sandbox, and lets the others have every other test."""

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out."""
    return Shares(config, log)
