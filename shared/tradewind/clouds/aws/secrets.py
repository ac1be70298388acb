"""Secrets in AWS Secrets Manager, read with the identity of the process.

Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from tradewind.clouds.aws.errors import PERMISSIONS, translate
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.vault import reading
from tradewind.errors import CredentialsError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ARN = re.compile(r"arn:[^:]+:secretsmanager:(?P<region>[^:]+):[0-9]+:secret:.+")
CONNECT_TIMEOUT, READ_TIMEOUT, ATTEMPTS = 5.0, 10.0, 3


def open_secrets() -> SecretsManager:
    """Return the secrets that the identity of the process may read."""
    return SecretsManager()


class SecretsManager:
    """Secrets by name, or by ARN, which says the region too (see `ports.Secrets`)."""

    def get(self, name: str) -> str:
        """Return the present value of a secret.

        Raises:
            CredentialsError: There is no such secret, it may not be read, or it is not text.
            StoreUnavailableError: Secrets Manager did not answer.
        """
        arn = ARN.fullmatch(name)
        with reading(name, permission=PERMISSIONS["read secret"]), translate("read secret", name):
            answer = _client(arn["region"] if arn else None).get_secret_value(SecretId=name)
        if "SecretString" in answer:
            return answer["SecretString"]
        try:
            return answer["SecretBinary"].decode()
        except UnicodeDecodeError as error:
            raise CredentialsError(f"The secret {name!r} is not text", hint="Store a JSON object in it") from error


@cache
def _client(region: str | None) -> SecretsManagerClient:
    from botocore.config import Config  # noqa: PLC0415 - only a function that reads secrets pays for it

    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        user_agent_extra="tradewind",
    )
    session = open_session(None, region=region, subject="Secrets Manager")
    return session.client("secretsmanager", config=config)
