"""What the copying of a key asks before it reads: whether its bytes may cross now, or wait for their turn."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import accumulate
from time import sleep

from tradewind.errors import OverBudgetError, TradewindError, TransientError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState
from tradewind.records import Records, name_for
from tradewind.replication.budgets.account import CHANGE, Need, Terms, Wait
from tradewind.replication.budgets.ledger import Ledger, Receipt
from tradewind.replication.budgets.limits import limited, terms_of
from tradewind.replication.budgets.order import AHEAD, TURNOVER
from tradewind.replication.budgets.slots import Slots, Ticket
from tradewind.replication.budgets.waiting import Waiting
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.routes import Route


@dataclass(slots=True)
class Spending:
    """What was asked for, for one key."""

    waiting: dict[str, str] = field(default_factory=dict)
    """Why a target has to wait; all others may be written now."""
    receipts: dict[str, Receipt] = field(default_factory=dict)
    tickets: list[Ticket] = field(default_factory=list)
    failed: dict[str, TradewindError] = field(default_factory=dict)
    """Why it is not known whether a target may be written; it must not be, by now."""
    arrived: set[str] = field(default_factory=set)
    """Targets that were written. What was paid for the others is given back at the end."""

    def held_back(self, routes: Sequence[Route]) -> dict[Route, Outcome]:
        """Return how it ended on the routes on which nothing may go now."""
        waits = {route: self.waiting[route.target] for route in routes if route.target in self.waiting}
        failed = {route: self.failed[route.target] for route in routes if route.target in self.failed}
        ended = {route: Outcome(route, Verdict.DEFERRED, reason) for route, reason in waits.items()}
        return ended | {route: Outcome.failed(route, error) for route, error in failed.items()}

    def note(self, outcomes: Iterable[Outcome | None]) -> None:
        """Note which targets were written."""
        self.arrived |= {each.route.target for each in outcomes if each and each.verdict is Verdict.COPIED}


@dataclass(slots=True)
class Budgets:
    """Asked before the first byte is read, after the compliance gate. A rule without limits costs no request.

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
    hold: Callable[[float], None] = sleep
    _ledger: Ledger = field(init=False)
    _slots: Slots = field(init=False)

    def __post_init__(self) -> None:
        self._ledger = Ledger(self.records_of, self.executor, self.clock)
        longest = timedelta(seconds=self.fleet.time_limit_seconds)
        self._slots = Slots(self.records_of, self.clock, self._pause, longest)

    @contextmanager
    def spending(self, rule: Rule, source: str, targets: Sequence[str], state: ObjectState) -> Iterator[Spending]:
        """Ask for an object that is to be copied as a whole, and give back at the end what was not needed.

        Args:
            rule: The rule of the copy.
            source: Site that is read.
            targets: Sites that are to be written.
            state: The object at the source.
        """
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

    def begin(self, rule: Rule, source: str, target: str, state: ObjectState) -> str | None:
        """Pay for an object that is to be copied in parts, once; return why it has to wait, or None.

        Whoever asks again for the same version finds it paid. Its bytes are booked as its parts are asked for.
        """
        return self._require(rule, (source, target), state, Need(state.size, name_of(state, target), paces=False))

    def refund(self, rule: Rule, source: str, target: str, state: ObjectState) -> None:
        """Give back what was paid for an object in parts that will not come; no error if nobody knows of it."""
        if rule.budget is not None:
            self._ledger.give_back_by_name(rule, (source, target), name_of(state, target))

    def share(self, rule: Rule, source: str, target: str, state: ObjectState, sizes: Sequence[int]) -> int:
        """Return how many parts of an object may be asked for now, and book their bytes; the key waits for the rest.

        Args:
            rule: The rule of the copy.
            source: Site that is read.
            target: Site that is to be written.
            state: The whole object at the source; it is paid for.
            sizes: Bytes of the parts that are wanted, in order.
        """
        if not sizes or not limited(self.fleet, rule, target):
            return len(sizes)
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
        """Hold a slot of a target while a part is written; nothing is asked where it takes any number.

        Raises:
            TransientError: All of them are taken.
        """
        ticket, waits = self._slot(target)
        if waits is not None:
            raise TransientError(f"{waits.reason}; the queue brings the part back")
        try:
            yield
        finally:
            if ticket is not None:
                self._slots.give_back(ticket)

    def promise(self, rule: Rule, source: str, target: str, state: ObjectState) -> None:
        """Pay for an object whose copy must not be kept waiting once it is needed, as members of a set that is swapped.

        Small ones are only asked for; a few MiB of them may still be kept waiting.

        Raises:
            OverBudgetError: There is no room for it. Nothing is put on record.
        """
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
        """Let a key wait that cannot go since others wait that must go before it."""
        self._put(rule, (source, target), state, Wait("budget", reason, None))

    def _pause(self, seconds: float) -> None:
        self.hold(seconds)

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

    def _require(self, rule: Rule, way: tuple[str, str], state: ObjectState, need: Need) -> str | None:
        terms = terms_of(self.fleet, rule, *way)
        if terms is None:
            return None
        paid = self._ledger.pay(rule, way, terms, need)
        if not isinstance(paid, Wait):
            return None
        self._put(rule, way, state, paid)
        return paid.reason

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
    return Need(state.size, name_of(state, target))


def name_of(state: ObjectState, target: str) -> str:
    """Return the name of a payment for one version of a key at one target."""
    return name_for(f"{target}\0{state.token}\0{state.modified.isoformat()}\0{state.key}")[:16]
