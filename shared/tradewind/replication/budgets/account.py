"""Whether a copy may go now, from what was spent and booked before. Pure.

The account of a rule is spread over several documents, since Cloud Storage lets one object be written about once a
second; what counts is their sum. Each is a `Shard`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, Self, TypeAlias

from tradewind.facts.prices import GIB
from tradewind.records import Document
from tradewind.replication.budgets.money import cost_of, month_after, month_of, told

WINDOW: Final = 10
"""Seconds of a window for which bytes are booked."""
CHANGE: Final = 4 * 1024 * 1024
"""Bytes that a process pays for at once, at least; what is left of them pays for the next small objects."""
HOLD: Final = 5.0
"""Seconds that a function waits for its window, at most; whatever waits longer is put on record."""
OPEN: Final = 64
"""Payments that a shard remembers by name, the latest; each may be taken over by whoever brings the same again."""

Cause: TypeAlias = Literal["budget", "bandwidth", "concurrency"]


@dataclass(frozen=True, slots=True)
class Shard:
    """One of the documents that an account is spread over."""

    month: str = ""
    spent: int = 0
    """Nanodollars in that month."""
    paid: Mapping[str, int] = field(default_factory=dict)
    """Of those, what was paid for copies that are still under way, or whose end nobody has noted; by name."""
    booked: Mapping[int, int] = field(default_factory=dict)
    """Bytes that were booked for a window, by its number."""

    @classmethod
    def of_document(cls, document: Document | None) -> Self:
        """Return what `as_document` wrote."""
        if document is None:
            return cls()
        booked = {int(window): int(size) for window, size in document["booked"].items()}
        return cls(document["month"], document["spent"], dict(document["paid"]), booked)

    def as_document(self) -> Document:
        """Return it as JSON values."""
        booked = {str(window): size for window, size in self.booked.items()}
        return {"v": 1, "month": self.month, "spent": self.spent, "paid": dict(self.paid), "booked": booked}

    def with_payment(self, month: str, go: Go, name: str, now: datetime) -> Shard:
        """Return it with what a copy pays and books; what is over by now is forgotten."""
        current = self if self.month == month else replace(self, month=month, spent=0, paid={})
        paid = dict(current.paid)
        if name and go.amount:
            paid = dict([*paid.items(), (name, go.amount)][-OPEN:])
        booked = Counter({window: size for window, size in self.booked.items() if window >= window_of(now)})
        booked.update(go.booked)
        return replace(current, spent=current.spent + go.amount, paid=paid, booked=dict(booked))

    def without(self, month: str, name: str) -> Shard | None:
        """Return it with a payment given back; None if it has no such payment of that month."""
        if self.month != month or name not in self.paid:
            return None
        paid = {each: amount for each, amount in self.paid.items() if each != name}
        return replace(self, spent=max(0, self.spent - self.paid[name]), paid=paid)

    def concluded(self, names: frozenset[str]) -> Shard:
        """Return it without the memory of payments whose copies have arrived: should they go again, they pay again."""
        return replace(self, paid={name: amount for name, amount in self.paid.items() if name not in names})


@dataclass(frozen=True, slots=True)
class Account:
    """The sum of all shards at one time."""

    month: str
    spent: int
    """Nanodollars in that month."""
    paid: Mapping[str, int]
    """The number of the shard that remembers a payment, by the payment's name."""
    booked: Mapping[int, int]
    """Bytes for each window."""

    @classmethod
    def of(cls, shards: Sequence[Shard], now: datetime) -> Self:
        """Return the sum of `shards`. Whose clock is late counts with the month that others are in already."""
        month = max([month_of(now), *(shard.month for shard in shards)])
        current = [(number, shard) for number, shard in enumerate(shards) if shard.month == month]
        booked: Counter[int] = Counter()
        for shard in shards:
            booked.update(shard.booked)
        paid = {name: number for number, shard in current for name in shard.paid}
        return cls(month, sum(shard.spent for _, shard in current), paid, booked)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a rule allows on one way."""

    limit: int | None
    """Nanodollars in a month."""
    rate: float | None
    """Bytes in a second."""
    price: int
    """Nanodollars for a GiB."""


@dataclass(frozen=True, slots=True)
class Need:
    """What is to go."""

    size: int
    """Bytes."""
    name: str = ""
    """Of the payment, the same whoever brings the same version of a key to the same target; "" if it has none."""
    change: bool = False
    """Whether more may be paid for at once, for what comes next."""
    paces: bool = True
    """Whether its bytes are booked."""


@dataclass(frozen=True, slots=True)
class Go:
    """It may go, once this is written."""

    amount: int
    """Nanodollars to be paid."""
    size: int
    """Bytes that are paid for: those that are needed, or more."""
    booked: Mapping[int, int] = field(default_factory=dict)
    """Bytes to be booked, by window."""
    delay: float = 0.0
    """Seconds until the first of those begins."""
    shard: int | None = None
    """Where the same was paid for before."""


@dataclass(frozen=True, slots=True)
class Wait:
    """It may not go now."""

    cause: Cause
    reason: str
    until: datetime | None
    """From when on it may, if nothing else comes in between; None: nobody knows."""


def decide(account: Account, terms: Terms, need: Need, now: datetime) -> Go | Wait:
    """Say whether `need` may go.

    Whoever decides by an account that was read before, and writes afterwards, exceeds the budget or a window by no more
    than what it brings itself.
    """
    size, amount, shard = need.size, 0, account.paid.get(need.name) if need.name else None
    if shard is None:
        cost = cost_of(terms.price, need.size)
        room = None if terms.limit is None else terms.limit - account.spent
        if room is not None and cost > room:
            return _over_budget(terms.limit or 0, account, cost)
        if need.change:
            size = _change(terms, need.size, room)
        amount = cost_of(terms.price, size)
    if terms.rate is None or not need.paces:
        return Go(amount, size, shard=shard)
    booked = book(account.booked, capacity_of(terms.rate), window_of(now), size)
    first = min(booked, default=window_of(now))
    delay = max(0.0, (begin_of(first) - now).total_seconds())
    if delay > HOLD:
        reason = f"the rule's {terms.rate / 1e6:g} MB a second are booked until {begin_of(first):%H:%M:%S} UTC"
        return Wait("bandwidth", reason, begin_of(first))
    return Go(amount, size, booked, delay, shard)


def _change(terms: Terms, size: int, room: int | None) -> int:
    """Return the bytes that are paid for at once where `size` are needed, and no more than there is room for."""
    wanted = max(size, CHANGE)
    if terms.rate is not None:
        wanted = max(size, min(wanted, capacity_of(terms.rate)))
    if room is not None and terms.price:
        wanted = max(size, min(wanted, room * GIB // terms.price))
    return wanted


def _over_budget(limit: int, account: Account, cost: int) -> Wait:
    said = f"it costs {told(cost)}, and of the rule's {told(limit)} for {account.month} {told(account.spent)} are spent"
    if cost > limit:
        return Wait("budget", f"it costs {told(cost)}, and the rule has {told(limit)} for a whole month", None)
    return Wait("budget", said, month_after(account.month))


def book(booked: Mapping[int, int], capacity: int, first: int, size: int) -> dict[int, int]:
    """Return the bytes for each window from `first` on, every one filled up to `capacity` before the next."""
    plan: dict[int, int] = {}
    window = first
    while size > 0:
        if (room := capacity - booked.get(window, 0)) > 0:
            plan[window] = min(room, size)
            size -= plan[window]
        window += 1
    return plan


def capacity_of(rate: float) -> int:
    """Return the bytes of one window."""
    return max(1, int(rate * WINDOW))


def window_of(time: datetime) -> int:
    """Return the number of the window that a time is in."""
    return int(time.timestamp() // WINDOW)


def begin_of(window: int) -> datetime:
    """Return when a window begins."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=window * WINDOW)
