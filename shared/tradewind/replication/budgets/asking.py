"""What the copying of a key asks before it reads: whether its bytes may cross now, or wait for their turn, on record.

This much every function has at hand; the rest is imported where there is a limit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from time import sleep
from typing import TYPE_CHECKING

from tradewind.errors import TradewindError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import ObjectState
from tradewind.records import Records
from tradewind.replication.budgets.limits import limited
from tradewind.replication.decide import Verdict
from tradewind.replication.outcomes import Outcome
from tradewind.replication.provenance import Version
from tradewind.replication.routes import Route

if TYPE_CHECKING:
    from tradewind.replication.budgets.admission import Teller
    from tradewind.replication.budgets.ledger import Receipt
    from tradewind.replication.budgets.slots import Ticket


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


@dataclass(frozen=True, slots=True)
class Payment:
    """What was asked for, for an object that is to be copied in parts."""

    waits: str | None = None
    """Why it has to wait; None if it may go."""
    receipt: Receipt | None = None
    """None where nothing had to be paid."""


@dataclass(slots=True)
class Budgets:
    """Asked before the first byte is read, after the compliance gate. A rule without limits costs no request.

    Args:
        fleet: Sites and rules.
        records_of: Returns the records of a site, by name.
        executor: Runs calls side by side.
        clock: Returns the time, UTC.
        hold: Waits for some seconds, where there is room as soon as that.
    """

    fleet: Fleet
    records_of: Callable[[str], Records]
    executor: Executor
    clock: Callable[[], datetime]
    hold: Callable[[float], None] = sleep
    _teller: Teller | None = None

    def spending(
        self, rule: Rule, source: str, targets: Sequence[str], state: ObjectState
    ) -> AbstractContextManager[Spending]:
        """Ask for an object that is to be copied as a whole, and give back at the end what was not needed.

        Args:
            rule: The rule of the copy.
            source: Site that is read.
            targets: Sites that are to be written.
            state: The object at the source.
        """
        if not any(limited(self.fleet, rule, target) for target in targets):
            return nullcontext(Spending())
        return self._opened().spending(rule, source, targets, state)

    def begin(self, rule: Rule, source: str, target: str, state: ObjectState) -> Payment:
        """Pay for an object that is to be copied in parts, once, or put it on record.

        Whoever asks again for the same version, before `conclude`, finds it paid. Its bytes are booked as its parts are
        asked for.
        """
        return Payment() if rule.budget is None else self._opened().begin(rule, source, target, state)

    def refund(self, rule: Rule, source: str, target: str, payment: Payment) -> None:
        """Give back what the caller itself has paid, and nobody uses; if that fails it stays paid."""
        if payment.receipt is not None:
            self._opened().refund(rule, source, target, payment.receipt)

    def conclude(self, rule: str, target: str, key: str, version: Version) -> None:
        """Note that a job in parts is over, however it ended: should the same version go again, it pays again.

        Args:
            rule: The job's; it may have gone meanwhile.
            target: Site that it was to be brought to.
            key: The key.
            version: Of the source's object.
        """
        known = next((each for each in self.fleet.rules if each.name == rule), None)
        if known is not None and known.budget is not None:
            self._opened().conclude(known, target, key, version)

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
        return self._opened().share(rule, source, target, state, sizes)

    def slot(self, target: str) -> AbstractContextManager[None]:
        """Hold a slot of a target while a part is written; nothing is asked where it takes any number.

        Raises:
            TransientError: All of them are taken.
        """
        return nullcontext() if self.fleet.sites[target].concurrent_copies is None else self._opened().slot(target)

    def promise(self, rule: Rule, source: str, target: str, state: ObjectState) -> None:
        """Pay for an object whose copy must not be kept waiting once it is needed, as members of a set that is swapped.

        Small ones are only asked for; a few MiB of them may still be kept waiting.

        Raises:
            OverBudgetError: There is no room for it. Nothing is put on record.
        """
        if rule.budget is not None:
            self._opened().promise(rule, source, target, state)

    def put_on_record(self, rule: Rule, source: str, target: str, state: ObjectState, reason: str) -> None:
        """Let a key wait that cannot go since others wait that must go before it."""
        self._opened().put_on_record(rule, source, target, state, reason)

    def _opened(self) -> Teller:
        if self._teller is None:
            from tradewind.replication.budgets.admission import Teller  # noqa: PLC0415 - see the module's docstring

            self._teller = Teller(self.fleet, self.records_of, self.executor, self.clock, self.hold)
        return self._teller
