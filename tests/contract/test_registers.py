"""Registers over memory, and over the stores of three clouds together."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import SystemRandom
from threading import Event

import pytest

from rigs.acceptors import NAME, RECORD, counted, one_more, operation
from rigs.stores import Rig
from rigs.world import WatchedStore
from tradewind.errors import PreconditionFailedError, StoreUnavailableError
from tradewind.records import Records
from tradewind.registers.initialise import initialise
from tradewind.registers.membership import replace_store
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority
from tradewind.registers.register import Register, Registers

CLOUDS = ("s3", "gcs", "azure")
SITES = {"memory": ("memory",) * 3, "clouds": CLOUDS}


@pytest.fixture(params=SITES)
def stores(request: pytest.FixtureRequest, rigs: Callable[[str], Rig]) -> dict[str, WatchedStore]:
    """Three control stores: in memory, or one at each cloud."""
    return {f"{number}-{name}": WatchedStore(rigs(name).store) for number, name in enumerate(SITES[request.param])}


@pytest.fixture
def executor() -> Iterator[ThreadPoolExecutor]:
    """Threads in which stores are asked."""
    with ThreadPoolExecutor(32) as threads:
        yield threads


@pytest.fixture
def opened(stores: dict[str, WatchedStore], executor: ThreadPoolExecutor) -> Callable[[], Registers]:
    """Returns the registers as one more process has them; a register is made."""

    def another() -> Registers:
        records = {site: Records(store, "tradewind/") for site, store in stores.items()}
        return Registers(records, executor, lambda: datetime.now(UTC), SystemRandom(), answer_seconds=20)

    initialise(another(), NAME)
    return another


@pytest.fixture
def register(opened: Callable[[], Registers]) -> Register:
    """A register that was never changed."""
    return opened().register(NAME)


def down(call: str) -> None:
    """Be away."""
    raise StoreUnavailableError("It is down")


def test_processes_that_take_turns_see_each_other(opened: Callable[[], Registers]) -> None:
    """Each change builds on the one before, and each is applied once however often it is tried."""
    one, other = opened().register(NAME), opened().register(NAME)
    for number in range(4):
        assert isinstance((one, other)[number % 2].change(one_more, operation(number)), Done)
        again = (other, one)[number % 2].change(one_more, operation(number))
        assert isinstance(again, Done)
        assert again.again

    assert counted(opened().register(NAME)) == 4


def test_threads_that_compete_each_have_their_change(opened: Callable[[], Registers]) -> None:
    """The conditions of the stores let one through at a time."""

    def change(number: int) -> None:
        register = opened().register(NAME)
        outcomes = (register.change(one_more, operation(number)) for _ in range(9))
        assert any(isinstance(outcome, Done) for outcome in outcomes)

    with ThreadPoolExecutor(4) as callers:
        assert len(list(callers.map(change, range(8)))) == 8

    assert counted(opened().register(NAME)) == 8


@pytest.mark.parametrize("which", range(3))
def test_one_store_may_be_cut_off(
    stores: dict[str, WatchedStore], opened: Callable[[], Registers], register: Register, which: int
) -> None:
    """The others go on, and it follows when it is back."""
    cut_off = list(stores.values())[which]
    register.change(one_more, operation())
    cut_off.before = down
    assert isinstance(register.change(one_more, operation(2)), Done)
    assert counted(opened().register(NAME)) == 2

    cut_off.before = lambda _: None
    list(stores.values())[which - 1].before = down
    assert counted(opened().register(NAME)) == 2


def test_a_store_that_hangs_is_left_behind(
    stores: dict[str, WatchedStore], opened: Callable[[], Registers], register: Register
) -> None:
    """The change is made before it answers."""
    hanging = Event()

    def hang(_: str) -> None:
        hanging.wait()

    next(iter(stores.values())).before = hang
    try:
        assert isinstance(opened().register(NAME).change(one_more, operation()), Done)
    finally:
        hanging.set()


def test_without_a_majority_nothing_changes(stores: dict[str, WatchedStore], register: Register) -> None:
    """The silent stores are named."""
    first, second, _ = stores
    stores[first].before = stores[second].before = down

    outcome = register.change(one_more, operation())

    assert isinstance(outcome, NoMajority)
    assert set(outcome.silent) == {first, second}


def test_lost_answers_lose_no_change(
    stores: dict[str, WatchedStore], opened: Callable[[], Registers], register: Register
) -> None:
    """Every write counts, and nobody hears of it: who made it looks for it by itself."""

    def lose(call: str) -> None:
        if call == "put":
            down(call)

    for store in stores.values():
        store.after = lose

    assert isinstance(register.change(one_more, operation()), Done)
    assert counted(opened().register(NAME)) == 1


def test_an_unclear_change_is_made_once(
    stores: dict[str, WatchedStore], opened: Callable[[], Registers], register: Register
) -> None:
    """One that only one store took is resolved by another process, under the same id."""
    register.change(one_more, operation())  # the next one is a single write to each store
    first, second, _ = stores.values()
    first.before = second.before = down

    unclear = register.change(one_more, operation(2))

    assert isinstance(unclear, Indeterminate)
    first.before = second.before = lambda _: None
    assert isinstance(opened().register(NAME).change(one_more, operation(2), since=unclear.seen), Done)
    assert counted(opened().register(NAME)) == 2


def test_a_missing_acceptor_is_lost_and_can_be_replaced(
    stores: dict[str, WatchedStore], opened: Callable[[], Registers], register: Register
) -> None:
    """It is never taken for empty; a new one takes its place."""
    register.change(one_more, operation())
    site, other, _ = stores
    lost = Records(stores[site], "tradewind/")
    held = lost.read(RECORD)
    assert held
    lost.delete(RECORD, expect=held.token)
    stores[other].before = down
    outcome = opened().register(NAME).read()
    assert isinstance(outcome, NoMajority)
    assert f"control replace {site}" in outcome.silent[site]

    stores[other].before = lambda _: None
    config = replace_store(opened(), NAME, site).config

    stores[other].before = down
    assert config.version == 2
    assert counted(opened().register(NAME)) == 1
    assert isinstance(opened().register(NAME).change(one_more, operation(2)), Done)


@pytest.mark.parametrize("which", range(3))
def test_a_step_under_an_old_token_is_refused(stores: dict[str, WatchedStore], register: Register, which: int) -> None:
    """What an acceptor read a moment ago is no ground for a write once somebody else wrote."""
    site = list(stores)[which]
    place = register.place
    held = place.shelves[site].read(RECORD)
    assert held
    register.change(one_more, operation())

    with pytest.raises(PreconditionFailedError):
        place.shelves[site].write(RECORD, held.value, expect=held.token)
