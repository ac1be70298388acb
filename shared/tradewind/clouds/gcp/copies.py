"""Copies inside one bucket of Cloud Storage."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any
from urllib.parse import quote, urlencode

from tradewind.clouds.copying import SECONDS, late
from tradewind.clouds.gcp.clients import open_wire
from tradewind.clouds.gcp.errors import translate
from tradewind.clouds.gcp.limits import check_key, check_metadata
from tradewind.clouds.gcp.objects import described
from tradewind.clouds.gcp.wire import GcsWire, json_target
from tradewind.clouds.telling import told
from tradewind.errors import PreconditionFailedError
from tradewind.fleet import GcpSite
from tradewind.ports import Metadata, ObjectState, PutReceipt


def open_copies(site: GcpSite, credentials: Mapping[str, str] | None) -> GcsCopies:
    """Return the copies inside a site's bucket."""
    return GcsCopies(open_wire(site, credentials), site.bucket)


class GcsCopies:
    """The copies inside one bucket (see `ports.Copies`).

    Inside a bucket nothing is moved, so an object of any size is rewritten in 1 request; where it is (to another
    storage class), Cloud Storage answers with a token to go on with, and the object appears when all is done:
    https://cloud.google.com/storage/docs/json_api/v1/objects/rewrite.

    Args:
        wire: Shared with the stores of a process.
        bucket: Its name.
        clock: Returns seconds, of any beginning.
    """

    def __init__(self, wire: GcsWire, bucket: str, *, clock: Callable[[], float] = monotonic) -> None:
        self._wire = wire
        self._bucket = bucket
        self._clock = clock

    def copy(self, source: ObjectState, key: str, *, metadata: Metadata, expect: str | None) -> PutReceipt:
        """Make `key` the bytes of `source`, whose checksums come with them.

        Raises:
            StoreUnavailableError: It is not done in time; nothing of it is kept.
        """
        check_key(key)
        check_metadata(metadata)
        query = {
            "ifGenerationMatch": self._generation(key, expect),
            "ifSourceGenerationMatch": self._generation(source.key, source.token),
        }
        # A request that describes the copy takes nothing of the source's own description.
        body = json.dumps(described(metadata)).encode()
        ends = self._clock() + SECONDS
        with translate("copy", self._uri(key)):
            while not (answer := self._rewrite(source.key, key, query, body))["done"]:
                if self._clock() > ends:
                    raise late(self._uri(key))
                query["rewriteToken"] = str(answer["rewriteToken"])
        return PutReceipt(str(answer["resource"]["generation"]))

    def _rewrite(self, source: str, key: str, query: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
        here = quote(self._bucket, safe="")
        target = f"{json_target(self._bucket, source)}/rewriteTo/b/{here}/o/{quote(key, safe='')}?{urlencode(query)}"
        headers = {"Content-Type": "application/json; charset=UTF-8"}
        with self._wire.request("POST", target, headers=headers, body=body) as answer:
            found: Mapping[str, Any] = json.loads(answer.read())
        return found

    def _uri(self, key: str) -> str:
        return f"gs://{self._bucket}/{told(key)}"

    def _generation(self, key: str, token: str | None) -> str:
        """Return the generation to match; 0 means that there is no object."""
        if token is None:
            return "0"
        if not token.isdecimal():
            raise PreconditionFailedError(f"{self._uri(key)} never had generation {token!r}")
        return token
