"""Accounts over memory stores: functions that pay from one, interleaved at every store call."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

from greenlet import greenlet

from rigs.large import work_off
from rigs.world import JURISDICTIONS, InlineExecutor, WatchedStore, World, fleet_of
from tradewind.clouds.memory.store import MemoryStore
from tradewind.facts.prices import GIB
from tradewind.fleet import Fleet, Rule
from tradewind.ports import Notification, ObjectState
from tradewind.records import Records
from tradewind.replication.budgets.account import Need, Terms, Wait
from tradewind.replication.budgets.asking import Budgets
from tradewind.replication.budgets.ledger import Ledger, Receipt
from tradewind.replication.budgets.limits import limited_at
from tradewind.replication.budgets.release import Release, Standing
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.sweeping.sweep import Sweeper
from tradewind.replication.sweeping.timer import Round, turn

DOLLAR = 10**9
MIB = 1024 * 1024
WAY = ("a", "b")
DEAR = {"usd_per_gib": float(GIB)}
"""A contract by which each byte costs a dollar."""
PRICE = DOLLAR // 10
"""Nanodollars for a GiB."""


def priced(fleet: Fleet, limits: Mapping[str, int] = MappingProxyType({})) -> Fleet:
    """Return a fleet whose sites are in regions of their own, so that what goes between them costs, with limits."""
    sites = {
        name: site.model_copy(update={"region": f"region-{name}", "concurrent_copies": limits.get(name)})
        for name, site in fleet.sites.items()
    }
    return fleet.model_copy(update={"sites": sites})


def cost(size: int, price: int = PRICE) -> int:
    """Return the nanodollars of some bytes, rounded up."""
    return -(-size * price // GIB)


@dataclass
class Bank:
    """One account of a rule, and functions that pay from it."""

    limit: int | None = DOLLAR
    rate: float | None = None
    now: datetime = datetime(2026, 1, 1, tzinfo=UTC)
    store: WatchedStore = field(init=False)
    rule: Rule = field(init=False)

    def __post_init__(self) -> None:
        """Open the control bucket."""
        self.store = WatchedStore(MemoryStore(clock=lambda: self.now))
        self.rule = fleet_of({"name": "rule", "to": ["b"]}).rules[0]

    @property
    def terms(self) -> Terms:
        """What the rule allows."""
        return Terms(self.limit, self.rate, PRICE)

    def ledger(self) -> Ledger:
        """Return what a function pays with: a process of its own."""
        return Ledger(lambda _: Records(self.store, "tradewind/"), InlineExecutor(), lambda: self.now)

    def spent(self) -> int:
        """Return what is spent in the account's month."""
        return self.ledger().read(self.rule).spent

    def pay(self, ledger: Ledger, size: int, name: str = "", *, change: bool = False) -> Receipt | Wait:
        """Pay for some bytes."""
        paid = ledger.pay(self.rule, WAY, self.terms, Need(size, name, change=change))
        return paid if isinstance(paid, Wait) else paid[1]

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(seconds=seconds)


def interleave(store: WatchedStore, work: Sequence[Callable[[], None]], schedule: Iterator[int]) -> None:
    """Run several functions that take turns at every call of a store, in an order that is given."""
    hub = greenlet.getcurrent()
    store.before = lambda _: hub.switch()
    running = [greenlet(each) for each in work]
    try:
        while running:
            one = running[next(schedule, 0) % len(running)]
            one.switch()
            running = [each for each in running if not each.dead]
    finally:
        store.before = lambda _: None


@dataclass
class Desk:
    """A fleet's control buckets, whoever asks there whether a copy may go, and the timers that let go what waits."""

    rules: Sequence[dict[str, object]]
    limits: Mapping[str, int] = field(default_factory=dict)
    """How many copies a site takes at a time."""
    now: datetime = datetime(2026, 1, 10, tzinfo=UTC)
    fleet: Fleet = field(init=False)
    controls: dict[str, WatchedStore] = field(init=False)
    asked: list[tuple[str, str]] = field(default_factory=list)
    """The keys that a timer asked for, each with its rule."""

    def __post_init__(self) -> None:
        """Open the control buckets."""
        self.fleet = priced(fleet_of(*self.rules), self.limits)
        self.controls = {site: WatchedStore(MemoryStore(clock=lambda: self.now)) for site in JURISDICTIONS}

    @property
    def rule(self) -> Rule:
        """The first rule."""
        return self.fleet.rules[0]

    def records(self, site: str) -> Records:
        """Return the records of a site."""
        return Records(self.controls[site], "tradewind/")

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(seconds=seconds)

    def budgets(self) -> Budgets:
        """Return whom a process asks."""
        return Budgets(self.fleet, self.records, InlineExecutor(), lambda: self.now, self.pass_time)

    def release(self, site: str = "a") -> Release:
        """Return what lets go at a site."""

        def ask(rule: Rule, keys: Iterable[str]) -> None:
            self.asked += [(rule.name, key) for key in keys]

        return Release(self.fleet, site, self.records, ask, InlineExecutor(), lambda: self.now)

    def ring(self, site: str = "a") -> list[Standing]:
        """Let the timer of a site ring."""
        release = self.release(site)
        return [release.run(rule) for rule in limited_at(self.fleet, site)]

    def waiting(self, site: str = "a") -> list[str]:
        """Return the keys that wait at a site, in the order of their records."""
        records = self.records(site)
        found = [records.read(each.key) for each in records.list("waiting/")]
        return [str(each.value["key"]) for each in found if each is not None]

    def calls(self) -> list[str]:
        """Return the requests since this was asked last, as `site call`."""
        made = [f"{name} {call}" for name, store in self.controls.items() for call in store.calls]
        for store in self.controls.values():
            store.calls.clear()
        return made

    def object(self, key: str, size: int, *, age: float = 0) -> ObjectState:
        """Return an object that a user wrote some seconds ago."""
        return ObjectState(key, f"token-{key}-{size}-{age}", size, self.now - timedelta(seconds=age))

    def copy(self, key: str, size: int, *, targets: Sequence[str] = ("b",), budgets: Budgets | None = None) -> str:
        """Copy as the copy loop does; return why it has to wait, or ""."""
        with (budgets or self.budgets()).spending(self.rule, "a", targets, self.object(key, size)) as spending:
            for error in spending.failed.values():
                raise error
            spending.arrived |= set(targets) - spending.waiting.keys()
        return "; ".join(spending.waiting.values())


def _dear(rule: dict[str, object]) -> dict[str, object]:
    budget = rule.get("budget")
    return {**rule, "budget": {**budget, **DEAR}} if isinstance(budget, dict) else rule


class BudgetWorld(World):
    """A world between whose sites each byte costs a dollar, with timers, and control buckets that are watched.

    Args:
        rules: With budgets, if they have some, to which the price is added.
        limits: How many copies a site takes at a time.
        parts: From which size on objects go in parts.
    """

    def __init__(
        self,
        *rules: dict[str, object],
        limits: Mapping[str, int] = MappingProxyType({}),
        parts: PartSizes | None = None,
    ) -> None:
        super().__init__(*(_dear(rule) for rule in rules), parts=parts, apart=True, limits=limits)
        self.controls = {site: WatchedStore(store) for site, store in self.control.items()}
        for site, store in self.controls.items():
            self.records[site] = Records(store, "tradewind/")
        self.restart()

    def restart(self) -> None:
        """Let another process work from here on: what the one before had in memory is gone."""
        self.replicator = self.process()
        self.replicator.at.budgets.hold = self.pass_time

    def deliver(self, notification: Notification) -> dict[str, Outcome]:
        """Work off a notification; return how it ended, by target."""
        return {each.route.target: each for each in self.replicator.replicate(notification)}

    def ring(self, site: str = "a") -> Round:
        """Let the timer of a site ring."""
        sweeper = Sweeper(
            fleet=self.fleet,
            store_of=self.stores.__getitem__,
            records_of=self.records.__getitem__,
            queue_of=self.queues.__getitem__,
            gate=self.gate,
            executor=InlineExecutor(),
            clock=lambda: self.now,
            holder="timer",
        )
        return turn(self.fleet, site, sweeper, self.records[site], self.now + timedelta(hours=1))

    def work(self, site: str = "a") -> list[Outcome]:
        """Work off a site's queue until it is empty."""
        return work_off(self, site)

    def month_turns(self) -> None:
        """Go to the first of the next month, let the timer ring, and do what it asks for."""
        self.now = datetime(self.now.year + self.now.month // 12, self.now.month % 12 + 1, 1, tzinfo=UTC)
        self.ring()
        self.work()

    def waiting(self, site: str = "a") -> list[str]:
        """Return the keys that wait at a site."""
        found = [self.records[site].read(each.key) for each in self.records[site].list("waiting/")]
        return sorted(str(each.value["key"]) for each in found if each is not None)

    def spent(self) -> float:
        """Return the dollars that the first rule has spent."""
        ledger = Ledger(self.records.__getitem__, InlineExecutor(), lambda: self.now)
        return ledger.read(self.fleet.rules[0]).spent / DOLLAR
