"""What the contract suites run against: each emulator is started once per session, when a test first asks for it."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from rigs.stores import Rig, azure_rig, gcs_rig, memory_rig, s3_rig
from tradewind.ports import ObjectStore
from tradewind_sandbox.emulators import (
    AzuriteEmulator,
    GcsEmulator,
    S3Emulator,
    start_azurite,
    start_gcs,
    start_s3,
)


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Emulator]:
    """Moto."""
    with start_s3(tmp_path_factory.mktemp("s3")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def gcs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GcsEmulator]:
    """fake-gcs-server."""
    with start_gcs(tmp_path_factory.mktemp("gcs")) as emulator:
        yield emulator


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzuriteEmulator]:
    """Azurite."""
    with start_azurite(tmp_path_factory.mktemp("azure")) as emulator:
        yield emulator


@pytest.fixture
def rigs(request: pytest.FixtureRequest) -> Callable[[str], Rig]:
    """Opens each store by its name, with an empty bucket."""

    def named(name: str) -> Rig:
        bucket = f"contract-{uuid.uuid4().hex[:12]}"
        match name:
            case "s3":
                return s3_rig(request.getfixturevalue("s3"), bucket)
            case "gcs":
                return gcs_rig(request.getfixturevalue("gcs"), bucket)
            case "azure":
                return azure_rig(request.getfixturevalue("azurite"), bucket)
        return memory_rig()

    return named


@pytest.fixture(params=["memory", "s3", "gcs", "azure"])
def rig(request: pytest.FixtureRequest, rigs: Callable[[str], Rig]) -> Rig:
    """Each store in turn, with an empty bucket."""
    return rigs(request.param)


@pytest.fixture
def store(rig: Rig) -> ObjectStore:
    """The store of each rig in turn."""
    return rig.store
