"""Where a bucket of S3 answers, and other services of a region.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html and `RESTAPI.html`.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from tradewind.errors import ConfigurationError

ENDPOINT_VARIABLE = "AWS_ENDPOINT_URL"
"""Where the environment names another endpoint than that of the region, as the SDKs read it; `_S3` is for S3 alone."""
_SUFFIXES = (
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
)
"""Domains of the partitions, by the beginning of a region's name; all others are in `amazonaws.com`."""
_REGION = re.compile(r"[a-z0-9-]{1,63}")
_HOST_LABEL = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_UNRESERVED = "/~"


@dataclass(frozen=True, slots=True)
class Address:
    """Where one bucket answers."""

    origin: str
    """Scheme, host and port."""
    host: str
    """As the header `Host` names it, which is signed."""
    path: str
    """What comes before a key, with the slash."""

    def target(self, key: str, query: str = "") -> str:
        """Return what a request for `key` asks for; a key's dots and slashes mean nothing to S3 and stay as they are.

        Args:
            key: Empty for the bucket itself.
            query: As it is sent.
        """
        path = self.path + quote(key, safe=_UNRESERVED)
        return f"{path}?{query}" if query else path


def endpoint_of(endpoint: str | None, service: str = "S3") -> str | None:
    """Return the endpoint that a site has, or the one that the environment names for a service."""
    named = (os.environ.get(name) for name in (f"{ENDPOINT_VARIABLE}_{service}", ENDPOINT_VARIABLE))
    return endpoint or next(filter(None, named), None)


def host_of(service: str, region: str) -> str:
    """Return the host of a service in a region.

    Raises:
        ConfigurationError: It is no region.
    """
    if not _REGION.fullmatch(region):
        raise _wrong(region, None)
    service += "-fips" if _switched_on("AWS_USE_FIPS_ENDPOINT") else ""
    service += ".dualstack" if service.startswith("s3") and _switched_on("AWS_USE_DUALSTACK_ENDPOINT") else ""
    domain = next((suffix for beginning, suffix in _SUFFIXES if region.startswith(beginning)), "amazonaws.com")
    return f"{service}.{region}.{domain}"


def address_of(bucket: str, region: str, endpoint: str | None) -> Address:
    """Return where `bucket` answers.

    Args:
        bucket: Its name.
        region: AWS's name of the region.
        endpoint: What answers in place of AWS, if anything does.

    Raises:
        ConfigurationError: The region or endpoint is not one.
    """
    if endpoint is not None:
        parts = urlsplit(endpoint)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise _wrong(region, endpoint)
        standard = f":{443 if parts.scheme == 'https' else 80}"
        host = parts.netloc.rpartition("@")[2].removesuffix(standard)
        return Address(f"{parts.scheme}://{host}", host, f"{parts.path.rstrip('/')}/{bucket}/")
    host = host_of("s3", region)
    # A name with dots has no certificate, and one of the first years' capitals or underscores is no name of a host.
    if _HOST_LABEL.fullmatch(bucket):
        return Address(f"https://{bucket}.{host}", f"{bucket}.{host}", "/")
    return Address(f"https://{host}", host, f"/{bucket}/")


def _switched_on(variable: str) -> bool:
    return os.environ.get(variable, "").lower() == "true"


def _wrong(region: str, endpoint: str | None) -> ConfigurationError:
    return ConfigurationError(
        f"There is no region {region!r}" if endpoint is None else f"{endpoint!r} is no endpoint of S3",
        hint="Correct the site's `region` or `endpoint` in the fleet file",
    )
