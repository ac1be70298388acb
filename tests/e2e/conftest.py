"""One sandbox for all tests of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rigs.acceptance import RULES
from tradewind_sandbox.supervisor import Sandbox


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let timers sweep before much is there: a first sweep compares all that its site got from any test."""
    items.sort(key=lambda item: item.path.name != "test_sweep.py")


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """Three clouds on this machine, with everything running, and with rules for the acceptance tests."""
    made = Sandbox(tmp_path_factory.mktemp("sandbox"), serving=False)
    (made.state / "rules.yaml").write_text(yaml.safe_dump(RULES))
    made.up()
    yield made
    made.down()


@pytest.fixture
def whole(sandbox: Sandbox) -> Iterator[Sandbox]:
    """The sandbox with every part running before the test, and again after it."""
    sandbox.up()
    sandbox.wait_until_idle()
    yield sandbox
    sandbox.up()


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """An empty folder for files to upload."""
    folder = tmp_path / "files"
    folder.mkdir()
    return folder
