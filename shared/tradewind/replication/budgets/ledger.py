"""The accounts of rules, each spread over documents in the control bucket of the rule's first site."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from threading import Lock
from uuid import uuid4

from tradewind.errors import PreconditionFailedError, TransientError
from tradewind.fleet import Rule
from tradewind.records import TRIES, Record, Records
from tradewind.replication.budgets.account import Account, Go, Need, Shard, Terms, Wait, decide
from tradewind.replication.budgets.limits import ACCOUNTS
from tradewind.replication.budgets.money import cost_of, month_of
from tradewind.replication.side_by_side import on_each

SHARDS = 16
"""Documents of one account: so many writes in a second, which Cloud Storage takes of each object once."""
KNOWN = timedelta(seconds=30)
"""So long a process refuses what the last account that it read had no room for, without reading it again."""
FORGOTTEN = 1000
"""Payments of copies that have arrived, which a process notes when it writes next, at most."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was paid."""

    rule: str
    month: str
    size: int
    name: str = ""
    """"" for what is paid out of change."""
    shard: int = 0
    """Where it is on record."""
    own: bool = True
    """False if somebody else paid before, whose copy may have arrived: then it is not ours to give back."""


@dataclass(slots=True)
class Ledger:
    """Pays for copies, and gives back.

    Args:
        records_of: Returns the records of a site, by name.
        executor: Reads the documents of an account side by side.
        clock: Returns the time, UTC.
    """

    records_of: Callable[[str], Records]
    executor: Executor
    clock: Callable[[], datetime]
    _turns: Iterator[int] = field(default_factory=lambda: count(uuid4().int % SHARDS))
    """Which document is written next: all in turn, beginning anywhere."""
    _change: dict[tuple[str, str, str], tuple[str, int]] = field(default_factory=dict)
    """Bytes that are paid for and not used, and the month, by rule, source and target."""
    _full: dict[str, tuple[datetime, int | None, int]] = field(default_factory=dict)
    """When an account was found too full, by which limit, and what was left, by rule."""
    _arrived: dict[str, set[str]] = field(default_factory=dict)
    """Payments whose copies have arrived, by rule."""
    _lock: Lock = field(default_factory=Lock)

    def pay(self, rule: Rule, way: tuple[str, str], terms: Terms, need: Need) -> tuple[Go, Receipt] | Wait:
        """Pay for what is to go from one site to another, and book its bytes.

        A small object is paid out of what the process has left from the last payment, at no request; else this is one
        GET for each of `SHARDS`, and 1 PUT. A payment of the same name is taken over, so a worker that follows one that
        has died pays nothing.

        Raises:
            TransientError: Others wrote all the time, or the site could not be asked; nothing may go.
        """
        purse, now = (rule.name, *way), self.clock()
        if need.size == 0 or (need.change and self._draw(purse, need.size, now)):
            return Go(0, need.size), Receipt(rule.name, month_of(now), need.size)
        if (waits := self._known(rule, terms, need, now)) is not None:
            return waits
        for _ in range(TRIES):
            held = self._read(rule)
            account = Account.of([shard for shard, _ in held], now)
            answer = decide(account, terms, need, now)
            if isinstance(answer, Wait):
                self._note_full(rule, terms, account, answer, now)
                return answer
            number = next(self._turns) % SHARDS
            if self._write(rule, number, held[number], account, answer, need, now):
                if need.change:
                    self._put_back(purse, account.month, answer.size - need.size)
                paid_at = number if answer.shard is None else answer.shard
                return answer, Receipt(
                    rule.name, account.month, need.size, need.name, paid_at, own=answer.shard is None
                )
        raise TransientError(f"The account of the rule {rule.name!r} changed {TRIES} times under a payment")

    def read(self, rule: Rule) -> Account:
        """Return the account of a rule."""
        return Account.of([shard for shard, _ in self._read(rule)], self.clock())

    def give_back(self, rule: Rule, way: tuple[str, str], receipt: Receipt) -> None:
        """Give back what was paid for a copy that did not come about. Twice is no error."""
        if not receipt.own:
            return
        if not receipt.name:
            self._put_back((rule.name, *way), receipt.month, receipt.size)
            return
        self._records(rule).change(
            _name(rule, receipt.shard),
            lambda held: (
                None
                if (less := Shard.of_document(held).without(receipt.month, receipt.name)) is None
                else less.as_document()
            ),
        )

    def conclude(self, rule: Rule, name: str) -> None:
        """Forget the name of a payment, which stays paid: should the same go again, it pays again.

        Unlike `arrived` it is written at once, since whoever ends a job seldom is who pays next.
        """
        if (shard := self.read(rule).paid.get(name)) is None:
            return
        self._records(rule).change(
            _name(rule, shard), lambda held: Shard.of_document(held).concluded(frozenset([name])).as_document()
        )

    def arrived(self, receipt: Receipt) -> None:
        """Note that what was paid for has arrived. It is written with the next payment: no request of its own."""
        with self._lock:
            names = self._arrived.setdefault(receipt.rule, set())
            if receipt.name and len(names) < FORGOTTEN:
                names.add(receipt.name)

    # --- the documents ---------------------------------------------------------------------------------------------

    def _records(self, rule: Rule) -> Records:
        return self.records_of(rule.members[0])

    def _read(self, rule: Rule) -> list[tuple[Shard, Record | None]]:
        records = self._records(rule)
        found, errors = on_each(self.executor, range(SHARDS), lambda number: records.read(_name(rule, number)))
        for error in errors.values():
            raise error
        held = [found[number] for number in range(SHARDS)]
        with self._lock:
            arrived = frozenset(self._arrived.get(rule.name, ()))
        return [(Shard.of_document(each.value if each else None).concluded(arrived), each) for each in held]

    def _write(
        self,
        rule: Rule,
        number: int,
        held: tuple[Shard, Record | None],
        account: Account,
        go: Go,
        need: Need,
        now: datetime,
    ) -> bool:
        """Write a payment; say False if somebody else wrote that document meanwhile."""
        if not go.amount and not go.booked:
            return True
        shard, record = held
        paid = shard.with_payment(account.month, go, need.name, now)
        expect = record.token if record else None
        try:
            self._records(rule).write(_name(rule, number), paid.as_document(), expect=expect)
        except PreconditionFailedError:
            return False
        if record is not None:  # what has arrived is not among its payments any more
            with self._lock:
                was = Shard.of_document(record.value).paid.keys()
                self._arrived.get(rule.name, set()).difference_update(was - shard.paid.keys())
        return True

    # --- what the process knows ------------------------------------------------------------------------------------

    def _draw(self, purse: tuple[str, str, str], size: int, now: datetime) -> bool:
        with self._lock:
            month, left = self._change.get(purse, ("", 0))
            if month != month_of(now) or left < size:
                return False
            self._change[purse] = month, left - size
        return True

    def _put_back(self, purse: tuple[str, str, str], month: str, size: int) -> None:
        with self._lock:
            known, left = self._change.get(purse, (month, 0))
            if month >= known:
                self._change[purse] = month, size + (left if month == known else 0)

    def _known(self, rule: Rule, terms: Terms, need: Need, now: datetime) -> Wait | None:
        """Return why something must wait, if the account was found too full for it a moment ago."""
        at, limit, left = self._full.get(rule.name, (None, None, 0))
        if at is None or terms.limit is None or limit != terms.limit or not timedelta() <= now - at < KNOWN:
            return None
        if month_of(at) != month_of(now) or cost_of(terms.price, need.size) <= left or need.name:
            return None
        account = Account(month_of(now), terms.limit - left, {}, {})
        answer = decide(account, terms, need, now)
        return answer if isinstance(answer, Wait) else None

    def _note_full(self, rule: Rule, terms: Terms, account: Account, answer: Wait, now: datetime) -> None:
        if answer.cause == "budget" and terms.limit is not None:
            self._full[rule.name] = now, terms.limit, terms.limit - account.spent


def _name(rule: Rule, number: int) -> str:
    return f"{ACCOUNTS}{rule.name}/{number}"
