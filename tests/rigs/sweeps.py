"""A world with records and queues, in which sweeps and what works off their requests are run by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rigs.world import JURISDICTIONS, InlineExecutor, WatchedStore, World
from tradewind.clouds.memory.queue import MemoryQueue
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import UnportableError
from tradewind.fleet import Rule
from tradewind.ports import ObjectPage, ObjectState
from tradewind.records import Records
from tradewind.replication import requests
from tradewind.replication.sweeping.sweep import Budget, Step, Sweeper

FOREVER = timedelta(days=1)


class DisorderlyStore(MemoryStore):
    """A store that lists its keys in another order than that of their bytes, in small pages."""

    def list(self, prefix: str = "", *, cursor: str | None = None, limit: int = 1000) -> ObjectPage:
        """Return a page of three, the greatest key first."""
        lines = super().list(prefix, limit=10**9).objects[::-1]
        first = int(cursor or 0)
        return ObjectPage(lines[first : first + 3], str(first + 3) if first + 3 < len(lines) else None)


@dataclass(slots=True)
class Narrow(WatchedStore):
    """A store that can never hold some keys."""

    without: tuple[str, ...] = ()

    def check_key(self, key: str) -> None:
        """Refuse the keys."""
        if key in self.without:
            raise UnportableError(f"There is no room for {key}")
        WatchedStore.check_key(self, key)

    def head(self, key: str) -> ObjectState | None:
        """Refuse the keys, as the clouds' stores do."""
        self.check_key(key)
        return WatchedStore.head(self, key)


@dataclass
class Sweeps:
    """Sweeps of a world's first rule."""

    world: World
    queues: dict[str, MemoryQueue] = field(default_factory=lambda: {site: MemoryQueue() for site in JURISDICTIONS})
    controls: dict[str, WatchedStore] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.controls = {site: WatchedStore(MemoryStore(clock=lambda: self.world.now)) for site in JURISDICTIONS}

    @property
    def rule(self) -> Rule:
        """The rule that is swept."""
        return self.world.fleet.rules[0]

    def records(self, site: str) -> Records:
        """Return the records of a site."""
        return Records(self.controls[site], "tradewind/")

    def sweeper(self, holder: str = "one", *, trusting: bool = False) -> Sweeper:
        """Return somebody who sweeps."""
        return Sweeper(
            fleet=self.world.fleet,
            store_of=self.world.stores.__getitem__,
            records_of=self.records,
            queue_of=self.queues.__getitem__,
            gate=self.world.gate,
            executor=InlineExecutor(),
            clock=lambda: self.world.now,
            holder=holder,
            trusting=trusting,
        )

    def step(self, keys: int = 10**6, *, holder: str = "one", at_once: bool = False) -> Step:
        """Do one step."""
        return self.sweeper(holder).step(self.rule, self.budget(keys), at_once=at_once)

    def budget(self, keys: int) -> Budget:
        """Return a budget of so many keys, and of any time."""
        return Budget(keys, self.world.now + FOREVER)

    def asked(self) -> dict[str, list[str]]:
        """Take the requests out of every queue, and return the keys that each site was asked to look at."""
        taken: dict[str, list[str]] = {}
        for site, queue in self.queues.items():
            while found := queue.receive():
                for message in found:
                    notifications = requests.decode(self.world.fleet, message)
                    taken.setdefault(site, []).extend(each.key for each in notifications)
                    queue.acknowledge(message)
        return taken

    def work_off(self) -> Sequence[str]:
        """Do what was asked for; return the keys that were looked at."""
        worked: list[str] = []
        for queue in self.queues.values():
            while found := queue.receive():
                for message in found:
                    for notification in requests.decode(self.world.fleet, message):
                        self.world.replicator.replicate(notification)
                        worked.append(notification.key)
                    queue.acknowledge(message)
        return worked

    def at(self, time: datetime) -> None:
        """Let it be `time`."""
        self.world.now = time
