"""Registers over memory."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from random import SystemRandom
from threading import Event

import pytest

from rigs.acceptors import NAME, Stores, counted, one_more, operation
from tradewind.errors import ConfigurationError, PreconditionFailedError
from tradewind.registers.contents import VALUE_BYTES
from tradewind.registers.outcomes import Done, Entry, Indeterminate, NoMajority, Operation, Outcome, Reading, Unchanged
from tradewind.registers.register import TRIES, Register, Registers


@pytest.fixture
def stores() -> Stores:
    """Three stores."""
    return Stores()


@pytest.fixture
def register(stores: Stores) -> Register:
    """A register that was never changed."""
    return stores.made()


def test_a_new_register_holds_nothing(register: Register) -> None:
    """It can be read before its first change."""
    assert register.read() == Reading(None, 0)


def test_a_change_is_read_by_others(stores: Stores, register: Register) -> None:
    """The value, the revision and the history, with who, when and why, are the same for every process."""
    done = register.change(one_more, operation())

    reading = Reading({"n": 1}, 1, (Entry(1, operation(), "2026-01-01T00:00:00+00:00"),))
    assert done == Done(reading)
    assert stores.register().read() == reading


def test_an_operation_is_applied_once(stores: Stores, register: Register) -> None:
    """A second try under the same id, by anybody, changes nothing and says so."""
    register.change(one_more, operation())
    register.change(one_more, operation(2))

    again = stores.register().change(one_more, operation())

    assert isinstance(again, Done)
    assert again.again
    assert again.reading.value == {"n": 2}


@pytest.mark.parametrize("same", [None, {"n": 1}])
def test_what_leaves_the_value_is_no_change(register: Register, same: dict[str, int] | None) -> None:
    """It is told what is there, and the history does not have it."""
    register.change(one_more, operation())

    outcome = register.change(lambda _: same, operation(2))

    assert isinstance(outcome, Unchanged)
    assert (outcome.reading.value, outcome.reading.revision) == ({"n": 1}, 1)


def test_what_a_function_does_to_its_argument_stays_its_own(register: Register) -> None:
    """A change is what the function returns."""
    register.change(one_more, operation())

    def spoil(value: object) -> None:
        assert isinstance(value, dict)
        value["n"] = 7

    register.change(spoil, operation(2))

    assert counted(register) == 1


def test_the_history_keeps_the_last_changes(stores: Stores, register: Register) -> None:
    """Older ones are forgotten."""
    keeping = stores.register(history=8)
    for number in range(12):
        keeping.change(one_more, operation(number))

    reading = register.read()

    assert isinstance(reading, Reading)
    assert [entry.revision for entry in reading.history] == [5, 6, 7, 8, 9, 10, 11, 12]


def test_the_second_change_of_a_process_is_one_request_to_each_store(stores: Stores, register: Register) -> None:
    """The first takes three, and has the acceptors promise the next ballot already."""
    register.change(one_more, operation())
    first = [list(store.calls) for store in stores.watched.values()]
    register.change(one_more, operation(2))

    assert [store.calls[len(before) :] for store, before in zip(stores.watched.values(), first, strict=True)] == [
        ["put"]
    ] * 3
    assert all(before[-3:] == ["get", "put", "put"] for before in first)
    assert counted(register) == 2


def test_a_promise_that_others_have_overtaken_is_let_go(stores: Stores, register: Register) -> None:
    """Two processes that take turns lose no change."""
    other = stores.register()
    for number in range(6):
        (other if number % 2 else register).change(one_more, operation(number))

    assert counted(stores.register()) == 6


@pytest.mark.parametrize("away", "abc")
def test_one_store_may_be_away(stores: Stores, register: Register, away: str) -> None:
    """Two of three go on, and the third follows when it is back."""
    register.change(one_more, operation())
    stores.away(away)
    register.change(one_more, operation(2))
    assert counted(stores.register()) == 2

    stores.back(away)
    assert isinstance(stores.register().change(one_more, operation(3)), Done)
    assert stores.held(away).content == stores.held("b").content


def test_without_a_majority_nothing_changes(stores: Stores, register: Register) -> None:
    """Each store that is silent is named, with the reason."""
    stores.away("a", "c")

    outcome = register.change(one_more, operation())

    assert isinstance(outcome, NoMajority)
    assert outcome.silent == {"a": "The store of a is down", "c": "The store of c is down"}
    assert isinstance(register.read(), NoMajority)
    stores.back("a", "c")
    assert counted(register) is None


def test_a_lost_answer_is_no_lost_change(stores: Stores, register: Register) -> None:
    """Whoever hears nothing of a write looks for it, and counts it."""
    stores.deaf("a", "b", "c")

    assert register.change(one_more, operation()) == Done(
        Reading({"n": 1}, 1, (Entry(1, operation(), "2026-01-01T00:00:00+00:00"),))
    )


def test_a_write_that_was_sent_twice_counts(stores: Stores, register: Register) -> None:
    """The client's second sending finds the token of the first, and is refused."""

    def refuse(call: str) -> None:
        if call == "put":
            raise PreconditionFailedError("The object has another token")

    for store in stores.watched.values():
        store.after = refuse

    assert isinstance(register.change(one_more, operation()), Done)
    assert counted(stores.register()) == 1


def fails_at_accept(stores: Stores, *sites: str) -> None:
    """Let stores go away between their promise and what they are asked to accept."""
    for site in sites:
        calls: list[str] = []

        def before(call: str, site: str = site, calls: list[str] = calls) -> None:
            calls.append(call)
            if calls.count("put") > 1:
                stores.away(site)
                stores.watched[site].before(call)

        stores.watched[site].before = before


def test_an_unclear_outcome_is_resolved_under_the_same_id(stores: Stores, register: Register) -> None:
    """A change that one store of three took is `Indeterminate`, and is made once when it is tried again."""
    fails_at_accept(stores, "b", "c")

    unclear = register.change(one_more, operation())

    assert isinstance(unclear, Indeterminate)
    assert (unclear.operation, unclear.seen) == (operation(), 0)
    assert "The store of b is down" in unclear.reason
    stores.back("b", "c")
    assert isinstance(stores.register().change(one_more, operation(), since=unclear.seen), Done)
    assert counted(register) == 1


def test_what_one_store_took_is_not_read_as_long_as_it_may_be_lost(stores: Stores, register: Register) -> None:
    """A reader who sees it has a majority take it first, so that no later reader sees less."""
    fails_at_accept(stores, "b", "c")
    register.change(one_more, operation())
    stores.back("b", "c")
    [proposed] = [site for site in "abc" if stores.held(site).accepted]

    seen = counted(stores.register())
    stores.away(proposed)

    assert seen == 1
    assert counted(stores.register()) == seen


def test_an_outcome_that_the_history_forgot_stays_unclear(stores: Stores, register: Register) -> None:
    """After more changes than are remembered, trying again could apply it twice."""
    few = stores.register(history=8)
    for number in range(9):
        few.change(one_more, operation(number))

    outcome = few.change(one_more, Operation("unclear", "", ""), since=0)

    assert isinstance(outcome, Indeterminate)
    assert "history" in outcome.reason
    assert counted(register) == 9


def test_who_asks_after_an_unclear_outcome_is_never_told_that_nothing_was_changed(
    stores: Stores, register: Register
) -> None:
    """Without a majority it is as unclear as before."""
    stores.away("a", "b")

    outcome = register.change(one_more, operation(), since=0)

    assert isinstance(outcome, Indeterminate)
    assert outcome.seen == 0


def test_a_missing_acceptor_is_not_taken_for_empty(stores: Stores, register: Register) -> None:
    """With one lost the others decide; with two lost nothing is decided, and the words say what to do."""
    register.change(one_more, operation())
    stores.lose("a")
    assert counted(stores.register()) == 1

    stores.lose("b")
    outcome = stores.register().read()

    assert isinstance(outcome, NoMajority)
    assert "tradewind control replace b" in outcome.silent["b"]


def test_an_acceptor_that_was_rolled_back_takes_no_part(stores: Stores, register: Register) -> None:
    """The others know what it had promised, go on knowing it, and name it."""
    register.change(one_more, operation())
    old = stores.held("b")
    for number in (2, 3):
        stores.register().change(one_more, operation(number))
    stores.put("b", old)
    stores.register().change(one_more, operation(4))

    stores.away("a")
    outcome = stores.register().read()

    assert isinstance(outcome, NoMajority)
    assert "rolled back" in outcome.silent["b"]
    assert stores.held("b") == old


def test_an_acceptor_of_a_later_version_takes_no_part(stores: Stores, register: Register) -> None:
    """Its words are not guessed at."""
    stores.away("a")
    record = stores.records("b").read(f"registers/{NAME}")
    assert record
    stores.records("b").write(f"registers/{NAME}", {**record.value, "schema": 2}, expect=record.token)

    outcome = register.read()

    assert isinstance(outcome, NoMajority)
    assert "schema 2" in outcome.silent["b"]


def test_an_acceptor_that_is_none_takes_no_part(stores: Stores, register: Register) -> None:
    """A record that somebody spoiled is named."""
    stores.away("a")
    record = stores.records("b").read(f"registers/{NAME}")
    assert record
    stores.records("b").write(f"registers/{NAME}", {"schema": 1}, expect=record.token)

    outcome = register.read()

    assert isinstance(outcome, NoMajority)
    assert "no acceptor" in outcome.silent["b"]


@pytest.mark.parametrize("value", [{"text": "x" * VALUE_BYTES}, {"n": float("nan")}, {"n": object()}])
def test_a_value_that_cannot_be_kept_is_refused(stores: Stores, register: Register, value: dict[str, object]) -> None:
    """Before anything is written."""
    before = [stores.held(site) for site in "abc"]

    with pytest.raises(ConfigurationError, match="value"):
        register.change(lambda _: value, operation())

    assert [stores.held(site) for site in "abc"] == before


@pytest.mark.parametrize("name", ["", "/", "a//b", "../a", "A", "a/", "a b", "a/b/c/d/e", "ü"])
def test_a_name_that_is_none_is_refused(stores: Stores, name: str) -> None:
    """It would be part of keys."""
    with pytest.raises(ConfigurationError, match="no name of a register"):
        stores.registers().register(name)


@pytest.mark.parametrize("id_", ["", "i" * 201])
def test_an_operation_has_an_id(register: Register, id_: str) -> None:
    """Without one it could not be told from another; and it cannot be cut, as words can."""
    with pytest.raises(ConfigurationError, match=f"has {len(id_)} characters"):
        register.change(one_more, Operation(id_, "somebody", "why"))


def test_long_words_are_cut_in_the_history(register: Register) -> None:
    """No change is refused for them, and what stores keep has an end."""
    done = register.change(one_more, Operation("long", "w" * 101, "y" * 1_000))

    assert isinstance(done, Done)
    [entry] = done.reading.history
    assert entry.operation == Operation("long", "w" * 99 + "…", "y" * 1_000)


def test_competitors_are_given_way_to_and_then_up(stores: Stores, register: Register) -> None:
    """Pauses grow, with jitter, and a call that never gets a promise ends and has changed nothing."""

    def overtake(call: str) -> None:
        if call == "put":
            for site in "abc":
                held = stores.held(site)
                stores.put(site, replace(held, promised=replace(held.promised, counter=held.promised.counter + 5)))

    for store in stores.watched.values():
        store.before = overtake

    outcome = register.change(one_more, operation())

    assert isinstance(outcome, NoMajority)
    assert set(outcome.silent.values()) == {"another change was faster"}
    assert len(stores.pauses) == TRIES - 1
    assert max(stores.pauses[:3]) < 0.2
    assert max(stores.pauses) > 0.5
    assert all(stores.held(site).accepted is None for site in "abc")


def test_a_store_that_hangs_holds_nothing_up(stores: Stores, register: Register) -> None:
    """The others are gone on with, and it is not asked again while it owes answers."""
    hanging = Event()

    def hang(_: str) -> None:
        hanging.wait()

    with ThreadPoolExecutor(16) as executor:
        stores.watched["c"].before = hang
        registers = Registers(
            {site: stores.records(site) for site in "abc"},
            executor,
            lambda: datetime.now(UTC),
            SystemRandom(),
            answer_seconds=0.2,
        )
        for number in range(5):
            assert isinstance(registers.register(NAME).change(one_more, operation(number)), Done)
        waiting = len(registers.asking._owed["c"])
        hanging.set()

    assert waiting == 2
    assert counted(register) == 5


def test_threads_share_a_register(stores: Stores, register: Register) -> None:
    """Changes of many threads at once, through one object and through several, are each applied once."""
    with ThreadPoolExecutor(32) as asked, ThreadPoolExecutor(4) as callers:
        registers = stores.registers(executor=asked)
        registers.asking.answer_seconds = 30

        def change(number: int) -> Outcome:
            outcomes = (registers.register(NAME).change(one_more, operation(number)) for _ in range(100))
            return next(outcome for outcome in outcomes if isinstance(outcome, Done))

        outcomes = list(callers.map(change, range(40)))

    assert len(outcomes) == 40
    assert counted(register) == 40


def test_what_is_kept_is_plain(stores: Stores, register: Register) -> None:
    """An acceptor is one JSON document that a person can read."""
    register.change(one_more, operation())

    document = json.loads(json.dumps(stores.held("a").as_document()))

    assert document["schema"] == 1
    assert document["content"]["value"] == {"n": 1}
    assert document["content"]["history"][0]["why"] == "it is time"
