"""The simulated clouds: what a bucket of each keeps, and what it announces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import md5 as md5_of
from typing import Literal

from simulation.history import Deed, Held
from simulation.plan import PRINCIPAL, SitePlan
from simulation.queues import SimulatedQueue
from simulation.turns import Clock
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore, _Object
from tradewind.fleet import CLIENT_REQUEST, Fleet
from tradewind.ports import Change, Checksums, Metadata, Notification, ObjectState, PutReceipt


class Bucket(MemoryStore):
    """A bucket in memory that keeps the checksum, and gives the tokens, of one cloud."""

    def __init__(self, plan: SitePlan, clock: Callable[[], datetime]) -> None:
        super().__init__(plan.name, clock=clock)
        self._etags = plan.etags
        self.checksum: Literal["crc32c", "md5"] = "md5" if plan.cloud == "azure" else "crc32c"  # type: ignore[assignment]
        self._keeps_md5 = plan.cloud == "azure"
        self.blocks: dict[str, dict[str, bytes]] = {}
        """Uncommitted, by key and id (Azure)."""

    def put(
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        """Write as in memory, and keep only what the cloud keeps."""
        receipt = super().put(key, body, metadata=metadata, crc32c=crc32c, md5=md5, expect=expect)
        state = self._objects[key].state
        self.amend(key, checksums=Checksums(md5=state.checksums.md5) if self._keeps_md5 else Checksums(crc32c=crc32c))
        return receipt

    def place(
        self, key: str, body: bytes, *, metadata: Metadata, checksums: Checksums, expect: str | None
    ) -> PutReceipt:
        """Make an object as in memory; Azure then drops all blocks that were sent for it."""
        receipt = super().place(key, body, metadata=metadata, checksums=checksums, expect=expect)
        self.blocks.pop(key, None)
        if not self._etags:
            return receipt
        return PutReceipt(self.amend(key, token=md5_of(body, usedforsecurity=False).hexdigest()).token)

    def amend(
        self,
        key: str,
        *,
        token: str | None = None,
        modified: datetime | None = None,
        checksums: Checksums | None = None,
        metadata: Metadata | None = None,
    ) -> ObjectState:
        """Change some of what is shown of an object, and return all of it."""
        held = self._objects[key]
        state = replace(
            held.state,
            token=token or held.state.token,
            modified=modified or held.state.modified,
            checksums=checksums or held.state.checksums,
            metadata=metadata or held.state.metadata,
        )
        self._objects[key] = _Object(state, held.body)
        return state

    def body_of(self, key: str) -> bytes:
        """Return the bytes of an object that exists."""
        return self._objects[key].body

    def token_of(self, key: str) -> str | None:
        """Return the token of an object, or None if there is none."""
        held = self._objects.get(key)
        return held.state.token if held else None

    def describe(self, key: str, metadata: Metadata) -> None:
        """Give an object other metadata, as Cloud Storage does: it is no other version, and is as old as it was."""
        self.amend(key, metadata=metadata)

    def held(self, key: str, *, ours: bool) -> Held | None:
        """Return what there is of a key, for the history."""
        held = self._objects.get(key)
        return Held(held.body, held.state, ours) if held else None

    def keys(self) -> list[str]:
        """Return every key, in order."""
        return sorted(self._objects)

    def overwrite(self, key: str, body: bytes, metadata: Metadata) -> None:
        """Write whatever is there, as users do."""
        expect = self.token_of(key)
        self.put(key, body, metadata=metadata, crc32c=crc32c(body), md5=None, expect=expect)


@dataclass(slots=True)
class Site:
    """One site: its buckets, its queue, and its clock."""

    plan: SitePlan
    clock: Clock
    queue: SimulatedQueue
    letters: SimulatedQueue
    """The dead letters."""
    data: Bucket = field(init=False)
    control: Bucket = field(init=False)
    dark: bool = False
    """It does not answer."""

    def __post_init__(self) -> None:
        self.data = Bucket(self.plan, self.now)
        self.control = Bucket(self.plan, self.now)

    def now(self) -> datetime:
        """Return the time that this cloud's clock shows."""
        return self.clock.read(skew=self.plan.skew, coarse=self.plan.coarse)

    def announcement(self, fleet: Fleet, deed: Deed) -> Notification:
        """Return what the cloud says of a change here: each tells in a way of its own who deleted."""
        same = deed.before and deed.after and deed.before.state.token == deed.after.state.token
        written = Change.METADATA if same and self.plan.cloud == "gcp" else Change.WRITTEN
        version = deed.after.state.token if deed.after else None
        if deed.after is None and self.plan.cloud == "gcp" and deed.before is not None:
            version = deed.before.state.token
        return Notification(
            self.plan.cloud,
            fleet.sites[self.plan.name].address,
            deed.key,
            written if deed.after else Change.DELETED,
            time=deed.time,
            version=version,
            size=deed.after.state.size if deed.after else None,
            id=f"deed {deed.number}",
            actor=self._actor(ours=deed.ours),
        )

    def notice_of(self, fleet: Fleet, key: str) -> Notification:
        """Return what the cloud says of a key of tradewind's own in the data bucket."""
        return Notification(
            self.plan.cloud, fleet.sites[self.plan.name].address, key, Change.WRITTEN, time=self.now(), id=key
        )

    def _actor(self, *, ours: bool) -> str:
        if self.plan.cloud == "aws":
            return f"AWS:{PRINCIPAL}:session" if ours else "AWS:AIDAUSER"
        if self.plan.cloud == "azure":
            return f"{CLIENT_REQUEST}0" if ours else "5f9c1a52"
        return ""
