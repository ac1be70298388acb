"""A fleet over memory stores, in which every store call can be preceded by something else that happens."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Literal, ParamSpec, TypeVar

from tradewind.checksums import crc32c
from tradewind.clouds.memory.copies import MemoryCopies
from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.clouds.memory.store import MemoryStore
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.compliance import JurisdictionGate
from tradewind.fleet import Fleet
from tradewind.ports import (
    AuditRecord,
    Change,
    Download,
    Links,
    Metadata,
    Notification,
    ObjectPage,
    ObjectState,
    ObjectStore,
    Pulls,
    PutReceipt,
)
from tradewind.records import Records
from tradewind.replication.access import Access
from tradewind.replication.assemble import assemble
from tradewind.replication.contents.worth import Reuse
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.replicate import Replicator

P = ParamSpec("P")
T = TypeVar("T")
JURISDICTIONS = {"a": "US", "b": "EU", "c": "CH"}
PLAIN = Metadata()


class InlineExecutor(Executor):
    """Runs what is submitted at once, in the caller's thread."""

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run `fn` and return its result as a future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - a future carries whatever was raised
            future.set_exception(error)
        return future


@dataclass(slots=True)
class ListedAudit:
    """An audit log that a test can read."""

    records: list[AuditRecord] = field(default_factory=list)

    def record(self, record: AuditRecord) -> None:
        """Append `record`."""
        self.records.append(record)


@dataclass(slots=True)
class WatchedStore:
    """A store that counts its calls, and lets something happen before each and after it."""

    inner: ObjectStore
    before: Callable[[str], None] = lambda _: None
    after: Callable[[str], None] = lambda _: None
    calls: list[str] = field(default_factory=list)

    @property
    def checksum(self) -> Literal["crc32c", "md5"]:
        """That of the store behind it."""
        return self.inner.checksum

    @property
    def keeps_tags(self) -> bool:
        """As the store behind it."""
        return self.inner.keeps_tags

    def check_key(self, key: str) -> None:
        """As the store behind it."""
        self.inner.check_key(key)

    def check_metadata(self, metadata: Metadata) -> None:
        """As the store behind it."""
        self.inner.check_metadata(metadata)

    def head(self, key: str) -> ObjectState | None:
        """As the store behind it."""
        return self._call("head", lambda: self.inner.head(key))

    def get(
        self, key: str, *, token: str | None = None, start: int = 0, length: int | None = None
    ) -> AbstractContextManager[Download]:
        """As the store behind it."""
        return self._call("get", lambda: self.inner.get(key, token=token, start=start, length=length))

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """As the store behind it."""
        return self._call(
            "put", lambda: self.inner.put(key, body, metadata=metadata, crc32c=crc32c, md5=md5, expect=expect)
        )

    def delete(self, key: str, *, expect: str) -> None:
        """As the store behind it."""
        self._call("delete", lambda: self.inner.delete(key, expect=expect))

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """As the store behind it."""
        return self._call("list", lambda: self.inner.list(prefix, cursor=cursor, limit=limit))

    def _call(self, name: str, call: Callable[[], T]) -> T:
        self.before(name)
        self.calls.append(name)
        answer = call()
        self.after(name)
        return answer


class World:
    """Three sites, `a` (US), `b` (EU) and `c` (CH), and users who write to them."""

    def __init__(
        self,
        *rules: dict[str, object],
        parts: PartSizes | None = None,
        reuse: Reuse | None = None,
        apart: bool = False,
        limits: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.fleet = fleet_of(*rules, apart=apart, limits=limits)
        self.memory = {site: MemoryStore(clock=lambda: self.now) for site in JURISDICTIONS}
        self.stores = {site: WatchedStore(store) for site, store in self.memory.items()}
        self.audit = ListedAudit()
        self.gate = JurisdictionGate(dict(self.fleet.classifications))
        self.control = {site: MemoryStore(f"control-{site}", clock=lambda: self.now) for site in JURISDICTIONS}
        self.records = {site: Records(store, "tradewind/") for site, store in self.control.items()}
        self.queues = {site: MemoryQueue(clock=self.seconds) for site in JURISDICTIONS}
        self.letters = MemoryQueue()
        self.links: dict[str, Links] = {}
        self.pulls: dict[str, Pulls] = {}
        self._sizes = parts, reuse
        self.replicator = self.process()

    def process(self, fleet: Fleet | None = None) -> Replicator:
        """Return what a process works with that has just begun, and has read this fleet file."""
        return assemble(
            fleet or self.fleet,
            Access(
                self.stores.__getitem__,
                self.records.__getitem__,
                queue_of=self.queues.__getitem__,
                uploads_of=lambda site: MemoryUploads(self.memory[site]),
                copies_of=lambda site: MemoryCopies(self.memory[site]),
                links_of=self.links.get,
                pulls_of=self.pulls.get,
            ),
            gate=self.gate,
            audit=self.audit,
            executor=InlineExecutor(),
            clock=lambda: self.now,
            parts=self._sizes[0],
            reuse=self._sizes[1],
        )

    def seconds(self) -> float:
        """Return the time as the queues' clock has it."""
        return self.now.timestamp()

    def pass_time(self, seconds: float = 1) -> None:
        """Let the one clock of all sites go on."""
        self.now += timedelta(seconds=seconds)

    def write(self, site: str, key: str, body: bytes, metadata: Metadata = PLAIN) -> Notification:
        """Write as a user, and return what the store would announce."""
        store = self.memory[site]
        state = store.head(key)
        store.put(key, body, metadata=metadata, crc32c=crc32c(body), md5=None, expect=state.token if state else None)
        return self.announce(site, key, Change.WRITTEN)

    def delete(self, site: str, key: str) -> Notification:
        """Delete as a user, and return what the store would announce."""
        state = self.memory[site].head(key)
        if state is not None:
            self.memory[site].delete(key, expect=state.token)
        return self.announce(site, key, Change.DELETED)

    def damage_on_the_way(self, site: str, key: str, body: bytes) -> None:
        """Let readers of an object get other bytes than those whose checksum its store keeps."""
        objects = self.memory[site]._objects
        objects[key] = replace(objects[key], body=body)

    def damage_at_rest(self, site: str, key: str, body: bytes) -> None:
        """Change an object's bytes and nothing else."""
        state = self.memory[site].head(key)
        assert state is not None
        self.write(site, key, body, state.metadata)

    def announce(self, site: str, key: str, change: Change) -> Notification:
        """Return a notification of `key` at `site`."""
        return Notification("aws", f"bucket-{site}", key, change, self.now, id="event", actor="AWS:AIDAUSER")

    def body(self, site: str, key: str) -> bytes | None:
        """Return what is at `site`, or None."""
        if self.memory[site].head(key) is None:
            return None
        with self.memory[site].get(key) as download:
            return b"".join(download.chunks)


def fleet_of(*rules: dict[str, object], apart: bool = False, limits: Mapping[str, int] = MappingProxyType({})) -> Fleet:
    """Return a fleet of the three sites with these rules; a rule is one-way from `a` and public unless it says else.

    Args:
        rules: The rules.
        apart: Whether each site is in a region of its own, so that the way between them costs something.
        limits: How many copies a site takes at a time; any number at the others.
    """
    sites = {
        name: {
            "cloud": "aws",
            "region": f"r-{name}" if apart else "r",
            "jurisdiction": jurisdiction,
            "bucket": f"bucket-{name}",
            "control_bucket": "control",
            "queues": {"notifications": "n", "dead_letters": "d"},
            "concurrent_copies": limits.get(name),
        }
        for name, jurisdiction in JURISDICTIONS.items()
    }
    one_way = {"mode": "one_way", "from": "a", "classification": "public"}
    both = {"mode": "active_active", "classification": "public"}
    return Fleet.model_validate(
        {
            "version": 1,
            "sites": sites,
            "classifications": {"public": {"jurisdictions": "any"}, "personal": {"jurisdictions": ["EU"]}},
            "rules": [(both if "sites" in rule else one_way) | rule for rule in rules],
        }
    )
