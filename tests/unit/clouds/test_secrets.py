"""Google's and Azure's secrets, at the level of the requests: neither has an emulator in a registry."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from io import BytesIO
from typing import Any

import google_crc32c
import pytest
from azure.core.credentials import AccessToken
from azure.core.pipeline.transport import RequestsTransport
from azure.keyvault.secrets import SecretClient
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession
from requests import ConnectionError as UnreachableError
from requests import PreparedRequest, Response, Session
from requests.adapters import BaseAdapter

from tradewind.clouds.azure.secrets import KeyVault
from tradewind.clouds.gcp.secrets import SecretManager
from tradewind.errors import CredentialsError, IntegrityError, StoreUnavailableError
from tradewind.ports import Secrets

SECRET = '{"account_key": "größe"}'


class Service(BaseAdapter):
    """Answers as a service's reference says, by path; everything else is 404."""

    def __init__(self, answers: dict[str, tuple[int, object]], *, missing: object) -> None:
        super().__init__()
        self.answers = answers
        self.missing = missing
        self.down = False

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:  # noqa: ANN401 - as the base
        """Answer, after a challenge if there is one and the request bears no token."""
        if self.down:
            raise UnreachableError("nobody answers")
        url = str(request.url).partition("?")[0]
        status, body = self.answers.get(url, (404, self.missing))
        response = Response()
        response.headers["Content-Type"] = "application/json"
        if url.startswith("https://vault") and "Authorization" not in request.headers:
            status, body = 401, {"error": {"code": "Unauthorized", "message": "AKV10000: Request is missing a token"}}
            response.headers["WWW-Authenticate"] = (
                'Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"'
            )
        response.status_code = status
        response.raw = BytesIO(json.dumps(body).encode())
        response.request = request
        response.url = url
        return response

    def close(self) -> None:
        """Nothing is open."""


GOOGLE = "https://secretmanager.googleapis.com/v1/projects/p/secrets"
MISSING = {"error": {"code": 404, "message": "Secret [projects/1/secrets/x] not found.", "status": "NOT_FOUND"}}
DENIED = {"error": {"code": 403, "message": "Permission 'secretmanager.versions.access' denied", "status": "DENIED"}}


def version(data: bytes, crc32c: int | None = None) -> tuple[int, object]:
    """Return what an access answers."""
    checksum = str(google_crc32c.value(data) if crc32c is None else crc32c)
    payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": checksum}
    return 200, {"name": "projects/1/secrets/s/versions/3", "payload": payload}


@pytest.fixture
def google() -> Service:
    """Secret Manager with a few secrets."""
    regional = "https://secretmanager.europe-west4.rep.googleapis.com/v1/projects/p/locations/europe-west4/secrets"
    answers = {
        f"{GOOGLE}/s/versions/latest:access": version(SECRET.encode()),
        f"{GOOGLE}/s/versions/2:access": version(b"old"),
        f"{regional}/s/versions/latest:access": version(b"regional"),
        f"{GOOGLE}/binary/versions/latest:access": version(b"\xff"),
        f"{GOOGLE}/damaged/versions/latest:access": version(SECRET.encode(), crc32c=1),
        f"{GOOGLE}/odd/versions/latest:access": (200, {"payload": "hunter2"}),
        f"{GOOGLE}/denied/versions/latest:access": (403, DENIED),
        f"{GOOGLE}/busy/versions/latest:access": (503, {"error": {"code": 503, "message": "busy"}}),
    }
    return Service(answers, missing=MISSING)


@pytest.fixture
def secret_manager(google: Service) -> SecretManager:
    """Secret Manager's client, over that."""
    session = AuthorizedSession(AnonymousCredentials())
    session.mount("https://", google)
    return SecretManager(session)


def test_secret_manager_gives_the_latest_version(secret_manager: SecretManager) -> None:
    """A secret's name alone means its latest version."""
    assert secret_manager.get("projects/p/secrets/s") == SECRET


def test_secret_manager_gives_a_version_and_a_regional_secret(secret_manager: SecretManager) -> None:
    """A name may say the version, or the location, whose own endpoint is then asked."""
    assert secret_manager.get("projects/p/secrets/s/versions/2") == "old"
    assert secret_manager.get("projects/p/locations/europe-west4/secrets/s") == "regional"


def test_secret_manager_checks_what_it_received(secret_manager: SecretManager) -> None:
    """A value that does not have its announced checksum is not used."""
    with pytest.raises(IntegrityError, match="projects/p/secrets/damaged"):
        secret_manager.get("projects/p/secrets/damaged")


def test_secret_manager_never_shows_a_secret(secret_manager: SecretManager) -> None:
    """An answer of another shape is refused without a word of it, causes included."""
    with pytest.raises(IntegrityError) as caught:
        secret_manager.get("projects/p/secrets/odd")

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


VAULT = "https://vault.vault.azure.net"
BUNDLE = {
    "value": SECRET,
    "id": f"{VAULT}/secrets/s/4387e9f3d6e14c459867679a90fd0f79",
    "attributes": {"enabled": True, "created": 1493938410, "updated": 1493938410, "recoveryLevel": "Recoverable"},
}


class Identity:
    """An identity whose tokens everybody accepts."""

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:  # noqa: ANN401 - as the protocol
        """Return a token."""
        return AccessToken("token", 2**31)


@pytest.fixture
def azure() -> Service:
    """A vault with a few secrets."""
    forbidden = {"error": {"code": "Forbidden", "message": "Caller is not authorized to perform action on resource"}}
    answers: dict[str, tuple[int, object]] = {
        f"{VAULT}/secrets/s/": (200, BUNDLE),
        f"{VAULT}/secrets/s": (200, BUNDLE),
        f"{VAULT}/secrets/s/4387e9f3d6e14c459867679a90fd0f79": (200, {**BUNDLE, "value": "old"}),
        f"{VAULT}/secrets/denied/": (403, forbidden),
        f"{VAULT}/secrets/denied": (403, forbidden),
    }
    missing = {"error": {"code": "SecretNotFound", "message": "A secret with (name/id) missing was not found"}}
    return Service(answers, missing=missing)


@pytest.fixture
def key_vault(azure: Service) -> KeyVault:
    """Key Vault's client, over that."""
    session = Session()
    session.mount("https://", azure)

    def client_of(vault: str) -> SecretClient:
        transport = RequestsTransport(session=session, session_owner=False)
        return SecretClient(vault, Identity(), transport=transport, retry_total=0)

    return KeyVault(client_of)


def test_key_vault_gives_the_latest_version(key_vault: KeyVault) -> None:
    """A secret's URL alone means its latest version."""
    assert key_vault.get(f"{VAULT}/secrets/s") == SECRET


def test_key_vault_gives_a_version(key_vault: KeyVault) -> None:
    """A URL may name the version."""
    assert key_vault.get(f"{VAULT}/secrets/s/4387e9f3d6e14c459867679a90fd0f79") == "old"


@pytest.fixture(params=["secret_manager", "key_vault"])
def secrets(request: pytest.FixtureRequest) -> tuple[Secrets, Callable[[str], str], Service]:
    """Each place of secrets, how it names one, and the service behind it."""
    place = request.getfixturevalue(request.param)
    if request.param == "key_vault":
        return place, lambda name: f"{VAULT}/secrets/{name}", request.getfixturevalue("azure")
    return place, lambda name: f"projects/p/secrets/{name}", request.getfixturevalue("google")


@pytest.mark.parametrize("name", ["missing", "denied"])
def test_what_cannot_be_read_is_named_with_the_right_to_read_it(
    secrets: tuple[Secrets, Callable[[str], str], Service], name: str
) -> None:
    """A secret that is missing or not ours to read is named, and so is the permission that reading it needs."""
    place, spell, _ = secrets

    with pytest.raises(CredentialsError, match=f"(?s){spell(name)}.*(Secret Accessor|Key Vault Secrets User)"):
        place.get(spell(name))


def test_a_service_that_is_down_is_worth_another_try(
    secrets: tuple[Secrets, Callable[[str], str], Service],
) -> None:
    """A service that does not answer says nothing about the secret."""
    place, spell, service = secrets
    service.down = True

    with pytest.raises(StoreUnavailableError, match="secrets/s"):
        place.get(spell("s"))


def test_a_busy_service_is_worth_another_try(secret_manager: SecretManager) -> None:
    """So is one that answers 503."""
    with pytest.raises(StoreUnavailableError, match="secrets/busy"):
        secret_manager.get("projects/p/secrets/busy")


@pytest.mark.parametrize("name", ["", "s", "http://vault.vault.azure.net/secrets/s", "projects/p/secrets/../x", "a\nb"])
def test_a_name_that_is_none_is_refused_without_a_request(
    secrets: tuple[Secrets, Callable[[str], str], Service], name: str
) -> None:
    """A name of another cloud's form is refused with the form that is right."""
    place, _, service = secrets
    service.down = True

    with pytest.raises(CredentialsError, match="Spell it"):
        place.get(name)
