"""What holds for all tests, and how they are shared out among processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says something about the machine, not about the code.
settings.register_profile("tradewind", deadline=None)
settings.load_profile("tradewind")

WHOLE = Path(__file__).with_name("e2e")


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of the whole in one process, since they share one sandbox; they begin first, and last longest."""
    items.sort(key=lambda item: WHOLE not in item.path.parents)
    for item in items:
        if WHOLE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("sandbox"))
