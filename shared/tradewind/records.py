"""tradewind's own records: small JSON documents in a site's control bucket, each changed by compare-and-set."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from tradewind.checksums import crc32c, md5, prove
from tradewind.errors import ConfigurationError, NotFoundError, PreconditionFailedError, TransientError
from tradewind.ports import Metadata, ObjectPage, ObjectState, ObjectStore, ObjectSummary

Document: TypeAlias = Mapping[str, Any]
TRIES = 16
"""How often a change is tried against other writers before it is left to a later delivery."""
_JSON = Metadata(content_type="application/json")


def name_for(key: str) -> str:
    """Return 32 hexadecimal digits that stand for `key` in a record's name; the key itself may be too long for one."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


@dataclass(frozen=True, slots=True)
class Record:
    """A document as it was read."""

    value: Document
    token: str
    """Its version, for `write` and `delete`."""


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one site. Names are paths such as `tombstones/6f/…`; errors are those of the object store.

    Args:
        store: The site's control bucket.
        prefix: Keys of records start with it.
    """

    store: ObjectStore
    prefix: str

    def read(self, name: str) -> Record | None:
        """Return a record, or None if there is none: 1 request.

        Raises:
            IntegrityError: Other bytes arrived than the store keeps.
            ConfigurationError: Somebody else wrote it; what it held is lost, so a person must look.
        """
        key = self.prefix + name
        for _ in range(TRIES):
            try:
                with self.store.get(key) as download:
                    state, body = download.state, b"".join(download.chunks)
            except NotFoundError:
                return None
            except PreconditionFailedError:  # Cloud Storage asks twice, and it was written in between
                continue
            return self._decoded(key, state, body)
        raise TransientError(f"The record {key} changed {TRIES} times under a read of it")

    def _decoded(self, key: str, state: ObjectState, body: bytes) -> Record:
        prove(body, state.checksums, crc=crc32c(body), subject=repr(key))
        try:
            value = json.loads(body)
        except ValueError as error:
            raise _foreign(key) from error
        if not isinstance(value, dict):
            raise _foreign(key)
        return Record(value, state.token)

    def write(self, name: str, value: Document, *, expect: str | None) -> str:
        """Write a record if its version is `expect` (None: if it does not exist), and return its new version.

        Raises:
            PreconditionFailedError: It is of another version; nothing was written.
        """
        body = json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        checksum = md5(body) if self.store.checksum == "md5" else None
        key = self.prefix + name
        return self.store.put(key, body, metadata=_JSON, crc32c=crc32c(body), md5=checksum, expect=expect).token

    def delete(self, name: str, *, expect: str) -> None:
        """Delete a record if its version is `expect`; no error if it is gone.

        Raises:
            PreconditionFailedError: It is of another version.
        """
        with suppress(NotFoundError):
            self.store.delete(self.prefix + name, expect=expect)

    def change(self, name: str, become: Callable[[Document | None], Document | None]) -> Document | None:
        """Replace a record by what `become` makes of it, and return what is there afterwards.

        Args:
            name: The record's.
            become: Is given the present document (None: there is none) and returns the new one, or None to leave all as
                it is. It may be called several times.

        Raises:
            TransientError: Others changed it all the time.
        """
        for _ in range(TRIES):
            held = self.read(name)
            value = become(held.value if held else None)
            if value is None:
                return held.value if held else None
            try:
                self.write(name, value, expect=held.token if held else None)
            except PreconditionFailedError:
                continue
            return value
        raise TransientError(f"The record {self.prefix + name} changed {TRIES} times under a change of it")

    def list(self, prefix: str) -> Iterator[ObjectSummary]:
        """Yield the records whose names start with `prefix`, without the prefix of all records in their keys."""
        cursor = None
        while True:
            page = self.page(prefix, cursor)
            yield from page.objects
            if (cursor := page.cursor) is None:
                return

    def page(self, prefix: str, cursor: str | None) -> ObjectPage:
        """Return some of what `list` yields, and where the rest begins; for whoever goes on another time."""
        page = self.store.list(self.prefix + prefix, cursor=cursor)
        named = (replace(each, key=each.key.removeprefix(self.prefix)) for each in page.objects)
        return ObjectPage(tuple(named), page.cursor)


def _foreign(key: str) -> ConfigurationError:
    return ConfigurationError(
        f"The record {key!r} in the control bucket is none of tradewind's",
        hint="Nothing else may write there; delete it, and what it held is found anew as far as it can be",
    )
