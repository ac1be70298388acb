"""Who this process is at Google Cloud: the credentials that the fleet file names, or its own service account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
"""IAM decides what is allowed; the scope only must not be in the way."""
_AWS_SUBJECT = "urn:ietf:params:aws:token-type:aws4_request"


def load_credentials(fields: Mapping[str, str] | None) -> Credentials:
    """Return the credentials that a secret describes, or those of the process if there is none.

    Args:
        fields: Of the secret (see `fleet.Credentials`); None for the identity of the process.

    Raises:
        CredentialsError: There are none, or they are malformed or of no known kind.
    """
    # Loaded with the client, and not before.
    import google.auth  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    try:
        if fields is None:
            return google.auth.default(scopes=SCOPES)[0]
        # Values that are objects themselves (`credential_source`) arrive as the JSON that spells them.
        info = {name: json.loads(value) if value[:1] in "{[" and value else value for name, value in fields.items()}
        return _of_kind(info)
    except (GoogleAuthError, ValueError, KeyError, TypeError) as error:
        raise CredentialsError(
            f"No usable Google credentials: {error}",
            hint="Set the site's `credentials` in the fleet file to a service account's or workload identity's file",
        ) from error


def _of_kind(info: Mapping[str, Any]) -> Credentials:
    # Google's own loader of any kind is deprecated, because a kind may name a program to run.
    from google.auth import aws, credentials, identity_pool  # noqa: PLC0415 - loaded with the client
    from google.oauth2 import credentials as user  # noqa: PLC0415 - likewise
    from google.oauth2 import service_account  # noqa: PLC0415 - likewise

    loaded: Credentials
    match info.get("type"):
        case "anonymous":
            loaded = credentials.AnonymousCredentials()
        case "service_account":
            loaded = service_account.Credentials.from_service_account_info(info, scopes=SCOPES)
        case "authorized_user":
            loaded = user.Credentials.from_authorized_user_info(info, scopes=SCOPES)
        case "external_account" if info.get("subject_token_type") == _AWS_SUBJECT:
            loaded = aws.Credentials.from_info(info, scopes=SCOPES)
        case "external_account" if "executable" not in info.get("credential_source", {}):
            loaded = identity_pool.Credentials.from_info(info, scopes=SCOPES)
        case kind:
            raise ValueError(f"unknown type {kind!r}")
    return loaded
