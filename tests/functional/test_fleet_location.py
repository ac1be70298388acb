"""The fleet file as an object, in each of the three clouds: `TRADEWIND_FLEET` is a URI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from rigs.announcements import announce
from rigs.command_line import CommandLine
from rigs.platforms import Platform
from rigs.three_clouds import SITES, ThreeClouds
from tradewind import runtime
from tradewind_sandbox.azurite import ACCOUNT
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, BUCKETS, GCP_SITE

OBJECT = "settings/trade wind.yaml"
KEY = "models/x"
URIS = {
    AWS_SITE: f"s3://{BUCKETS[AWS_SITE]}/{OBJECT}",
    GCP_SITE: f"gs://{BUCKETS[GCP_SITE]}/{OBJECT}",
    AZURE_SITE: f"az://{ACCOUNT}/{BUCKETS[AZURE_SITE]}/{OBJECT}",
}


@pytest.fixture
def _identity(clouds: ThreeClouds, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the clouds' own variables say: where the emulators are, and who this process is."""
    environment = {
        "AWS_ENDPOINT_URL_S3": clouds.s3.endpoint,
        "AWS_ACCESS_KEY_ID": "somebody",
        "AWS_SECRET_ACCESS_KEY": "else",
        "STORAGE_EMULATOR_HOST": clouds.gcs.endpoint,
        "AZURE_STORAGE_SERVICE_ENDPOINT": clouds.azure.endpoint,
        "AZURE_STORAGE_KEY": clouds.azure.account_key,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def upload(clouds: ThreeClouds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str) -> Iterator[str]:
    """The rig's fleet file as an object at `site`, with its secrets in the environment; gives its URI."""
    secrets: Mapping[str, str] = dict(zip(SITES, ("aws", "gcp", "azure"), strict=True))
    change = {}
    for name, cloud in secrets.items():
        secret = clouds.fleet.parent / "credentials" / f"{cloud}.json"
        monkeypatch.setenv(f"SECRET_{cloud}", secret.read_text())
        change[f"{name.replace('-', '_')}__credentials"] = {"source": "environment", "name": f"SECRET_{cloud}"}
    clouds.users[site].put(OBJECT, clouds.variant(tmp_path, **change).read_bytes())
    monkeypatch.setenv("TRADEWIND_FLEET", URIS[site])
    runtime.forget()
    yield URIS[site]
    runtime.forget()


@pytest.mark.usefixtures("_identity", "upload")
def test_a_function_reads_its_fleet_file_from_a_bucket(
    clouds: ThreeClouds, platform: Platform, site: str, others: list[str]
) -> None:
    """Everything else is as with a file."""
    clouds.upload(site, KEY)

    assert platform.deliver(announce(site, KEY)) == [True]

    clouds.assert_replicated(KEY, site, *others)


@pytest.mark.usefixtures("_identity")
def test_the_command_line_takes_the_same_uri(tradewind: CommandLine, upload: str) -> None:
    """`--fleet` and `TRADEWIND_FLEET` mean the same."""
    answer = tradewind("verify", "models", "--fleet", upload, "--json")

    assert (answer.code, json.loads(answer.out)["keys"]) == (0, 0)


@pytest.mark.usefixtures("_identity")
def test_a_fleet_file_that_is_not_there_is_named(tradewind: CommandLine, site: str) -> None:
    """An absent object is a configuration error that says where it was looked for."""
    answer = tradewind("fleet", "validate", "--fleet", URIS[site])

    assert answer.code == 2
    assert answer.err.startswith(f"error: The fleet file '{URIS[site]}' cannot be read (")
    assert "what to do: Upload it, or correct TRADEWIND_FLEET" in answer.err


@pytest.mark.usefixtures("_identity")
def test_a_fleet_file_that_is_no_text_is_refused(tradewind: CommandLine, clouds: ThreeClouds, site: str) -> None:
    """A model that was uploaded in its place does not end in a traceback."""
    clouds.users[site].put(OBJECT, b"\xff\xfe\x00")

    answer = tradewind("fleet", "validate", "--fleet", URIS[site])

    assert answer.code == 2
    assert answer.err.startswith(f"error: The fleet file '{URIS[site]}' cannot be read (")
