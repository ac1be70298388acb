"""Copies inside one bucket of Cloud Storage."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tradewind.clouds.gcp.clients import TIMEOUT, GcsClient, open_client
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import check_key, check_metadata, encode_user
from tradewind.errors import PreconditionFailedError
from tradewind.fleet import GcpSite
from tradewind.ports import Metadata, ObjectState, PutReceipt

_ASCII_CONTROL = re.compile(r"[\x00-\x1f]")


def open_copies(site: GcpSite, credentials: Mapping[str, str] | None) -> GcsCopies:
    """Return the copies inside a site's bucket."""
    return GcsCopies(open_client(site, credentials), site.bucket)


class GcsCopies:
    """The copies inside one bucket (see `ports.Copies`).

    Inside a bucket nothing is moved, so an object of any size is rewritten in 1 request; where it is not (another
    storage class), Cloud Storage answers with a token to go on with, and the object appears when all is done:
    https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite.

    Args:
        client: Shared with the stores of a process.
        bucket: Its name.
    """

    def __init__(self, client: GcsClient, bucket: str) -> None:
        self._client = client
        self._bucket = bucket

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source`, whose checksums come with them."""
        check_key(key)
        check_metadata(metadata)
        generations = {
            "if_generation_match": self._generation(key, expect),
            "if_source_generation_match": self._generation(source.key, source.token),
        }
        bucket = self._client.sdk.bucket(self._bucket)
        blob = bucket.blob(key)
        # A request that names any metadata takes none from the source; the type is one that a rewrite has to name.
        blob.content_type = metadata.content_type or "application/octet-stream"
        blob.content_encoding = metadata.content_encoding
        blob.content_language = metadata.content_language
        blob.content_disposition = metadata.content_disposition
        blob.cache_control = metadata.cache_control
        blob.metadata = encode_user(metadata)
        token: str | None = None
        with translate("copy", self._uri(key)):
            while True:
                token, _, _ = blob.rewrite(
                    bucket.blob(source.key), token=token, timeout=TIMEOUT, retry=None, **generations
                )
                if token is None:
                    return PutReceipt(str(blob.generation))

    def _uri(self, key: str) -> str:
        return f"gs://{self._bucket}/{_ASCII_CONTROL.sub('?', key)}"

    def _generation(self, key: str, token: str | None) -> int:
        """Return the generation to match; 0 means that there is no object."""
        if token is None:
            return 0
        if not token.isdecimal():
            raise PreconditionFailedError(f"{self._uri(key)} never had generation {token!r}")
        return int(token)
