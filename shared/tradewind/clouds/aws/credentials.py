"""Who signs: the keys that the fleet file names, or those of this process, which are renewed as they expire.

botocore knows every place where a process may find its own, and is asked where it is not one of the two that a function
has: the environment, and, in a function that was restored from a snapshot, the container endpoint
(https://docs.aws.amazon.com/lambda/latest/dg/snapstart-activate.html). They cost a process no import.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tradewind.clouds.aws.identity import require_fields
from tradewind.clouds.aws.signing import Keys
from tradewind.clouds.http import AnswerError, HttpClient
from tradewind.clouds.renewal import Renewed
from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

RENEWED = timedelta(minutes=10)
"""How long before they expire temporary keys are replaced."""
_FUNCTION = "AWS_LAMBDA_FUNCTION_NAME"
_CONTAINER = "AWS_CONTAINER_CREDENTIALS_FULL_URI"
_TOKEN = "AWS_CONTAINER_AUTHORIZATION_TOKEN"  # noqa: S105 - the name of a variable
NOBODY = "Set the site's `credentials` in the fleet file, or give this process a role"


def keys_of(credentials: Mapping[str, str] | None, *, subject: str) -> Callable[[], Keys]:
    """Return what returns the keys to sign with now.

    Args:
        credentials: Fields of the secret (see `fleet.Credentials`); None for the identity of the process.
        subject: What they are for, for the message.

    Raises:
        CredentialsError: The secret lacks a field.
    """
    if credentials is None:
        return own
    require_fields(credentials, subject=subject)
    kept = Keys(credentials["access_key_id"], credentials["secret_access_key"], credentials.get("session_token"))
    return lambda: kept


def own() -> Keys:
    """Return the keys of this process, from the first place that has any.

    Raises:
        CredentialsError: There are none, or their source does not answer.
    """
    given = os.environ.get
    key, secret = given("AWS_ACCESS_KEY_ID"), given("AWS_SECRET_ACCESS_KEY")
    if key and secret:
        return Keys(key, secret, given("AWS_SESSION_TOKEN") or None)
    if given(_FUNCTION) and (place := given(_CONTAINER)):
        return _container(place).keys()
    frozen = _chain().get_frozen_credentials()
    return Keys(frozen.access_key or "", frozen.secret_key or "", frozen.token)


@cache
def _chain() -> Credentials:
    from botocore.session import Session  # noqa: PLC0415 - 0.1 s that a function with a role does not pay

    found = Session().get_credentials()
    if found is None:
        raise CredentialsError("There are no AWS credentials", hint=NOBODY)
    return found


@cache
def _container(url: str) -> Container:
    return Container(url)


class Container:
    """The endpoint beside a function that gives out the keys of its role.

    https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html

    Args:
        url: Where it is.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = f"{parts.path}?{parts.query}" if parts.query else parts.path or "/"
        self._http = HttpClient(url)
        self._kept = Renewed(self._fetch, early=RENEWED.total_seconds())

    def keys(self) -> Keys:
        """Return keys that are good: 1 request every few hours.

        Raises:
            CredentialsError: It gives out none, and those that it gave out have expired.
        """
        return self._kept.value()

    def _fetch(self) -> tuple[Keys, float]:
        try:
            with self._http.open("GET", self._target, _authorization()) as answer:
                said = json.loads(answer.read())
            keys = Keys(said["AccessKeyId"], said["SecretAccessKey"], said.get("Token"))
            return keys, datetime.fromisoformat(said["Expiration"]).timestamp()
        except (OSError, AnswerError, ValueError, KeyError, TypeError) as error:
            raise CredentialsError(
                f"The container's endpoint gives out no AWS keys ({error!r})", hint=NOBODY
            ) from error


def _authorization() -> Mapping[str, str]:
    if (file := os.environ.get(f"{_TOKEN}_FILE")) is not None:
        return {"authorization": Path(file).read_text(encoding="utf-8").strip()}
    return {"authorization": os.environ[_TOKEN]} if _TOKEN in os.environ else {}
