"""AWS Secrets Manager, by moto. The other two clouds' secrets have no emulator; see the unit tests."""

from __future__ import annotations

import boto3
import pytest

from tradewind.clouds.aws import secrets
from tradewind.errors import CredentialsError, StoreUnavailableError
from tradewind_sandbox.emulators import S3Emulator

SECRET = '{"access_key_id": "größe"}'


@pytest.fixture(autouse=True)
def _process_identity(s3: S3Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", s3.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "sandbox")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_gives_a_secret_by_name_and_by_arn() -> None:
    """A secret is found by its name in the process's region, and by its ARN in the ARN's."""
    made = boto3.client("secretsmanager").create_secret(Name="tradewind/gcp", SecretString=SECRET)
    elsewhere = boto3.client("secretsmanager", region_name="eu-central-1").create_secret(
        Name="tradewind/gcp", SecretString="elsewhere"
    )

    vault = secrets.open_secrets()

    assert vault.get("tradewind/gcp") == SECRET
    assert vault.get(made["ARN"]) == SECRET
    assert vault.get(elsewhere["ARN"]) == "elsewhere"


def test_gives_the_present_value() -> None:
    """A secret that was rotated is read anew."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name="rotated", SecretString="old")
    vault = secrets.open_secrets()
    vault.get("rotated")

    client.put_secret_value(SecretId="rotated", SecretString="new")

    assert vault.get("rotated") == "new"


def test_a_binary_secret_is_taken_as_text() -> None:
    """A secret that was stored as bytes is read as UTF-8, or refused."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name="bytes", SecretBinary=SECRET.encode())
    client.create_secret(Name="image", SecretBinary=b"\xff\xd8")

    assert secrets.open_secrets().get("bytes") == SECRET
    with pytest.raises(CredentialsError, match="'image' is not text"):
        secrets.open_secrets().get("image")


def test_a_missing_secret_is_named_with_the_right_to_read_it() -> None:
    """A secret that is not there is named, and so is the permission that reading it needs."""
    with pytest.raises(CredentialsError, match=r"(?s)tradewind/missing.*secretsmanager:GetSecretValue"):
        secrets.open_secrets().get("tradewind/missing")


def test_a_secret_that_is_being_deleted_is_refused() -> None:
    """A secret whose deletion is scheduled cannot be read, and says why."""
    client = boto3.client("secretsmanager")
    client.create_secret(Name="doomed", SecretString=SECRET)
    client.delete_secret(SecretId="doomed", RecoveryWindowInDays=7)

    with pytest.raises(CredentialsError, match=r"(?s)doomed.*delet"):
        secrets.open_secrets().get("doomed")


def test_without_a_region_the_operator_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that knows no region is told so, not left with a stack trace."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")

    with pytest.raises(CredentialsError, match="region"):
        secrets.open_secrets().get("some-secret")


def test_a_service_that_is_down_is_worth_another_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """A service that does not answer says nothing about the secret."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")

    with pytest.raises(StoreUnavailableError, match="some-secret"):
        secrets.open_secrets().get("some-secret")
