"""Merging the listings of several sites."""

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from rigs.sweeps import DisorderlyStore
from rigs.world import World
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.ports import Metadata, ObjectState
from tradewind.replication.sweeping.listing import Position, merged

RULE = World({"name": "one", "to": ["b", "c"], "exclude": ["*.tmp"]}).fleet.rules[0]
KEYS = st.sets(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=4), max_size=12)


def stores(keys: Mapping[str, set[str]], *, disorderly: frozenset[str] = frozenset()) -> dict[str, MemoryStore]:
    """Return stores that hold these keys."""
    found = {site: DisorderlyStore() if site in disorderly else MemoryStore() for site in keys}
    for site, held in keys.items():
        for key in held:
            found[site].put(key, b"", metadata=Metadata(), crc32c=crc32c(b""), md5=None, expect=None)
    return found


def states(held: Mapping[str, MemoryStore], key: str) -> dict[str, ObjectState | None]:
    """Look at a key everywhere."""
    return {site: store.head(key) for site, store in held.items()}


@given(
    st.fixed_dictionaries({"a": KEYS, "b": KEYS, "c": KEYS}),
    st.frozensets(st.sampled_from("abc")),
)
def test_every_key_counts_once_whatever_the_orders(keys: dict[str, set[str]], disorderly: frozenset[str]) -> None:
    """Each key that some site holds counts exactly once, though the stores list in different orders."""
    held = stores(keys, disorderly=disorderly)

    counted = [each.key for each in merged(RULE, held.__getitem__) if each.first(states(held, each.key))]

    assert sorted(counted) == sorted(key for key in set().union(*keys.values()) if not key.endswith(".tmp"))


@given(st.fixed_dictionaries({"a": KEYS, "b": KEYS, "c": KEYS}), st.integers(0, 20), st.booleans())
def test_goes_on_where_it_stopped(keys: dict[str, set[str]], taken: int, disorderly: bool) -> None:  # noqa: FBT001 - hypothesis
    """Whoever begins at the positions that another left sees exactly the rest."""
    held = stores(keys, disorderly=frozenset("b") if disorderly else frozenset())
    whole = list(merged(RULE, held.__getitem__))
    positions = {site: Position() for site in RULE.members}
    first = [each for _, each in zip(range(taken), merged(RULE, held.__getitem__, positions), strict=False)]
    noted = {site: Position(**position.as_document()) for site, position in positions.items()}

    rest = list(merged(RULE, held.__getitem__, noted))

    assert first + rest == whole


def test_a_key_that_went_does_not_hide_those_after_it() -> None:
    """The key at which the listing stopped may be deleted before it goes on."""
    held = stores({"a": {"1", "2", "3"}, "b": set(), "c": set()})
    positions = {site: Position() for site in RULE.members}
    keys = merged(RULE, held.__getitem__, positions)
    assert [next(keys).key, next(keys).key] == ["1", "2"]
    state = held["a"].head("2")
    assert state is not None
    held["a"].delete("2", expect=state.token)

    assert [each.key for each in merged(RULE, held.__getitem__, positions)] == ["3"]


def test_nothing_is_passed_over_in_a_page_without_order() -> None:
    """Where a page has no order and the key is gone, the page is looked at again as a whole."""
    held = stores({"a": {"1", "2", "3"}, "b": set(), "c": set()}, disorderly=frozenset("a"))
    positions = {site: Position() for site in RULE.members}
    keys = merged(RULE, held.__getitem__, positions)
    assert [next(keys).key, next(keys).key] == ["3", "2"]
    state = held["a"].head("2")
    assert state is not None
    held["a"].delete("2", expect=state.token)

    assert [each.key for each in merged(RULE, held.__getitem__, positions)] == ["3", "1"]
