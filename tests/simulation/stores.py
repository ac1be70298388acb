"""A site's bucket as the core sees it: every call lets others act first, and may meet with a mishap."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeVar

from simulation.plan import SMALL, Rates
from simulation.sites import Bucket, Site
from simulation.turns import Turns
from tradewind.errors import IntegrityError, StoreUnavailableError, TradewindError
from tradewind.ports import Download, Metadata, ObjectPage, ObjectState, PutReceipt

T = TypeVar("T")
PAGE = 4
"""Keys in a page of a listing, at most."""


@dataclass(slots=True)
class Luck:
    """What goes wrong, and when."""

    rng: Random
    rates: Rates


@dataclass(slots=True)
class Calls:
    """Requests to one bucket.

    Args:
        site: Where it is.
        name: The site's name, marked if it is the control bucket.
        turns: Whose turn it is.
        luck: What goes wrong.
    """

    site: Site
    name: str
    turns: Turns
    luck: Luck

    def make(self, what: str, key: str, call: Callable[[], T], told: Callable[[T], str] = lambda _: "done") -> T:
        """Make one request, which takes effect at one moment, unless the site does not answer."""
        self.turns.pause()
        rates = self.luck.rates
        fate = self.luck.rng.random()
        if self.site.dark or fate < rates.throttle:
            self.turns.mishaps += 1
            self.turns.note(what, self.name, key, "unavailable")
            raise StoreUnavailableError(f"{self.name} does not answer")
        try:
            answer = call()
        except TradewindError as error:
            self.turns.note(what, self.name, key, type(error).__name__)
            raise
        if fate > 1 - rates.lost:
            self.turns.mishaps += 1
            self.turns.note(what, self.name, key, f"{told(answer)}, and the answer is lost")
            raise StoreUnavailableError(f"The answer of {self.name} is lost")
        self.turns.note(what, self.name, key, told(answer))
        return answer

    def garbled(self) -> bool:
        """Say whether bytes change on their way now."""
        return self.luck.rng.random() < self.luck.rates.corrupt


@dataclass(slots=True)
class SimulatedStore:
    """See `ports.ObjectStore`.

    Args:
        calls: What goes to it.
        bucket: What it keeps.
        changed: Told each key that was written or deleted.
    """

    calls: Calls
    bucket: Bucket
    changed: Callable[[str], None]

    @property
    def checksum(self) -> Literal["crc32c", "md5"]:
        """That of the bucket."""
        return self.bucket.checksum

    @property
    def keeps_tags(self) -> bool:
        """That of the bucket."""
        return self.bucket.keeps_tags

    def check_key(self, key: str) -> None:
        """As the bucket."""
        self.bucket.check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """As the bucket."""
        self.bucket.check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """As the bucket."""
        return self.calls.make("head", key, lambda: self.bucket.head(key), _of_state)

    @contextmanager
    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> Iterator[Download]:
        """As the bucket; Cloud Storage is asked for the bytes only when they are wanted."""

        def download() -> Download:
            with self.bucket.get(key, token=token, start=start, length=length) as opened:
                return opened

        opened = self.calls.make("get", key, download, lambda found: _of_state(found.state))
        yield Download(opened.state, self._chunks(key, opened))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """As the bucket."""

        def write() -> PutReceipt:
            if self.bucket is self.calls.site.data and self.calls.garbled():
                raise IntegrityError(f"{self.calls.name} received other bytes")
            receipt = self.bucket.put(key, body, metadata=metadata, crc32c=crc32c, md5=md5, expect=expect)
            self.changed(key)
            return receipt

        return self.calls.make(f"put if {expect and expect[:6]}", key, write, lambda receipt: receipt.token[:6])

    def delete(self, key: str, *, expect: str) -> None:
        """As the bucket."""

        def remove() -> None:
            self.bucket.delete(key, expect=expect)
            self.changed(key)

        self.calls.make(f"delete if {expect[:6]}", key, remove)

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """As the bucket, in small pages."""
        size = min(limit, PAGE)
        return self.calls.make(
            "list", prefix, lambda: self.bucket.list(prefix, cursor=cursor, limit=size), lambda p: str(len(p.objects))
        )

    def _chunks(self, key: str, opened: Download) -> Iterator[bytes]:
        if self.calls.site.plan.cloud == "gcp":
            self.calls.make("read", key, lambda: self._require(key, opened.state.token), lambda _: "")
        sums = opened.state.checksums
        kept = opened.state.size <= SMALL or (sums.crc32c, sums.crc64nvme) != (None, None)
        for chunk in opened.chunks:
            # Of what a store keeps no checksum, nobody can tell whether it was read as it is.
            if kept and self.bucket is self.calls.site.data and self.calls.garbled():
                self.calls.turns.note("corrupted", self.calls.name, key)
                yield bytes((chunk[0] ^ 1,)) + chunk[1:]
            else:
                yield chunk

    def _require(self, key: str, token: str) -> None:
        with self.bucket.get(key, token=token):
            pass


def _of_state(state: ObjectState | None) -> str:
    return f"{state.token[:6]} of {state.modified:%M:%S.%f}"[:20] if state else "absent"
