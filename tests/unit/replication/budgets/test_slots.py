"""How many copies are written to a site at a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rigs.budgets import interleave
from rigs.world import WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import PreconditionFailedError, StoreUnavailableError
from tradewind.ports import Metadata, PutReceipt
from tradewind.records import Records
from tradewind.replication.budgets.slots import LOOKS, MARGIN, Slots, Ticket

LONGEST = timedelta(seconds=900)


class Site:
    """A target with a limit."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = WatchedStore(MemoryStore(clock=lambda: self.now))
        self.slots = Slots(lambda _: Records(self.store, "tradewind/"), lambda: self.now, self.pass_time, LONGEST)

    def pass_time(self, seconds: float) -> None:
        """Let the clock go on."""
        self.now += timedelta(seconds=seconds)


def test_a_slot_costs_two_requests_and_one_to_give_back() -> None:
    """Where there is room: a PUT, a LIST, and a DELETE at the end."""
    site = Site()
    ticket = site.slots.take("b", 2)
    assert ticket is not None
    site.slots.give_back(ticket)

    assert site.store.calls == ["put", "list", "delete"]


def test_as_many_as_the_limit_are_in_and_no_more() -> None:
    """The next one waits for some seconds, and is refused; after one has left there is room again."""
    site = Site()
    tickets = [site.slots.take("b", 3) for _ in range(4)]
    assert [each is None for each in tickets] == [False, False, False, True]
    assert site.now == datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=LOOKS - 1)

    assert tickets[0] is not None
    site.slots.give_back(tickets[0])
    assert site.slots.take("b", 3) is not None


def test_a_slot_that_is_given_back_meanwhile_is_taken() -> None:
    """Whoever waits for a slot looks again each second."""
    site = Site()
    ticket = site.slots.take("b", 1)
    assert ticket is not None
    slots = Slots(site.slots.records_of, site.slots.clock, lambda _: site.slots.give_back(ticket), LONGEST)

    assert slots.take("b", 1) is not None


def test_the_slot_of_a_worker_that_died_runs_out() -> None:
    """Once no function that took it can still be running, it counts no more."""
    site = Site()
    assert site.slots.take("b", 1) is not None
    site.pass_time((LONGEST + MARGIN).total_seconds() - LOOKS)
    assert site.slots.take("b", 1) is None
    site.pass_time(LOOKS)

    assert site.slots.take("b", 1) is not None


def test_a_slot_that_cannot_be_given_back_is_no_failure() -> None:
    """The copy is done; the slot runs out by itself."""
    site = Site()
    ticket = site.slots.take("b", 1)

    def fail(_call: str) -> None:
        raise StoreUnavailableError("b is down")

    site.store.before = fail
    assert ticket is not None
    site.slots.give_back(ticket)
    assert len(site.store.calls) == 2


class TwiceStore(MemoryStore):
    """The answer to each conditional write is lost, and it is sent again, as clients do."""

    def put(  # noqa: D102 - of the port
        self, key: str, body: bytes, *, metadata: Metadata, crc32c: int, md5: bytes | None, expect: str | None
    ) -> PutReceipt:
        super().put(key, body, metadata=metadata, crc32c=crc32c, md5=md5, expect=expect)
        return super().put(key, body, metadata=metadata, crc32c=crc32c, md5=md5, expect=expect)


def test_a_slot_whose_answer_was_lost_is_taken() -> None:
    """The second write finds the ticket of the first, which is the function's own; it is given back as any other."""
    now = datetime(2026, 1, 1, tzinfo=UTC)
    store = TwiceStore(clock=lambda: now)
    slots = Slots(lambda _: Records(store, "tradewind/"), lambda: now, lambda _: None, LONGEST)
    ticket = slots.take("b", 1)
    assert ticket is not None
    assert slots.taken("b") == 1
    slots.give_back(ticket)
    assert slots.taken("b") == 0


def test_a_slot_that_cannot_be_written_is_an_error() -> None:
    """A store that refuses a ticket and has none is not believed."""
    site = Site()

    def refuse(call: str) -> None:
        if call == "put":
            raise PreconditionFailedError("refused")

    site.store.before = refuse
    with pytest.raises(PreconditionFailedError, match="refused"):
        site.slots.take("b", 1)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3), st.integers(2, 6), st.lists(st.integers(0, 99), max_size=200))
def test_functions_at_once_never_exceed_a_limit(limit: int, functions: int, schedule: list[int]) -> None:
    """However their requests interleave, no more than the limit write at the same time."""
    site = Site()
    inside: set[int] = set()
    most = 0

    def function(number: int) -> None:
        nonlocal most
        ticket: Ticket | None = site.slots.take("b", limit)
        if ticket is None:
            return
        inside.add(number)
        most = max(most, len(inside))
        site.store.before("write")  # the others go on while this one writes
        inside.discard(number)
        site.slots.give_back(ticket)

    work = [partial(function, number) for number in range(functions)]
    interleave(site.store, work, iter(schedule))

    assert 1 <= most <= limit
