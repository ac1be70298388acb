"""What holds for all tests, and how they are shared out among processes."""

from __future__ import annotations

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says something about the machine, not about the code.
settings.register_profile("tradewind", deadline=None)
settings.load_profile("tradewind")


BESIDE = ("registers", "lambda_runtime", "sandbox", "faults")
"""Modules of the whole that bear being run beside the others: with what they start themselves, or a second sandbox."""


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # its author wrote no types
    """Gives one process most tests of the whole, which share a sandbox, and lets the others have every other test."""

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith("tests/e2e/"):
            return nodeid
        module = nodeid.partition("::")[0]
        beside = module.removeprefix("tests/e2e/test_").removesuffix(".py") in BESIDE
        return module if beside else "tests/e2e"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out."""
    return Shares(config, log)
