"""Making acceptors, and putting one in another's place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from rigs.acceptors import NAME, RECORD, Stores, counted, one_more, operation
from tradewind.errors import ConfigurationError, StoreUnavailableError, TransientError
from tradewind.registers import membership
from tradewind.registers.acceptors import Acceptor
from tradewind.registers.ballots import Ballot
from tradewind.registers.initialise import initialise
from tradewind.registers.membership import Replaced, replace_store
from tradewind.registers.outcomes import Done, NoMajority, Reading
from tradewind.registers.panel import Panel
from tradewind.registers.proposer import Proposer
from tradewind.registers.register import Register


def test_several_registers_are_made_at_once_and_more_later() -> None:
    """Making one that exists leaves it as it is."""
    stores = Stores()
    registers = stores.registers()

    assert [each.made for each in initialise(registers, "groups/a", "groups/b")] == [True, True]
    registers.register("groups/a").change(one_more, operation())

    assert [each.made for each in initialise(registers, "groups/a", "groups/c")] == [False, True]
    assert counted(registers.register("groups/a")) == 1
    assert counted(registers.register("groups/c")) is None


def test_a_register_that_was_never_made_is_unavailable() -> None:
    """Missing acceptors are not taken for those of an empty register."""
    outcome = Stores().register().change(one_more, operation())

    assert isinstance(outcome, NoMajority)
    assert all("tradewind control init" in why for why in outcome.silent.values())


@pytest.mark.parametrize("away", "abc")
def test_making_needs_every_store(away: str) -> None:
    """While one is away nothing is ready; when it is back, making goes on."""
    stores = Stores()
    stores.away(away)

    with pytest.raises(StoreUnavailableError, match=f"of {away} is away"):
        initialise(stores.registers(), NAME)
    stores.back(away)
    assert isinstance(stores.register().read(), NoMajority)

    assert counted(stores.made()) is None


@pytest.mark.parametrize("writes", range(7))
def test_making_that_died_is_run_again(writes: int) -> None:
    """After however many writes it ended."""
    stores = Stores()
    left = [writes]

    def die(call: str) -> None:
        if call == "put":
            if not left[0]:
                raise StoreUnavailableError("The process ended")
            left[0] -= 1

    for store in stores.watched.values():
        store.before = die
    if writes < 6:
        with pytest.raises(StoreUnavailableError):
            initialise(stores.registers(), NAME)
    stores.back(*"abc")

    register = stores.made()

    assert isinstance(register.change(one_more, operation()), Done)
    assert len({stores.held(site).incarnation for site in "abc"}) == 3


def test_making_again_does_not_stand_in_for_a_lost_acceptor() -> None:
    """It is refused, and the words say what to do."""
    stores = Stores()
    stores.made()
    stores.lose("b")

    with pytest.raises(ConfigurationError, match="control replace b"):
        initialise(stores.registers(), NAME)


def test_making_does_not_add_a_store() -> None:
    """A site that is none of the members takes another's place, or none."""
    stores = Stores("abcd", members="abc")
    stores.made()

    with pytest.raises(ConfigurationError, match="d is none of them"):
        initialise(stores.registers(), NAME)


@pytest.mark.parametrize("by", ["c", "d"])
def test_a_lost_acceptor_is_replaced(by: str) -> None:
    """By another store, or by a new acceptor of the same, which then carries a majority with one of the others."""
    stores = Stores("abcd", members="abc")
    register = stores.made()
    register.change(one_more, operation())
    stores.lose("c")

    done = replace_store(stores.registers(), NAME, "c", by=by, who="ann", why="its bucket is gone")

    assert (done.behind, set(done.config.members)) == ((), {"a", "b", by})
    assert isinstance(register.change(one_more, operation(2)), Done)
    stores.away("a")
    reading = stores.register().read()
    assert isinstance(reading, Reading)
    assert reading.value == {"n": 2}
    assert [entry.operation.why for entry in reading.history] == ["it is time", "its bucket is gone", "it is time"]


def test_five_stores_are_replaced_one_after_the_other() -> None:
    """Two of the new ones and one of the old decide together."""
    stores = Stores("abcdef", members="abcde")
    register = stores.made()
    for number, (site, by) in enumerate([("a", "f"), ("b", "a"), ("c", "b")]):
        register.change(one_more, operation(number))
        replace_store(stores.registers(), NAME, site, by=by)

    stores.away("d", "e")
    assert counted(stores.register()) == 3
    config = Proposer(stores.register().place).look().config
    assert config
    assert set(config.members) == set("abdef")


def test_an_acceptor_that_comes_back_after_it_was_replaced_does_not_count() -> None:
    """With it alone, one of the others is no majority."""
    stores = Stores("abcd", members="abc")
    register = stores.made()
    old = stores.held("c")
    replace_store(stores.registers(), NAME, "c", by="c")
    stores.put("c", old)
    stores.away("a")

    outcome = register.read()

    assert isinstance(outcome, NoMajority)
    assert "another incarnation" in outcome.silent["c"]


def test_a_process_of_before_follows_the_members() -> None:
    """One that knows only the old stores goes on with those that stay."""
    stores = Stores("abcd", members="abc")
    stores.made()
    old = stores.registers("abc").register(NAME)
    old.change(one_more, operation())
    replace_store(stores.registers(), NAME, "c", by="d")

    assert isinstance(old.change(one_more, operation(2)), Done)
    stores.away("a")
    outcome = old.read()

    assert isinstance(outcome, NoMajority)
    assert "no member" in outcome.silent["c"]
    assert "fleet file" in outcome.silent["d"]


def test_a_replacement_needs_all_but_the_replaced_of_three() -> None:
    """If another one is silent, nothing is begun."""
    stores = Stores("abcd", members="abc")
    stores.made()
    stores.away("a")
    before = stores.held("b")

    with pytest.raises(StoreUnavailableError, match="The store of a is down"):
        replace_store(stores.registers(), NAME, "c", by="d")

    assert stores.held("b").config == before.config


@pytest.mark.parametrize(("site", "by"), [("d", "c"), ("c", "a"), ("c", "x")])
def test_a_replacement_that_makes_no_sense_is_refused(site: str, by: str) -> None:
    """Who goes is a member, and who comes is not."""
    stores = Stores("abcd", members="abc")
    stores.made()

    with pytest.raises(ConfigurationError):
        replace_store(stores.registers(), NAME, site, by=by)


def dying(stores: Stores, writes: int) -> Replaced | None:
    """Replace c by d, and die after so many writes."""
    left = [writes]

    def die(call: str) -> None:
        if call == "put":
            left[0] -= 1
            if left[0] < 0:
                raise StoreUnavailableError("The process ended")

    for store in stores.watched.values():
        store.before = die
    try:
        return replace_store(stores.registers(), NAME, "c", by="d")
    except StoreUnavailableError:
        return None
    finally:
        stores.back(*stores.sites)


@pytest.mark.parametrize("writes", range(10))
def test_a_replacement_that_died_is_run_again(writes: int) -> None:
    """After however many writes: the register never stops, and in the end the new store counts."""
    stores = Stores("abcd", members="abc")
    register = stores.made()
    register.change(one_more, operation())

    whole = dying(stores, writes)
    assert isinstance(stores.register().change(one_more, operation(2)), Done)
    if whole is None:
        replace_store(stores.registers(), NAME, "c", by="d")

    assert (whole is not None) == (writes == 9)
    stores.away("a")
    assert counted(stores.register()) == 2


def before_the_move(monkeypatch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let something happen between the agreement about new members, and the first of them that is told."""
    move = membership._move

    def after_that(*args: object, **named: object) -> object:
        monkeypatch.setattr(membership, "_move", move)
        act()
        return move(*args, **named)  # type: ignore[arg-type]  # whatever it was called with

    monkeypatch.setattr(membership, "_move", after_that)


def test_a_new_acceptor_has_promised_what_the_others_had(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of five, one that stays may still accept a higher ballot of the members before; nothing lower may pass by it."""
    stores = Stores("abcdef", members="abcde")
    register = stores.made()
    register.change(one_more, operation())
    late = Proposer(register.place)
    late._counter = 100
    ballot = Ballot(101, late.id)
    promised: list[Panel] = []

    def promise() -> None:
        stores.away("a", "b")
        panel = late.look()
        promised.append(late._step(panel, lambda site: late._promise(panel, ballot, site)))
        stores.back("a", "b")
        stores.away("d")

    before_the_move(monkeypatch, promise)
    replace_store(stores.registers(), NAME, "e", by="f")

    assert promised[0].decides
    assert stores.held("f").promised >= ballot
    stores.back("d")
    assert not late.accept(promised[0], ballot, promised[0].content).chosen
    assert stores.held("d").accepted == ballot


def test_a_new_acceptor_begins_when_the_members_before_can_decide_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of five that are told are too few: three others might still agree among themselves."""
    stores = Stores("abcdef", members="abcde")
    stores.made()
    before_the_move(monkeypatch, lambda: stores.away("c", "d"))

    with pytest.raises(StoreUnavailableError, match="run the replacement again"):
        replace_store(stores.registers(), NAME, "e", by="f")

    assert stores.watched["f"].inner.head(f"tradewind/{RECORD}") is None
    stores.back("c", "d")
    assert replace_store(stores.registers(), NAME, "e", by="f").config.version == 3


def test_what_a_new_acceptor_was_given_is_no_vote() -> None:
    """A value that two of five hold, and the new one was given, may still be overtaken: it is not read as settled."""
    acceptors = Stores("abcdef", members="abcde")
    register = acceptors.made()
    register.change(one_more, operation())
    newer = acceptors.held("a")
    fresh = Acceptor(newer.incarnation, newer.config, ready=True, promised=newer.promised)
    for site in "cde":
        life = acceptors.held(site).incarnation
        acceptors.put(site, replace(fresh, incarnation=life))
    for site in "ab":
        acceptors.put(site, replace(acceptors.held(site), floors={}))

    replace_store(acceptors.registers(), NAME, "e", by="f")
    moved = acceptors.held("f")
    acceptors.away("c", "d")

    assert moved.seeded
    assert not Proposer(acceptors.register().place).look().settled


def test_somebody_else_s_new_acceptor_is_not_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two replacements at once by the same store, one says that the other was there."""
    stores = Stores("abcd", members="abc")
    stores.made()

    def overtake() -> None:
        replace_store(stores.registers(), NAME, "d")

    before_the_move(monkeypatch, overtake)

    with pytest.raises(TransientError, match="Somebody else"):
        replace_store(stores.registers(), NAME, "c", by="d")
    stores.away("a")
    assert counted(stores.register()) is None


def test_the_register_object_of_a_name_is_one() -> None:
    """So that what acceptors promised to it is used again."""
    registers = Stores().registers()
    register: Register = registers.register(NAME)

    assert registers.register(NAME) is register
