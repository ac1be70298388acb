"""Looking at members: by listings where that is cheap, and by whose object a target holds."""

from datetime import UTC, datetime

from rigs.world import PLAIN, InlineExecutor, WatchedStore
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.ports import ObjectState
from tradewind.replication.provenance import Provenance, Version, fingerprint, stamped
from tradewind.replication.sets.looking import is_same, look, state_of, summary_of


class Site:
    """A store whose clock a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.store = WatchedStore(MemoryStore(clock=lambda: self.now))

    def write(self, key: str, body: bytes = b"x", *, origin: str = "", of: ObjectState | None = None) -> ObjectState:
        """Write an object, or the replica of another."""
        metadata = PLAIN
        if of is not None:
            metadata = stamped(PLAIN, Provenance(origin, Version.of(of), len(body), crc32c(body), fingerprint(key)))
        held = self.store.inner.head(key)
        expect = held.token if held else None
        self.store.inner.put(key, body, metadata=metadata, crc32c=crc32c(body), md5=None, expect=expect)
        state = self.store.inner.head(key)
        assert state is not None
        return state


def same(site: str, target: str, original: ObjectState, state: ObjectState) -> bool:
    """Ask whether `state` is what `original` is."""
    return is_same(site, target, summary_of(original), state, lambda: original)


def test_members_are_found_by_one_listing() -> None:
    """Keys with a common beginning cost one request, however many they are."""
    site = Site()
    for name in ("m/a-1", "m/a-3", "z"):
        site.write(name)

    found = look(site.store, ["m/a-1", "m/a-2", "m/a-3"], None)

    assert {key: summary is not None for key, summary in found.items()} == {
        "m/a-1": True,
        "m/a-2": False,
        "m/a-3": True,
    }
    assert site.store.calls == ["list"]


def test_members_far_apart_are_looked_at_one_by_one() -> None:
    """Where thousands of other keys lie between them, the listing is given up."""
    site = Site()
    for number in range(2500):
        site.write(f"k{number:05}")

    found = look(site.store, ["k00000", "k02400", "k99999"], InlineExecutor())

    assert {key: summary is not None for key, summary in found.items()} == {
        "k00000": True,
        "k02400": True,
        "k99999": False,
    }
    assert site.store.calls == ["list", "list", "head", "head"]


def test_a_replica_of_what_was_listed_is_the_same_without_a_request() -> None:
    """Its provenance says so."""
    a, b = Site(), Site()
    original = a.write("k")
    replica = b.write("k", origin="a", of=original)

    assert is_same("a", "b", summary_of(original), replica, lambda: None)


def test_two_replicas_of_one_object_are_the_same() -> None:
    """Where the source's object came from a third site, so did the target's."""
    a, b, c = Site(), Site(), Site()
    original = c.write("k")
    other = c.write("k", b"y")

    assert same("a", "b", a.write("k", origin="c", of=original), b.write("k", origin="c", of=original))
    assert not same("a", "b", a.write("k", b"y", origin="c", of=other), b.write("k", origin="c", of=original))


def test_a_replica_at_the_source_of_the_targets_own_object_is_the_same() -> None:
    """The target holds the original itself, as long as it is that version of it."""
    a, b = Site(), Site()
    original = b.write("k")
    replica = a.write("k", origin="b", of=original)

    assert same("a", "b", replica, original)
    assert not same("a", "b", replica, b.write("k", b"y"))


def test_a_user_s_object_is_the_same_if_its_bytes_are() -> None:
    """Size and checksum are compared where neither side is the other's replica."""
    a, b = Site(), Site()

    assert same("a", "b", a.write("k"), b.write("k"))
    assert not same("a", "b", a.write("k"), b.write("k", b"y"))


def test_a_source_that_went_on_is_not_what_was_listed() -> None:
    """What a target holds is compared with the listing, not with what came after it."""
    a, b = Site(), Site()
    listed = a.write("k")
    replica = b.write("k")
    later = a.write("k")

    assert not is_same("a", "b", summary_of(listed), replica, lambda: later)
    assert not is_same("a", "b", summary_of(listed), replica, lambda: None)


def test_the_state_of_a_set_is_that_of_its_objects() -> None:
    """It changes with any of them, and not with their order."""
    a = Site()
    first, second = summary_of(a.write("k")), summary_of(a.write("l"))

    assert state_of([first, second]) == state_of([second, first])
    assert state_of([first, second]) != state_of([first, summary_of(a.write("l"))])
    assert state_of([first]) != state_of([first, second])
