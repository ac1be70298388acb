"""The three clouds and the real handlers, started once; every test finds the buckets and queues empty."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from rigs.announcements import sample
from rigs.command_line import CommandLine
from rigs.platforms import (
    AzureFunctions,
    CloudRun,
    Lambda,
    Platform,
    Ring,
    environment,
    load_azure_functions,
    load_cloud_run,
    load_lambda,
)
from rigs.three_clouds import SITES, ThreeClouds, three_clouds
from tradewind import runtime
from tradewind.audit import LOGGER
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE


@pytest.fixture(scope="session")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ThreeClouds]:
    """Three clouds, with the environment of their functions."""
    with three_clouds(tmp_path_factory.mktemp("clouds")) as started, pytest.MonkeyPatch.context() as patch:
        environment(patch, started.fleet)
        yield started


@pytest.fixture(scope="session")
def lambda_(rig: ThreeClouds) -> Lambda:
    """Lambda."""
    return load_lambda()


@pytest.fixture(scope="session")
def cloud_run(rig: ThreeClouds) -> CloudRun:
    """Cloud Run functions."""
    return load_cloud_run()


@pytest.fixture(scope="session")
def azure_functions(rig: ThreeClouds) -> AzureFunctions:
    """Azure Functions."""
    return load_azure_functions()


@pytest.fixture
def clouds(rig: ThreeClouds) -> ThreeClouds:
    """The three clouds, empty."""
    rig.empty()
    runtime.forget()
    return rig


@pytest.fixture(scope="session")
def platforms(lambda_: Lambda, cloud_run: CloudRun, azure_functions: AzureFunctions) -> dict[str, Platform]:
    """Each site's platform."""
    return {AWS_SITE: lambda_, GCP_SITE: cloud_run, AZURE_SITE: azure_functions}


@pytest.fixture(params=SITES)
def site(request: pytest.FixtureRequest) -> str:
    """Each site in turn, as the one where something happens."""
    return str(request.param)


@pytest.fixture
def platform(platforms: dict[str, Platform], site: str) -> Platform:
    """The platform of the site where something happens."""
    return platforms[site]


@pytest.fixture
def others(site: str) -> list[str]:
    """The other two sites."""
    return [each for each in SITES if each != site]


@pytest.fixture
def tradewind(clouds: ThreeClouds, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """The command line, with the rig's fleet file unless another is given."""

    def read() -> tuple[str, str]:
        said = capsys.readouterr()
        return said.out, said.err

    return CommandLine(clouds.fleet, monkeypatch, read)


@pytest.fixture
def audit() -> Iterator[list[dict[str, Any]]]:
    """The audit log, as it grows."""
    records: list[dict[str, Any]] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert isinstance(record.msg, dict)
            records.append(record.msg["audit"])

    logger, collector = logging.getLogger(LOGGER), Collector()
    level = logger.level
    logger.addHandler(collector)
    logger.setLevel(logging.INFO)
    yield records
    logger.removeHandler(collector)
    logger.setLevel(level)


@pytest.fixture(scope="session")
def ring(azure_functions: AzureFunctions) -> Ring:
    """Lets a site's timer ring as its platform does."""
    lambda_, cloud_run = load_lambda("sweep"), load_cloud_run("sweep", "http")

    def call(site: str) -> None:
        if site == AWS_SITE:
            assert lambda_.invoke(sample("aws/invocations/eventbridge-schedule.json")) is None
        elif site == GCP_SITE:
            rung = sample("gcp/invocations/scheduler.json")
            assert cloud_run.post(rung["path"], rung["body"].encode(), rung["headers"]) == 204
        else:
            assert azure_functions.ring(sample("azure/invocations/timer.json"))

    return call
