"""Secrets in Google Secret Manager, read over REST with the identity of the process.

Its own library speaks gRPC and takes 0.5 s to import; this is one GET.

Source: https://cloud.google.com/secret-manager/docs/reference/rest/v1/projects.secrets.versions/access
"""

from __future__ import annotations

import base64
import re
from functools import cached_property
from typing import TYPE_CHECKING, NotRequired

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict  # before Python 3.12, pydantic cannot read those of `typing`

from tradewind.clouds.gcp.errors import PERMISSIONS, translate
from tradewind.clouds.gcp.identity import load_credentials
from tradewind.clouds.vault import reading
from tradewind.errors import CredentialsError, IntegrityError

if TYPE_CHECKING:
    from google.auth.transport.requests import AuthorizedSession

NAME = re.compile(r"projects/[^/]+/(locations/(?P<location>[a-z0-9-]+)/)?secrets/[^/]+(?P<version>/versions/[^/]+)?")
TIMEOUT = (5.0, 10.0)


class Payload(TypedDict):
    """The secret's bytes in base64, and their checksum."""

    data: str
    dataCrc32c: NotRequired[str]


class Version(TypedDict):
    """What an access answers."""

    payload: Payload


_VERSION = TypeAdapter(Version)


def open_secrets() -> SecretManager:
    """Return the secrets that the identity of the process may read."""
    return SecretManager()


class SecretManager:
    """Secrets by `projects/P/secrets/S`, regional ones and given versions included (see `ports.Secrets`).

    Args:
        session: Signs requests; without it, that of the process's own identity is made at the first use.
    """

    def __init__(self, session: AuthorizedSession | None = None) -> None:
        self._given = session

    @cached_property
    def _session(self) -> AuthorizedSession:
        from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415 - only who reads secrets pays

        return self._given or AuthorizedSession(load_credentials(None))

    def get(self, name: str) -> str:
        """Return the present value of a secret.

        Raises:
            CredentialsError: There is no such secret, it may not be read, or it is not text.
            StoreUnavailableError: Secret Manager did not answer.
            IntegrityError: The value was damaged on the way.
        """
        with reading(name, permission=PERMISSIONS["read secret"]):
            payload = self._access(name)
            try:
                data = base64.b64decode(payload["data"], validate=True)
                _check(name, data, payload.get("dataCrc32c"))
                return data.decode()
            except ValueError:
                raise CredentialsError(f"The secret {name!r} is not text", hint="Store a JSON object in it") from None

    def _access(self, name: str) -> Payload:
        spelled = NAME.fullmatch(name)
        if spelled is None:
            raise CredentialsError(f"{name!r} names no secret", hint="Spell it projects/PROJECT/secrets/SECRET")
        location, version = spelled["location"], spelled["version"]
        host = f"secretmanager.{location}.rep.googleapis.com" if location else "secretmanager.googleapis.com"
        with translate("read secret", name):
            from google.api_core.exceptions import from_http_response  # noqa: PLC0415 - loaded with the session

            url = f"https://{host}/v1/{name}{'' if version else '/versions/latest'}:access"
            answer = self._session.get(url, timeout=TIMEOUT)
            if not answer.ok:
                raise from_http_response(answer)
        try:
            return _VERSION.validate_json(answer.content, strict=True)["payload"]
        except ValidationError:
            # Without its cause, which would show the secret.
            raise IntegrityError(f"Could not read secret {name}: the answer has not the expected fields") from None


def _check(name: str, data: bytes, announced: str | None) -> None:
    import google_crc32c  # noqa: PLC0415 - only a function that reads secrets needs it here

    if announced is not None and int(announced) != google_crc32c.value(data):
        raise IntegrityError(f"Could not read secret {name}: its CRC32C is not the announced one")
