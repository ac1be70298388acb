"""Worlds in which site `b` reads large objects of site `a` by itself, as Azure does of S3."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from rigs.large import large_world
from rigs.world import World
from tradewind.checksums import crc64nvme
from tradewind.clouds.memory.store import MemoryStore
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.errors import PreconditionFailedError
from tradewind.ports import Change, Checksums, Metadata, Notification, ObjectState, Part

KEY = "models/weights.bin"
PLAIN = Metadata()


@dataclass(slots=True)
class MemoryLinks:
    """The addresses of a store that keeps every version that was pinned."""

    store: MemoryStore
    versioned: bool = True
    kept: dict[str, bytes] = field(default_factory=dict)
    """By address."""
    given: list[int] = field(default_factory=list)
    """For how many seconds each address was given."""
    before: Callable[[], None] = lambda: None
    """Called before a version is pinned."""

    def pin(self, state: ObjectState) -> str | None:
        """Keep the version."""
        self.before()
        with self.store.get(state.key) as download:
            if download.state != state:
                raise PreconditionFailedError(f"{state.key!r} was replaced")
            self.kept[f"{state.key}?{state.token}"] = b"".join(download.chunks)
        return state.token if self.versioned else None

    def link(self, key: str, pin: str, *, seconds: int) -> str:
        """Return its address."""
        self.given.append(seconds)
        return f"{key}?{pin}"


@dataclass(slots=True)
class MemoryPulls:
    """What reads from those addresses; something else may happen before it does, and to what it reads."""

    links: MemoryLinks
    uploads: MemoryUploads
    before: Callable[[int], None] = lambda _: None
    """Given the part's number."""
    garble: Callable[[bytes], bytes] = lambda read: read
    after: Callable[[int], None] = lambda _: None
    pulled: list[int] = field(default_factory=list)
    said: set[int] = field(default_factory=set)
    """What the whole was said to be."""

    def pull_part(self, key: str, upload: str, number: int, url: str, *, start: int, length: int, whole: int) -> Part:
        """Read a part."""
        self.before(number)
        body = self.garble(self.links.kept[url][start : start + length])
        self.said.add(whole)
        self.pulled.append(number)
        part = self.uploads.put_part(key, upload, number, iter([body]), size=length)
        self.after(number)
        return part


@dataclass(frozen=True, slots=True)
class Pulling:
    """Such a world."""

    world: World
    links: MemoryLinks
    pulls: MemoryPulls

    def write(self, body: bytes, metadata: Metadata = PLAIN) -> Notification:
        """Write as a user whose store keeps a CRC-64/NVME."""
        store = self.world.memory["a"]
        state = store.head(KEY)
        checksums = Checksums(crc64nvme=crc64nvme(body))
        store.place(KEY, body, metadata=metadata, checksums=checksums, expect=state.token if state else None)
        return self.world.announce("a", KEY, Change.WRITTEN)

    def replicate(self, body: bytes) -> None:
        """Write as a user, and work off the notification."""
        self.world.replicator.replicate(self.write(body))


def pulling(rule: dict[str, object]) -> Pulling:
    """Return a world in which `b` reads from `a` by itself."""
    world = large_world(rule)
    links = MemoryLinks(world.memory["a"])
    pulls = MemoryPulls(links, MemoryUploads(world.memory["b"]))
    world.links["a"], world.pulls["b"] = links, pulls
    return Pulling(world, links, pulls)
