"""Joining a fleet file, the clouds and the core."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tradewind import runtime
from tradewind.errors import ConfigurationError, CredentialsError, FleetError, StoreUnavailableError
from tradewind.ports import Message
from tradewind.runtime import process

FLEET = """\
version: 1
sites:
  aws-use1: {cloud: aws, region: us-east-1, jurisdiction: US, bucket: b, control_bucket: c}
classifications: {public: {jurisdictions: any}}
"""


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A fleet file that `TRADEWIND_FLEET` names, in a process that has read none."""
    path = tmp_path / "tradewind.yaml"
    path.write_text(FLEET)
    monkeypatch.setenv("TRADEWIND_FLEET", str(path))
    runtime.forget()
    yield path
    runtime.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process's clock, as a list of one number that a test may change."""
    now = [0.0]
    monkeypatch.setattr(process, "monotonic", lambda: now[0])
    return now


def test_the_fleet_file_is_read_once_a_minute(fleet: Path, clock: list[float]) -> None:
    """A process trusts what it has read for a minute, and then notices a change."""
    first = runtime.current()
    fleet.write_text(FLEET.replace("jurisdiction: US", "jurisdiction: EU"))

    assert runtime.current() is first
    clock[0] = 61
    assert runtime.current().site("aws-use1").jurisdiction == "EU"


def test_an_unchanged_fleet_file_keeps_its_clients(fleet: Path, clock: list[float]) -> None:
    """Reading the same again opens nothing again."""
    first = runtime.current()
    clock[0] = 61

    assert runtime.current() is first


def test_a_fleet_file_out_of_reach_changes_nothing(
    fleet: Path, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process goes on with the fleet that it has when the file's cloud is down, and starts with none."""

    def down(_: str) -> runtime.Runtime:
        raise StoreUnavailableError("the cloud is down")

    first = runtime.current()
    clock[0] = 61
    monkeypatch.setattr(process, "read_fleet", down)

    assert runtime.current() is first
    runtime.forget()
    with pytest.raises(StoreUnavailableError):
        runtime.current()


def test_a_wrong_fleet_file_stops_the_work(fleet: Path, clock: list[float]) -> None:
    """A file that became wrong is an error at once, so that nobody believes that it is in force."""
    runtime.current()
    clock[0] = 61
    fleet.write_text("version: 3")

    with pytest.raises(FleetError):
        runtime.current()


@pytest.mark.parametrize("name", ["TRADEWIND_FLEET", "TRADEWIND_SITE"])
def test_a_function_without_its_settings_says_which(fleet: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A missing variable is named."""
    monkeypatch.setenv("TRADEWIND_SITE", "aws-use1")
    monkeypatch.delenv(name)

    with pytest.raises(ConfigurationError, match=f"{name} is not set"):
        runtime.deliver(Message("{}"))


@pytest.mark.parametrize("location", ["s3://b", "gs://b/", "az://account/container", "ftp://b/k", "s3://b/"])
def test_a_location_that_names_no_object(location: str) -> None:
    """A fleet URI without a bucket and a key is refused with the forms that are allowed."""
    with pytest.raises(FleetError, match="az://account/container/key"):
        runtime.read_fleet(location)


def test_a_site_without_queues_says_so(fleet: Path) -> None:
    """Asking for a queue that the fleet file does not name is a configuration error."""
    with pytest.raises(ConfigurationError, match="has no `queues`"):
        runtime.current().queue("aws-use1", "dead_letters")


def test_an_error_of_opening_a_site_names_it(fleet: Path) -> None:
    """Whoever reads a credentials file does not know whose it is; the error that reaches a person says it."""
    fleet.write_text(FLEET.replace("control_bucket: c", "control_bucket: c, credentials: {source: file, name: none}"))

    with pytest.raises(CredentialsError, match=r"^Site 'aws-use1': The credentials file .* \(No such file"):
        runtime.current().store("aws-use1")


def test_importing_it_imports_no_sdk() -> None:
    """A cloud's SDK is imported when the cloud is first used, not before."""
    program = "import sys, tradewind.runtime; print(*sys.modules)"

    loaded = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.split()

    assert not {"boto3", "botocore", "google.auth", "google.cloud.storage", "azure.core", "azure.storage"} & set(loaded)


def test_a_function_finds_credentials_where_its_own_site_says(fleet: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At home a function is itself; elsewhere, and on the command line, it uses the named secret."""
    credentials = "credentials: {source: environment, name: NOT_SET}, credentials_at: {aws-use1: {source: ambient}}"
    fleet.write_text(FLEET.replace("control_bucket: c", f"control_bucket: c, {credentials}"))

    with pytest.raises(CredentialsError, match="'NOT_SET' is not set"):
        runtime.read_fleet(str(fleet)).store("aws-use1")
    monkeypatch.setenv("TRADEWIND_SITE", "aws-use1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "of the role")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of the role")
    assert runtime.read_fleet(str(fleet)).store("aws-use1").checksum == "crc32c"
