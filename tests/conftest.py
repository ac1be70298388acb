"""What holds for all tests, and how they are shared out among processes."""

from __future__ import annotations

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

# How long an example takes says something about the machine, not about the code.
settings.register_profile("tradewind", deadline=None)
settings.load_profile("tradewind")


OWN = ("registers", "lambda_runtime", "sandbox")
"""Modules of the whole that start what they need themselves, and bear being run beside the others."""


class Shares(LoadScopeScheduling):  # type: ignore[misc]  # its author wrote no types
    """Gives one process the tests of the whole, which share a sandbox, and lets the others have every other test.

    Those that say how soon traffic moves are among the former, so that what runs beside them is no second sandbox.
    """

    def _split_scope(self, nodeid: str) -> str:
        if not nodeid.startswith("tests/e2e/"):
            return nodeid
        module = nodeid.partition("::")[0]
        own = module.removeprefix("tests/e2e/test_").removesuffix(".py") in OWN
        return module if own else "tests/e2e"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Shares:
    """Share the tests out."""
    return Shares(config, log)
