"""Secrets in AWS Secrets Manager, read with the identity of the process.

Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

from __future__ import annotations

import json
import os
import re
from base64 import b64decode
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256

from tradewind.clouds.aws.addresses import endpoint_of, host_of
from tradewind.clouds.aws.credentials import own
from tradewind.clouds.aws.errors import PERMISSIONS, translate
from tradewind.clouds.aws.signing import Signer
from tradewind.clouds.http import HttpClient
from tradewind.clouds.vault import reading
from tradewind.errors import CredentialsError

ARN = re.compile(r"arn:[^:]+:secretsmanager:(?P<region>[^:]+):[0-9]+:secret:.+")
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 10.0
_TARGET = "secretsmanager.GetSecretValue"


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
        region = arn["region"] if arn else _own_region()
        with reading(name, permission=PERMISSIONS["read secret"]), translate("read secret", name):
            answer = _ask(region, json.dumps({"SecretId": name}).encode())
        if "SecretString" in answer:
            return answer["SecretString"]
        try:
            return b64decode(answer["SecretBinary"]).decode()
        except UnicodeDecodeError as error:
            raise CredentialsError(f"The secret {name!r} is not text", hint="Store a JSON object in it") from error


def _ask(region: str, body: bytes) -> dict[str, str]:
    endpoint = endpoint_of(None, "SECRETS_MANAGER") or f"https://{host_of('secretsmanager', region)}"
    client = _http(endpoint)
    headers = {
        "host": client.host,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": _TARGET,
        "x-amz-content-sha256": sha256(body).hexdigest(),
    }
    signed = Signer(region, "secretsmanager").sign(own(), "POST", "/", headers, datetime.now(UTC))
    with client.open("POST", "/", signed, body) as answer:
        said: dict[str, str] = json.loads(answer.read())
    return said


def _own_region() -> str:
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        from botocore.session import Session  # noqa: PLC0415 - it reads the configuration file; functions have none

        region = Session().get_config_variable("region")
    if not region:
        raise CredentialsError(
            "This process knows no region of AWS", hint="Set AWS_REGION, or name the secret by its ARN"
        )
    return str(region)


@cache
def _http(endpoint: str) -> HttpClient:
    return HttpClient(endpoint, connect_timeout=CONNECT_TIMEOUT, read_timeout=READ_TIMEOUT)
