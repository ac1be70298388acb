"""Who this process is at AWS: the credentials that the fleet file names, or its own role."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from boto3.session import Session

FIELDS = ("access_key_id", "secret_access_key")


def open_session(credentials: Mapping[str, str] | None, *, region: str | None, subject: str) -> Session:
    """Return a boto3 session.

    Args:
        credentials: Fields of the secret (see `fleet.Credentials`); None for the identity of the process.
        region: AWS's name of the region; None for the process's own.
        subject: What it is for, as `sqs://queue`, for the message.

    Raises:
        CredentialsError: The secret lacks a field.
    """
    from boto3.session import Session  # noqa: PLC0415 - 0.3 s that only a function that talks to AWS pays

    if credentials is None:
        return Session(region_name=region)
    require_fields(credentials, subject=subject)
    return Session(
        aws_access_key_id=credentials["access_key_id"],
        aws_secret_access_key=credentials["secret_access_key"],
        aws_session_token=credentials.get("session_token"),
        region_name=region,
    )


def require_fields(credentials: Mapping[str, str], *, subject: str) -> None:
    """Refuse a secret that does not say who we are.

    Raises:
        CredentialsError: It lacks a field.
    """
    if missing := [name for name in FIELDS if not credentials.get(name)]:
        raise CredentialsError(
            f"The credentials for {subject} lack {' and '.join(missing)}",
            hint="The secret is a JSON object with access_key_id, secret_access_key and optionally session_token",
        )
