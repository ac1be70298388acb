"""The clients of S3: tuned, thread-safe, and shared by the stores of a process.

What is asked for every object goes over a wire of our own, the rest over boto3, which is imported when it is first
asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from tradewind.clouds.aws.addresses import address_of, endpoint_of
from tradewind.clouds.aws.credentials import keys_of
from tradewind.clouds.aws.express import SERVICE, TOKEN, Sessions, zonal_address
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.aws.signing import Signer
from tradewind.clouds.aws.states import DIRECTORY_BUCKET
from tradewind.clouds.aws.wire import S3Wire
from tradewind.clouds.http import HttpClient
from tradewind.errors import ConfigurationError
from tradewind.fleet import AwsSite

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONNECTIONS = 64
CONNECT_TIMEOUT = 5.0
READ_TIMEOUT = 15.0
ATTEMPTS = 2


def open_wire(site: AwsSite, credentials: Mapping[str, str] | None, bucket: str) -> S3Wire:
    """Return what sends requests about one bucket, over connections that are shared by all who ask there.

    Raises:
        CredentialsError: The secret lacks a field.
        ConfigurationError: The region or endpoint is not one.
    """
    keys = keys_of(credentials, subject=f"S3 in {site.region}")
    endpoint = endpoint_of(site.endpoint)
    if bucket.endswith(DIRECTORY_BUCKET) and endpoint is None:
        address = zonal_address(bucket, site.region)
        http = _http(address.origin, CONNECT_TIMEOUT, READ_TIMEOUT)
        sessions = Sessions(S3Wire(http, address, Signer(site.region, SERVICE), keys), bucket)
        return S3Wire(http, address, Signer(site.region, SERVICE, token=TOKEN), sessions.keys)
    address = address_of(bucket, site.region, endpoint)
    return S3Wire(_http(address.origin, CONNECT_TIMEOUT, READ_TIMEOUT), address, Signer(site.region), keys)


@cache
def _http(origin: str, connect_timeout: float, read_timeout: float) -> HttpClient:
    return HttpClient(origin, connect_timeout=connect_timeout, read_timeout=read_timeout)


def open_client(site: AwsSite, credentials: Mapping[str, str] | None) -> S3Client:
    """Return the boto3 client for `site`, sharing one among sites of the same region, endpoint and credentials.

    Raises:
        CredentialsError: The secret lacks a field.
        ConfigurationError: The region or endpoint is not one.
    """
    given = tuple(sorted(credentials.items())) if credentials is not None else None
    return _client(site.region, endpoint_of(site.endpoint), given)


@cache
def _client(region: str, endpoint: str | None, credentials: tuple[tuple[str, str], ...] | None) -> S3Client:
    from botocore.config import Config  # noqa: PLC0415 - 0.3 s with boto3 that only a function that talks to S3 pays

    given = dict(credentials) if credentials is not None else None
    session = open_session(given, region=region, subject=f"S3 in {region}")
    config = Config(
        max_pool_connections=CONNECTIONS,
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        parameter_validation=False,
        # The store sends and reads the checksums itself; computing another one, or a SHA-256 of the body for the
        # signature, costs more than everything else that a small copy does.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path" if endpoint else "auto",
            "payload_signing_enabled": False,
            "us_east_1_regional_endpoint": "regional",
        },
        user_agent_extra="tradewind",
    )
    try:
        client = session.client("s3", endpoint_url=endpoint, config=config)
    except ValueError as error:
        raise ConfigurationError(
            f"No S3 client for region {region!r}, endpoint {endpoint!r}: {error}",
            hint="Correct the site's `region` or `endpoint` in the fleet file",
        ) from error
    client.meta.events.register("before-call.s3", _stay_in_region)
    return client


def _stay_in_region(params: dict[str, Any], **_: object) -> None:
    # botocore would follow a bucket to another region silently. Where data is has a meaning here (the site's
    # jurisdiction), so a bucket that is not in the site's region is an error that says so.
    params["context"].setdefault("s3_redirect", {})["redirected"] = True
