"""Addresses at which anybody can read one version of an object of S3 for some minutes.

Only a version id names a version in an address. An `If-Match` could be signed, too, but whoever reads would have to
send it, and Azure does not.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime

from tradewind.clouds.aws.clients import open_wire
from tradewind.clouds.aws.errors import translate
from tradewind.clouds.aws.limits import check_key
from tradewind.clouds.aws.wire import S3Wire
from tradewind.errors import PreconditionFailedError
from tradewind.fleet import AwsSite
from tradewind.ports import ObjectState

_UNVERSIONED = frozenset({"", "null"})
"""`null` is written over in place, in a bucket whose versions are suspended or never were."""


def open_links(site: AwsSite, credentials: Mapping[str, str] | None) -> S3Links:
    """Return the addresses of the objects of a site's bucket."""
    return S3Links(open_wire(site, credentials, site.bucket), site.bucket)


class S3Links:
    """The addresses of one bucket's objects (see `ports.Links`).

    Args:
        wire: Asks about the bucket, and signs.
        bucket: Its name, for messages.
    """

    def __init__(self, wire: S3Wire, bucket: str) -> None:
        self._wire = wire
        self._bucket = bucket

    def pin(self, state: ObjectState) -> str | None:
        """Return the version id of `state`: 1 request."""
        check_key(state.key)
        uri = f"s3://{self._bucket}/{state.key}"
        headers = {"if-match": f'"{state.token}"'}
        with translate("head", uri), self._wire.request("HEAD", state.key, headers=headers) as answer:
            modified = parsedate_to_datetime(answer.headers["last-modified"]).astimezone(UTC)
            version = answer.headers.get("x-amz-version-id", "")
        if modified != state.modified:  # the same bytes again are another version with the same ETag
            raise PreconditionFailedError(f"Could not pin {uri}: it was written again")
        return None if version in _UNVERSIONED else version

    def link(self, key: str, pin: str, *, seconds: int) -> str:
        """Return the address of one version, signed by whoever acts at the site: no request."""
        check_key(key)
        return self._wire.link(key, {"versionId": pin}, seconds=seconds)
