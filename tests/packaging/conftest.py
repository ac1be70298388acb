"""Each cloud's bundle, deployed once for all tests."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import pytest

from rigs.staging import Deployed, environment, stage, this_machine


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Deployed]:
    """Deploy a cloud's bundle, once."""

    @cache
    def deploy(cloud: str) -> Deployed:
        folder = tmp_path_factory.mktemp(cloud)
        bundle = stage(cloud, folder, **(this_machine() if cloud == "aws" else {}))
        python = environment(folder / "venv", None if cloud == "aws" else bundle / "requirements.txt")
        if cloud == "aws":
            return Deployed(bundle / "functions" / "aws", "replicate", python, bundle / "shared" / "python")
        return Deployed(bundle, {"gcp": "main", "azure": "function_app"}[cloud], python, None)

    return deploy
