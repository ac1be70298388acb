"""Accounts over memory stores: functions that pay from one, interleaved at every store call."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from greenlet import greenlet

from rigs.world import InlineExecutor, WatchedStore, fleet_of
from tradewind.clouds.memory.store import MemoryStore
from tradewind.facts.prices import GIB
from tradewind.fleet import Fleet, Rule
from tradewind.records import Records
from tradewind.replication.budgets.account import Need, Terms, Wait
from tradewind.replication.budgets.ledger import Ledger, Receipt

DOLLAR = 10**9
MIB = 1024 * 1024
WAY = ("a", "b")
PRICE = DOLLAR // 10
"""Nanodollars for a GiB."""


def priced(fleet: Fleet) -> Fleet:
    """Return a fleet whose sites are in regions of their own, so that what goes between them costs."""
    sites = {name: site.model_copy(update={"region": f"region-{name}"}) for name, site in fleet.sites.items()}
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
