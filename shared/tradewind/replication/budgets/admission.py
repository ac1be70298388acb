"""Paying, booking and taking slots for copies of rules that have limits; see `asking`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate

from tradewind.errors import OverBudgetError, TradewindError, TransientError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState
from tradewind.records import Records, name_for
from tradewind.replication.budgets.account import CHANGE, Need, Terms, Wait
from tradewind.replication.budgets.asking import Payment, Spending
from tradewind.replication.budgets.ledger import Ledger, Receipt
from tradewind.replication.budgets.limits import limited
from tradewind.replication.budgets.order import AHEAD, TURNOVER
from tradewind.replication.budgets.slots import Slots, Ticket
from tradewind.replication.budgets.terms import terms_of
from tradewind.replication.budgets.waiting import Waiting
from tradewind.replication.provenance import Version


@dataclass(slots=True)
class Teller:
    """Does what `asking.Budgets` says, for rules and targets that have limits.

    Args:
        fleet: Sites and rules.
        records_of: Returns the records of a site, by name.
        executor: Runs calls side by side.
        clock: Returns the time, UTC.
        hold: Waits for some seconds.
    """

    fleet: Fleet
    records_of: Callable[[str], Records]
    executor: Executor
    clock: Callable[[], datetime]
    hold: Callable[[float], None]
    _ledger: Ledger = field(init=False)
    _slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.records_of, self.executor, self.clock)
        longest = timedelta(seconds=self.fleet.time_limit_seconds)
        self._slots = Slots(self.records_of, self.clock, self.hold, longest)

    @contextmanager
    def spending(self, rule: Rule, source: str, targets: Sequence[str], state: ObjectState) -> Iterator[Spending]:
        """See `Budgets.spending`."""
        asked = Spending()
        try:
            for target in targets:
                if limited(self.fleet, rule, target):
                    self._ask(asked, rule, (source, target), state)
            yield asked
        except TradewindError:
            self._settle(asked, rule, source)
            raise
        else:
            self._settle(asked, rule, source)
        finally:  # what anything else broke off may have arrived, so it stays paid
            for ticket in asked.tickets:
                self._slots.give_back(ticket)

    def begin(self, rule: Rule, source: str, target: str, state: ObjectState) -> Payment:
        """See `Budgets.begin`."""
        way = (source, target)
        terms = terms_of(self.fleet, rule, *way)
        if terms is None:
            return Payment()
        need = replace(_named(state, target), paces=False)
        paid = self._ledger.pay(rule, way, terms, need)
        if isinstance(paid, Wait):
            self._put(rule, way, state, paid)
            return Payment(waits=paid.reason)
        return Payment(receipt=paid[1])

    def refund(self, rule: Rule, source: str, target: str, receipt: Receipt) -> None:
        """See `Budgets.refund`."""
        with suppress(TradewindError):
            self._ledger.give_back(rule, (source, target), receipt)

    def conclude(self, rule: Rule, target: str, key: str, version: Version) -> None:
        """See `Budgets.conclude`."""
        with suppress(TradewindError):  # then a second time in the same month costs nothing, which stops no work
            self._ledger.conclude(rule, name_of(key, version, target))

    def share(self, rule: Rule, source: str, target: str, state: ObjectState, sizes: Sequence[int]) -> int:
        """See `Budgets.share`."""
        count, wait = len(sizes), None
        if (limit := self.fleet.sites[target].concurrent_copies) is not None:
            count = min(count, TURNOVER * max(0, limit - self._slots.taken(target)))
            wait = _full(target, limit)
        terms = terms_of(self.fleet, rule, source, target)
        if count and terms is not None and terms.rate is not None:
            sums = list(accumulate(sizes[:count]))
            count = max(1, sum(each <= terms.rate * AHEAD.total_seconds() for each in sums))
            paced = self._pace(rule, (source, target), Terms(None, terms.rate, 0), sums[count - 1])
            wait = paced or Wait("bandwidth", f"the rest of its parts wait for {terms.rate / 1e6:g} MB a second", None)
            count = 0 if paced else count
        if count < len(sizes) and wait is not None:
            self._put(rule, (source, target), state, wait)
        return count

    @contextmanager
    def slot(self, target: str) -> Iterator[None]:
        """See `Budgets.slot`."""
        ticket, waits = self._slot(target)
        if waits is not None:
            raise TransientError(f"{waits.reason}; the queue brings the part back")
        try:
            yield
        finally:
            if ticket is not None:
                self._slots.give_back(ticket)

    def promise(self, rule: Rule, source: str, target: str, state: ObjectState) -> None:
        """See `Budgets.promise`."""
        terms = terms_of(self.fleet, rule, source, target)
        if terms is None:
            return
        need = replace(_need(state, target), paces=False)
        paid = self._ledger.pay(rule, (source, target), terms, need)
        if isinstance(paid, Wait):
            raise OverBudgetError(f"{state.key!r} waits at {source}: {paid.reason}")
        if need.change:
            self._ledger.give_back(rule, (source, target), paid[1])

    def put_on_record(self, rule: Rule, source: str, target: str, state: ObjectState, reason: str) -> None:
        """See `Budgets.put_on_record`."""
        self._put(rule, (source, target), state, Wait("budget", reason, None))

    # --- asking ----------------------------------------------------------------------------------------------------

    def _ask(self, asked: Spending, rule: Rule, way: tuple[str, str], state: ObjectState) -> None:
        """Ask for one target, and note the answer."""
        target = way[1]
        try:
            waits = self._pay(asked, rule, way, state)
            if waits is None:
                ticket, waits = self._slot(target)
                asked.tickets += [ticket] if ticket else []
            if waits is not None:
                self._put(rule, way, state, waits)
                asked.waiting[target] = waits.reason
        except TradewindError as error:
            asked.failed[target] = error

    def _pay(self, asked: Spending, rule: Rule, way: tuple[str, str], state: ObjectState) -> Wait | None:
        terms = terms_of(self.fleet, rule, *way)
        if terms is None:
            return None
        paid = self._ledger.pay(rule, way, terms, _need(state, way[1]))
        if isinstance(paid, Wait):
            return paid
        asked.receipts[way[1]] = paid[1]
        if paid[0].delay:
            self.hold(paid[0].delay)
        return None

    def _pace(self, rule: Rule, way: tuple[str, str], terms: Terms, size: int) -> Wait | None:
        paid = self._ledger.pay(rule, way, terms, Need(size))
        if isinstance(paid, Wait):
            return paid
        if paid[0].delay:
            self.hold(paid[0].delay)
        return None

    def _slot(self, target: str) -> tuple[Ticket | None, Wait | None]:
        limit = self.fleet.sites[target].concurrent_copies
        if limit is None:
            return None, None
        ticket = self._slots.take(target, limit)
        if ticket is not None:
            return ticket, None
        return None, _full(target, limit)

    def _put(self, rule: Rule, way: tuple[str, str], state: ObjectState, wait: Wait) -> None:
        Waiting(self.records_of(way[0]), self.executor, self.clock).add(rule, way[1], state, wait)

    def _settle(self, asked: Spending, rule: Rule, source: str) -> None:
        """Give back what was paid for targets that were not written."""
        for target, receipt in asked.receipts.items():
            if target in asked.arrived:
                self._ledger.arrived(receipt)
                continue
            with suppress(TradewindError):  # then whoever brings the key again takes the payment over
                self._ledger.give_back(rule, (source, target), receipt)


def _full(target: str, limit: int) -> Wait:
    return Wait("concurrency", f"{limit} copies are being written to {target}, as many as it takes", None)


def _need(state: ObjectState, target: str) -> Need:
    if state.size <= CHANGE:
        return Need(state.size, change=True)
    return _named(state, target)


def _named(state: ObjectState, target: str) -> Need:
    return Need(state.size, name_of(state.key, Version.of(state), target))


def name_of(key: str, version: Version, target: str) -> str:
    """Return the name of a payment for one version of a key at one target."""
    return name_for(f"{target}\0{version.token}\0{version.modified.isoformat()}\0{key}")[:16]
