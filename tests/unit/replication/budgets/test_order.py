"""In which order what waits is let go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from rigs.budgets import DOLLAR, cost
from rigs.world import fleet_of
from tradewind.facts.prices import GIB
from tradewind.fleet import Rule
from tradewind.ports import ObjectState, ObjectSummary
from tradewind.records import name_for
from tradewind.replication.budgets.entries import Entry, Part, Waits, latest, parsed
from tradewind.replication.budgets.order import Room, choose, in_order

RULE: Rule = fleet_of({"name": "rule", "to": ["b", "c"]}).rules[0]
START = datetime(2026, 1, 1, tzinfo=UTC)
PRICES = {"b": DOLLAR // 10, "c": DOLLAR // 10}
ANY = Room(None, None)
PARTS: list[Part] = ["c", "m", "k"]


def waiting(key: str, *, age: int = 0, size: int = 1, target: str = "b") -> Entry:
    """Return the entry of a key that was written `age` seconds before the last."""
    return Entry.of(RULE, target, ObjectState(key, "token", size, START - timedelta(seconds=age)))


ENTRIES = st.lists(
    st.builds(
        Entry,
        rule=st.just("rule"),
        target=st.sampled_from(["b", "c"]),
        since=st.integers(0, 10_000).map(lambda age: START + timedelta(seconds=age)),
        part=st.sampled_from(PARTS),
        folder=st.sampled_from([name_for(each)[:12] for each in "xyz"]),
        size=st.integers(0, 4 * GIB),
        key=st.integers(0, 30).map(lambda number: name_for(str(number))),
    ),
    max_size=30,
)


def keys(entries: list[Entry], *names: str) -> list[str]:
    """Return the keys of entries, which are among `names`."""
    known = {name_for(name): name for name in names}
    return [known[each.key] for each in entries]


def test_the_set_that_lacks_the_fewest_goes_first_and_its_closing_key_last() -> None:
    """Members of the set that is nearly whole, then of the other, then what belongs to none, the oldest first."""
    small = ["m1/model-00001-of-00002.safetensors", "m1/model.safetensors.index.json"]
    large = [f"m2/model-0000{n}-of-00003.safetensors" for n in (1, 2, 3)]
    lone = ["old.bin", "young.bin"]
    entries = [
        waiting(lone[1], age=1),
        waiting(lone[0], age=900),
        *(waiting(key, age=500 - at) for at, key in enumerate(large)),
        waiting(small[1], age=9),
        waiting(small[0], age=10),
    ]

    assert keys(in_order(entries), *small, *large, *lone) == [*small, *large, *lone]


def test_a_closing_key_makes_a_set_of_its_folder() -> None:
    """Of files whose names say nothing, those beside a `_SUCCESS` that waits are members."""
    entries = [waiting("lone", age=99), waiting("out/_SUCCESS"), waiting("out/part-0", age=1)]

    assert keys(in_order(entries), "lone", "out/_SUCCESS", "out/part-0") == ["out/part-0", "out/_SUCCESS", "lone"]


def test_a_key_that_was_written_again_waits_once() -> None:
    """Its latest version counts, and what it was first says how long it waits."""
    entries = [waiting("key", age=100, size=5), waiting("key", age=1, size=7), waiting("key", target="c", size=2)]

    assert [each.size for each in in_order(entries)] == [7, 2]
    assert Waits.of(entries) == Waits(2, 9, START - timedelta(seconds=100))


@given(ENTRIES)
def test_everything_is_in_the_order_once(entries: list[Entry]) -> None:
    """Nothing is lost and nothing goes twice, in whichever order it was listed."""
    ordered = in_order(entries)

    assert sorted(each.what for each in ordered) == sorted(latest(entries))
    assert len({(each.since, each.key) for each in entries}) < len(entries) or in_order(entries[::-1]) == ordered


@given(ENTRIES)
def test_no_set_is_begun_before_the_one_before_it_is_chosen_as_a_whole(entries: list[Entry]) -> None:
    """The members of a folder that is a set stand together, and all sets before what belongs to none."""
    ordered = in_order(entries)
    sets = {(each.target, each.folder) for each in ordered if each.part != "k"}
    run = [(each.target, each.folder) if (each.target, each.folder) in sets else None for each in ordered]
    changes = [at for number, at in enumerate(run) if number == 0 or run[number - 1] != at]

    assert len(changes) == len(set(changes))
    assert None not in changes[:-1]


@given(ENTRIES, st.integers(0, DOLLAR), st.integers(0, 8 * GIB), st.integers(0, 9), st.integers(0, 40))
def test_what_is_let_go_fits(entries: list[Entry], money: int, size: int, free: int, most: int) -> None:
    """It costs no more than is left, is over the bytes by one object at most, and takes no more slots than are free."""
    chosen = choose(entries, PRICES, Room(money, size, {"c": free}), most=most)

    assert sum(cost(each.size) for each in chosen) <= money
    assert not chosen or sum(each.size for each in chosen[:-1]) < size or sum(each.size for each in chosen) == 0
    assert sum(each.target == "c" for each in chosen) <= free
    assert len(chosen) <= most
    assert chosen == [each for each in in_order(entries) if each in chosen]


@given(ENTRIES)
def test_where_there_is_room_for_all_all_go(entries: list[Entry]) -> None:
    """Nothing is kept for no reason."""
    assert choose(entries, PRICES, ANY) == in_order(entries)


def test_what_is_too_dear_keeps_nothing_else_from_going() -> None:
    """An object for which the month has no room left waits, and what comes after it goes."""
    entries = [waiting("dear", age=9, size=20 * GIB), waiting("cheap", size=GIB)]

    assert keys(choose(entries, PRICES, Room(DOLLAR, None)), "dear", "cheap") == ["cheap"]


@given(st.text(min_size=1, max_size=300), st.integers(0, 4_000_000_000), st.integers(0, 1 << 43))
def test_an_entry_is_what_its_name_says(key: str, since: int, size: int) -> None:
    """A listing says all that is needed to put things in order."""
    moment = datetime.fromtimestamp(since, UTC)
    entry = Entry.of(RULE, "b", ObjectState(key, "token", size, moment))
    (found,) = parsed([ObjectSummary(entry.name, "", 10, START)])

    assert found == entry
    assert len(entry.name) < 300


def test_names_are_listed_in_the_order_of_time() -> None:
    """The oldest comes first, so that the first pages of a long listing are what is to be looked at."""
    entries = [waiting("z", age=1000), waiting("a", age=5), waiting("m", age=0)]

    assert sorted(entries, key=lambda each: each.name) == entries


def test_a_record_that_is_none_of_these_is_passed_over() -> None:
    """Whatever else lies there waits for nothing."""
    assert not list(parsed([ObjectSummary("waiting/rule/b/odd", "", 10, START)]))
