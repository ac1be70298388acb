"""Where the fleet file is: a path, or an object in any of the three clouds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from tradewind.errors import FleetError, NotFoundError
from tradewind.fleet import AwsSite, AzureSite, GcpSite, Site, parse_fleet
from tradewind.ports import ObjectStore
from tradewind.runtime.clients import Runtime, cloud

FLEET_VARIABLE = "TRADEWIND_FLEET"
"""File name, or `s3://bucket/key`, `gs://bucket/key`, `az://account/container/key`."""


def read_fleet(location: str) -> Runtime:
    """Read the fleet file from a path or an object URI.

    Raises:
        FleetError: It is missing or wrong.
        ConfigurationError: The object's cloud does not let us read it.
    """
    scheme, _, rest = location.partition("://")
    if not rest:
        path = Path(location)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FleetError(
                f"The fleet file {location!r} cannot be read ({getattr(error, 'strerror', error)})",
                hint=f"Name it with --fleet or {FLEET_VARIABLE}; `tradewind fleet schema` describes it",
            ) from error
        return Runtime(parse_fleet(text, origin=location), path.parent)
    site, credentials, key = _object_site(scheme, rest, location)
    bucket = site.address.rpartition("/")[2]  # named, since it holds no users' objects, which have more to be read
    store = cast("ObjectStore", cloud(site.cloud, "store").open_store(site, credentials, bucket=bucket))
    try:
        with store.get(key) as download:
            text = b"".join(download.chunks).decode("utf-8")
    except (NotFoundError, UnicodeDecodeError) as error:
        raise FleetError(
            f"The fleet file {location!r} cannot be read ({error})", hint=f"Upload it, or correct {FLEET_VARIABLE}"
        ) from error
    return Runtime(parse_fleet(text, origin=location), Path())


def _object_site(scheme: str, rest: str, location: str) -> tuple[Site, Mapping[str, str] | None, str]:
    """Return the bucket that a fleet file's URI names as a site, the credentials that it is read with, and the key.

    Without a fleet file only the environment can say where an emulator is, in the clouds' own variables.
    """
    given = os.environ.get
    parts = rest.split("/", 2 if scheme == "az" else 1)
    plain = {"region": given("AWS_REGION", "us-east-1"), "jurisdiction": "ZZ", "control_bucket": "-"}
    match scheme, parts:
        case "s3", [bucket, key] if key:
            return AwsSite(cloud="aws", bucket=bucket, endpoint=given("AWS_ENDPOINT_URL_S3"), **plain), None, key
        case "gs", [bucket, key] if key:
            emulator = given("STORAGE_EMULATOR_HOST")
            nobody = {"type": "anonymous"} if emulator else None
            return GcpSite(cloud="gcp", project="", bucket=bucket, endpoint=emulator, **plain), nobody, key
        case "az", [account, container, key] if key:
            secret = given("AZURE_STORAGE_KEY")
            site = {"account": account, "container": container, "endpoint": given("AZURE_STORAGE_SERVICE_ENDPOINT")}
            return AzureSite(cloud="azure", **site, **plain), {"account_key": secret} if secret else None, key
    raise FleetError(
        f"{location!r} does not say where the fleet file is",
        hint="Use a file name, s3://bucket/key, gs://bucket/key or az://account/container/key",
    )
