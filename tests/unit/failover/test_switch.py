"""The quorum switch over stores of which some are away, behind, or being written by somebody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count, product
from threading import Event

import pytest

from rigs.switch_objects import epochs
from rigs.world import PLAIN, InlineExecutor, WatchedStore
from tradewind.checksums import crc32c
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import (
    AccessDeniedError,
    ConfigurationError,
    PreconditionFailedError,
    StoreUnavailableError,
)
from tradewind.failover.moving.switch import SwitchDirector
from tradewind.ports import Traffic
from tradewind.registers.asking import OVERDUE, Asking
from tradewind.switch_text import encode, text_of

KEY = "switch/vision.txt"
AWS, GCP, AZURE = {"aws": 100, "gcp": 0, "azr": 0}, {"aws": 0, "gcp": 100, "azr": 0}, {"aws": 0, "gcp": 0, "azr": 100}


class Sites:
    """The objects of a switch in memory, any of which can be away."""

    def __init__(self, *names: str) -> None:
        self.memory = {name: MemoryStore(name) for name in names or ("one", "two", "three")}
        self.away: set[str] = set()
        self.on_write: Callable[[], object] = lambda: None
        self.stores = {
            name: WatchedStore(store, before=self._reach(name), after=self._written)
            for name, store in self.memory.items()
        }

    def _written(self, call: str) -> None:
        if call == "put":
            self.on_write()

    def _reach(self, site: str) -> Callable[[str], None]:
        def before(_: str) -> None:
            if site in self.away:
                raise StoreUnavailableError("Could not reach it")

        return before

    def director(self, stores: dict[str, WatchedStore] | None = None) -> SwitchDirector:
        """Open the switch as an observer does."""
        opened = stores or self.stores
        asking = Asking(InlineExecutor(), 1)
        return SwitchDirector("vision", AWS, dict.fromkeys(self.memory, KEY), opened.__getitem__, asking)

    def watched(self, *events: tuple[int, Callable[[], None]]) -> dict[str, WatchedStore]:
        """Return stores before whose calls, counted over all of them from 0, something happens."""
        calls = count()

        def before(_: str) -> None:
            number = next(calls)
            for at, happens in events:
                if at == number:
                    happens()

        return {name: WatchedStore(store, before=before) for name, store in self.stores.items()}

    def shown(self) -> int:
        """Return the epoch that a majority of the objects shows, 0 if none does."""
        epoch, number = Counter(self.epochs()).most_common(1)[0]
        return epoch if number * 2 > len(self.memory) else 0

    def put(self, site: str, body: bytes) -> None:
        """Write an object as if somebody had half-finished a publish."""
        store = self.memory[site]
        state = store.head(KEY)
        token = state.token if state else None
        store.put(KEY, body, metadata=PLAIN, crc32c=crc32c(body), md5=None, expect=token)

    def epochs(self) -> list[int]:
        """Return the epoch that each object shows, 0 if there is none."""
        return epochs(self.memory.values(), KEY)


@pytest.fixture
def sites() -> Sites:
    """Three sites."""
    return Sites()


def publish(director: SwitchDirector, weights: dict[str, int], epoch: int) -> None:
    """Publish as an observer does that looks first."""
    director.publish(weights, epoch=epoch, expect=director.read())


def test_every_object_says_the_same_to_anybody(sites: Sites) -> None:
    """The decision is one text at every site, which no cache may keep."""
    publish(sites.director(), GCP, 7)

    bodies = []
    for store in sites.memory.values():
        with store.get(KEY) as download:
            bodies.append(b"".join(download.chunks))
            metadata = download.state.metadata
            assert (metadata.content_type, metadata.cache_control) == (
                "text/plain; charset=utf-8",
                "no-store, max-age=0",
            )
    assert set(bodies) == {encode(text_of("vision", 7, GCP))}


def test_takes_a_request_to_look_and_one_to_write(sites: Sites) -> None:
    """A site is read once and written once, and not written again when it shows the decision."""
    director = sites.director()
    seen = director.read()
    for store in sites.stores.values():
        store.calls.clear()

    published = director.publish(AWS, epoch=1, expect=seen)
    director.publish(AWS, epoch=1, expect=published)

    assert [store.calls for store in sites.stores.values()] == [["get", "put", "get"]] * 3


@pytest.mark.parametrize("gone", ["one", "two", "three"])
def test_one_site_away_changes_nothing(sites: Sites, gone: str) -> None:
    """With one of three away, two decide; and the third is named."""
    director = sites.director()
    publish(director, AWS, 1)
    sites.away = {gone}

    publish(director, GCP, 2)

    assert (director.read().weights, director.read().epoch) == (GCP, 2)
    assert list(director.look().away) == [gone]
    sites.away.clear()
    assert (director.read().weights, director.read().epoch) == (GCP, 2)
    assert dict(director.look().differing) == {gone: "epoch 1, aws is on"}


def test_what_was_away_is_brought_up_by_the_next_publish(sites: Sites) -> None:
    """Publishing what is there already leaves no object behind."""
    director = sites.director()
    sites.away = {"two"}
    publish(director, GCP, 2)
    sites.away.clear()

    publish(director, GCP, 2)

    assert sites.epochs() == [2, 2, 2]


def test_publishing_again_mends_what_was_away(sites: Sites) -> None:
    """An object that is behind is brought to what the majority shows, and one that is away waits."""
    director = sites.director()
    publish(director, AWS, 1)
    sites.away = {"three"}
    publish(director, GCP, 2)
    assert director.look().lacking == {"three": "it cannot be read: Could not reach it"}
    sites.away.clear()
    assert director.look().lacking == {"three": "epoch 1, aws is on"}

    publish(director, GCP, 2)

    assert sites.epochs() == [2, 2, 2]
    assert director.look().lacking == {}


@pytest.mark.parametrize("lost", ["one", "two", "three"])
def test_publishing_again_makes_a_lost_object_anew(sites: Sites, lost: str) -> None:
    """An object that somebody deleted is named, and is there again after the next publish of the same epoch."""
    director = sites.director()
    publish(director, GCP, 2)
    state = sites.memory[lost].head(KEY)
    assert state is not None
    sites.memory[lost].delete(KEY, expect=state.token)
    assert director.look().lacking == {lost: "there is no object"}

    publish(director, GCP, 2)

    assert sites.epochs() == [2, 2, 2]


def test_what_was_away_when_the_group_changed_is_mended(sites: Sites) -> None:
    """An object of the same epoch that lacks an endpoint, or has one that left, says what the others do."""
    fewer = {"aws": 0, "gcp": 100}
    body = encode(text_of("vision", 2, fewer))
    director = sites.director()
    publish(director, GCP, 2)
    sites.put("two", body)
    assert director.look().lacking == {"two": "epoch 2, gcp is on"}

    publish(director, GCP, 2)

    assert director.look().lacking == {}


def test_mending_leaves_a_later_epoch_alone(sites: Sites) -> None:
    """An object that is ahead is somebody's who publishes just now, or died at it; the next publisher goes on."""
    director = sites.director()
    publish(director, AWS, 1)
    seen = director.read()
    sites.put("one", encode(text_of("vision", 2, GCP)))

    with pytest.raises(PreconditionFailedError, match="epoch 2 is there"):
        director.publish(AWS, epoch=1, expect=seen)

    assert sites.epochs() == [2, 1, 1]
    assert (director.read().weights, director.read().epoch) == (AWS, 1)
    publish(director, GCP, 2)
    assert sites.epochs() == [2, 2, 2]


@pytest.mark.parametrize("at", range(12))
def test_mending_displaces_nothing_that_is_published_meanwhile(sites: Sites, at: int) -> None:
    """Whenever a later epoch comes while an object is mended, a majority never shows the earlier one again."""
    director, other, majority = sites.director(), sites.director(), [1]
    sites.away = {"two"}
    publish(director, AWS, 1)
    sites.away.clear()

    def strike() -> None:
        with suppress(PreconditionFailedError):
            publish(other, GCP, 2)

    sites.on_write = lambda: majority.extend([sites.shown()] if sites.shown() else [])
    with suppress(PreconditionFailedError):
        publish(sites.director(sites.watched((at, strike))), AWS, 1)
    publish(other, GCP, 2)

    assert majority == sorted(majority)
    assert sites.epochs() == [2, 2, 2]


def test_what_cannot_be_mended_is_logged(sites: Sites, caplog: pytest.LogCaptureFixture) -> None:
    """Observers publish again and again: what stays wrong stands in their logs, with the site and the reason."""

    def refuse(call: str) -> None:
        if call == "put":
            raise AccessDeniedError("Could not write there")

    stores = {**sites.stores, "three": WatchedStore(sites.memory["three"], before=refuse)}
    director = sites.director(stores)
    publish(director, AWS, 1)
    caplog.clear()

    publish(director, AWS, 1)

    assert "its object at three could not be mended: Could not write there" in caplog.messages[0]
    assert caplog.messages[-1] == (
        "the quorum switch of vision: its object at three does not show epoch 1: there is no object"
    )


def test_two_sites_away_are_too_many(sites: Sites) -> None:
    """Without a majority nothing is said and nothing is written; the error names who is away and why."""
    director = sites.director()
    publish(director, AWS, 1)
    seen = director.read()
    sites.away = {"one", "three"}

    with pytest.raises(StoreUnavailableError, match=r"read .*\(one: Could not reach it; three: Could not reach it\)"):
        director.read()
    with pytest.raises(StoreUnavailableError, match="one: Could not"):
        director.publish(GCP, epoch=2, expect=seen)

    assert sites.epochs() == [1, 1, 1]


def test_five_sites_stand_two_losses() -> None:
    """With two of five away three decide; with three away nobody does."""
    sites = Sites("one", "two", "three", "four", "five")
    director = sites.director()
    sites.away = {"two", "four"}
    publish(director, GCP, 2)
    assert sites.epochs() == [2, 0, 2, 0, 2]

    sites.away = {"one", "two", "three"}
    with pytest.raises(StoreUnavailableError, match="no majority"):
        director.read()

    sites.away = {"one", "five"}
    assert (director.read().weights, director.read().epoch) == ({}, 2)
    publish(director, GCP, 2)
    sites.away.clear()
    assert sites.epochs() == [2, 2, 2, 2, 2]


def test_sites_that_fail_under_the_write_are_too_many(sites: Sites) -> None:
    """A publish that reached one site only says so, and is finished by publishing again."""
    director = sites.director()
    publish(director, AWS, 1)
    seen = director.read()

    def fall() -> None:
        sites.away = {"two", "three"}

    with pytest.raises(StoreUnavailableError, match=r"publish at .*two: Could not reach it"):
        sites.director(sites.watched((4, fall))).publish(GCP, epoch=2, expect=seen)
    sites.away.clear()

    assert sites.epochs() == [2, 1, 1]
    assert (director.read().weights, director.read().epoch) == (AWS, 1)
    publish(director, GCP, 2)
    assert sites.epochs() == [2, 2, 2]


def test_a_later_epoch_at_one_site_stops_an_earlier_one(sites: Sites) -> None:
    """Whoever sees a later epoch anywhere is late, though a majority does not show it yet."""
    sites.put("three", encode(text_of("vision", 5, GCP)))
    director = sites.director()

    with pytest.raises(PreconditionFailedError, match="epoch 5 is there"):
        director.publish(AWS, epoch=4, expect=director.read())

    assert sites.epochs() == [0, 0, 5]


def test_a_later_epoch_that_a_majority_does_not_show_stops_an_earlier_one(sites: Sites) -> None:
    """What a majority shows is older than both, and is what the caller saw."""
    director = sites.director()
    publish(director, AWS, 1)
    sites.put("three", encode(text_of("vision", 5, GCP)))
    seen = director.read()
    assert seen.epoch == 1

    with pytest.raises(PreconditionFailedError, match="epoch 5 is there"):
        director.publish(AZURE, epoch=4, expect=seen)

    assert sites.epochs() == [1, 1, 5]


def test_who_was_slower_at_the_first_object_changes_none(sites: Sites) -> None:
    """Also the object that the faster one could not reach stays as it was."""
    director = sites.director()
    publish(director, AWS, 1)
    seen = director.read()

    def overtake() -> None:
        sites.away = {"three"}
        sites.director().publish(GCP, epoch=2, expect=seen)
        sites.away.clear()

    with pytest.raises(PreconditionFailedError, match="faster at one"):
        sites.director(sites.watched((3, overtake))).publish(AZURE, epoch=2, expect=seen)

    assert sites.epochs() == [2, 2, 1]


def test_objects_that_all_differ_show_nothing_and_can_be_published_over(sites: Sites) -> None:
    """Where no majority shows the same there are no weights to go by, only the latest epoch."""
    sites.put("one", encode(text_of("vision", 3, AWS)))
    sites.put("two", encode(text_of("vision", 4, GCP)))
    director = sites.director()

    assert (director.read().weights, director.read().epoch) == ({}, 4)

    publish(director, GCP, 4)
    assert sites.epochs() == [4, 4, 4]


def test_what_moved_out_of_sight_does_not_count(sites: Sites) -> None:
    """A decision that was published at sites of which the caller saw one only is found out at that one."""
    director = sites.director()
    publish(director, AWS, 1)
    sites.away = {"one"}
    seen = director.read()
    sites.away = {"three"}
    publish(director, GCP, 2)
    sites.away = {"two"}

    with pytest.raises(StoreUnavailableError, match="it is back just now"):
        director.publish(AZURE, epoch=3, expect=seen)

    sites.away.clear()
    assert (director.read().weights, director.read().epoch) == (GCP, 2)


def test_a_lost_answer_is_no_defeat(sites: Sites) -> None:
    """A write that arrived although its answer was lost, and is refused when sent again, counts as done."""
    director = sites.director()
    seen = director.read()
    wanted = encode(text_of("vision", 1, AWS))

    def arrive() -> None:
        for site in sites.memory:
            sites.put(site, wanted)

    published = sites.director(sites.watched((3, arrive))).publish(AWS, epoch=1, expect=seen)

    assert director.read() == published


def test_what_is_none_of_ours_is_not_written_over(sites: Sites) -> None:
    """An object that somebody else wrote counts as away, and its text stays."""
    sites.put("one", b"on")
    sites.put("two", encode(text_of("another", 9, {"aws": 100})))
    director = sites.director()

    with pytest.raises(ConfigurationError, match=r"one: The object 'switch/vision.txt' is none of"):
        director.read()
    assert list(director.look().away) == ["one", "two"]


def test_a_site_that_cannot_be_opened_is_away(sites: Sites) -> None:
    """The secret of a cloud that is down may be down with it."""

    def store_of(site: str) -> WatchedStore:
        if site == "two":
            raise AccessDeniedError("No secret for two")
        return sites.stores[site]

    director = SwitchDirector("vision", AWS, dict.fromkeys(sites.memory, KEY), store_of, Asking(InlineExecutor(), 1))

    publish(director, AWS, 1)

    assert dict(director.look().away) == {"two": "No secret for two"}


def test_a_site_that_does_not_answer_is_gone_on_without(sites: Sites) -> None:
    """Two sites are a majority, and a person who looks is told of the third."""
    answered = Event()
    hanging = WatchedStore(sites.stores["two"], before=lambda _: _hang(answered))
    stores = {**sites.stores, "two": hanging}
    with ThreadPoolExecutor(8) as pool:
        asking = Asking(pool, 0.2)
        director = SwitchDirector("vision", AWS, dict.fromkeys(sites.memory, KEY), stores.__getitem__, asking)
        publish(director, AWS, 1)
        shown = director.look()
        answered.set()

    assert shown.away == {"two": "it did not answer within 0.2 s"}
    assert shown.traffic.epoch == 1


def test_a_site_that_hangs_is_not_waited_for_by_any_group(sites: Sites) -> None:
    """Groups that share a process do not ask a site that owes answers, and none of them waits for it to the end."""
    answered = Event()
    hanging = WatchedStore(sites.memory["one"], before=lambda _: _hang(answered))
    stores = {**sites.stores, "one": hanging}
    with ThreadPoolExecutor(8) as pool:
        asking = Asking(pool, 0.2)
        groups = [
            SwitchDirector(name, AWS, dict.fromkeys(sites.memory, name), stores.__getitem__, asking)
            for name in "abcdef"
        ]
        for director in groups:
            publish(director, AWS, 1)
            assert (director.read().weights, director.read().epoch) == (AWS, 1)
        answered.set()

    assert hanging.calls.count("get") == OVERDUE


def test_what_answers_late_is_mended_behind_the_backs_of_all(sites: Sites) -> None:
    """An object at a site that is always slower than the others is not left behind for ever."""
    publish(sites.director(), AWS, 1)
    sites.away = {"three"}
    publish(sites.director(), GCP, 2)
    sites.away.clear()
    answered = Event()
    slow = WatchedStore(sites.stores["three"], before=lambda _: _hang(answered))
    stores = {**sites.stores, "three": slow}
    with ThreadPoolExecutor(8) as pool:
        asking = Asking(pool, 0.2)
        director = SwitchDirector("vision", AWS, dict.fromkeys(sites.memory, KEY), stores.__getitem__, asking)
        publish(director, GCP, 2)
        assert sites.epochs() == [2, 2, 1]
        answered.set()

    assert sites.epochs() == [2, 2, 2]


def _hang(answered: Event) -> None:
    answered.wait(timeout=60)


@pytest.mark.parametrize("epochs", [(2, 3), (3, 2), (2, 2)])
@pytest.mark.parametrize(("read_at", "write_at"), [each for each in product(range(11), repeat=2) if each[0] <= each[1]])
def test_of_two_publishers_the_later_epoch_remains(epochs: tuple[int, int], read_at: int, write_at: int) -> None:
    """Wherever another publisher looks and writes in between, who succeeds is not displaced by an earlier epoch.

    The other one reads before one call of the first one's, and publishes before the same call or a later one.
    """
    mine, others = epochs
    sites = Sites()
    publish(sites.director(), AWS, 1)
    other, majority = sites.director(), [1]
    seen: list[Traffic] = []
    done: list[int] = []

    def look() -> None:
        seen.append(other.read())

    def strike() -> None:
        with suppress(PreconditionFailedError):
            done.append(other.publish(AZURE, epoch=others, expect=seen[0]).epoch)

    sites.on_write = lambda: majority.extend([sites.shown()] if sites.shown() else [])
    director = sites.director(sites.watched((read_at, look), (write_at, strike)))
    with suppress(PreconditionFailedError):
        done.append(director.publish(GCP, epoch=mine, expect=director.read()).epoch)

    assert majority == sorted(majority)
    assert sites.director().read().epoch == max(done, default=1)
    assert done or mine == others


def test_who_was_refused_succeeds_when_looking_again(sites: Sites) -> None:
    """A refusal by somebody who was faster leaves nothing behind that stops the later epoch."""
    slow, fast = sites.director(), sites.director()
    seen = slow.read()
    publish(fast, AZURE, 2)
    with pytest.raises(PreconditionFailedError, match="changed meanwhile at one, two, three"):
        slow.publish(GCP, epoch=3, expect=seen)

    publish(slow, GCP, 3)

    assert sites.epochs() == [3, 3, 3]


@pytest.mark.parametrize("late", range(20))
def test_of_many_at_the_same_moment_one_wins(sites: Sites, late: int) -> None:
    """Of publishers that saw the same, one gets past the first object, and the others have changed nothing."""
    seen = sites.director().read()

    def attempt(number: int) -> Traffic | PreconditionFailedError:
        try:
            return sites.director().publish((AWS, GCP, AZURE)[number % 3], epoch=1 + number // 3, expect=seen)
        except PreconditionFailedError as refused:
            return refused

    with ThreadPoolExecutor(6) as pool:
        outcomes = list(pool.map(attempt, range(late % 6, late % 6 + 6)))

    winners = [outcome for outcome in outcomes if isinstance(outcome, Traffic)]
    assert winners == [sites.director().read()]
