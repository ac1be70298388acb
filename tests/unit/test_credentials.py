"""Credentials by reference."""

from pathlib import Path

import pytest

from tradewind.credentials import resolve
from tradewind.errors import CredentialsError
from tradewind.fleet import Credentials


class Vault:
    """A secret store with one secret."""

    def get(self, name: str) -> str:
        """Return it, by any name."""
        return f'{{"account_key": "{name}"}}'


def test_ambient_is_the_identity_of_the_process() -> None:
    """Nothing is resolved for an ambient identity: the SDK finds it."""
    assert resolve(Credentials(source="ambient"), beside=Path(), vaults={}) is None


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable holds the secret's JSON."""
    monkeypatch.setenv("SECRET", '{"access_key_id": "A", "nested": {"b": 1}}')

    found = resolve(Credentials(source="environment", name="SECRET"), beside=Path(), vaults={})

    assert found == {"access_key_id": "A", "nested": '{"b": 1}'}


def test_from_a_file_beside_the_fleet_file(tmp_path: Path) -> None:
    """A relative name starts from the fleet file's folder."""
    (tmp_path / "aws.json").write_text('{"access_key_id": "A"}')

    assert resolve(Credentials(source="file", name="aws.json"), beside=tmp_path, vaults={}) == {"access_key_id": "A"}


def test_from_a_cloud_s_secret_store() -> None:
    """The source picks the store, and the name is handed to it."""
    reference = Credentials(source="azure_key_vault", name="https://v/secrets/s")

    assert resolve(reference, beside=Path(), vaults={"azure_key_vault": Vault}) == {
        "account_key": "https://v/secrets/s"
    }


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        (Credentials(source="environment", name="TRADEWIND_NOT_SET"), "'TRADEWIND_NOT_SET' is not set"),
        (Credentials(source="file", name="none.json"), "none.json' cannot be read"),
        (Credentials(source="file", name="list.json"), "file 'list.json' is not a JSON object"),
        (Credentials(source="file", name="text.json"), "file 'text.json' is not a JSON object"),
    ],
)
def test_what_is_missing_or_wrong_is_named_and_not_shown(tmp_path: Path, reference: Credentials, expected: str) -> None:
    """The error says which secret is wrong, and never what is in it."""
    (tmp_path / "list.json").write_text('["hush"]')
    (tmp_path / "text.json").write_text("hush")

    with pytest.raises(CredentialsError, match=expected) as caught:
        resolve(reference, beside=tmp_path, vaults={})

    assert "hush" not in str(caught.value)
