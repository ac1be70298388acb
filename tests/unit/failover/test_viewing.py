"""Views, as they are written down and exchanged."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rigs.world import InlineExecutor, WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import BadEventError, StoreUnavailableError
from tradewind.failover.looking.codec import MOST, REASON, as_document, view_of
from tradewind.failover.looking.viewing import Collected, Exchange, Published
from tradewind.failover.looking.windows import WINDOW
from tradewind.failover.views import Breaker, EndpointView, Heard, Known, Sample, View
from tradewind.records import Records

START = datetime(2026, 1, 1, 12, 30, 0, 250_000, tzinfo=UTC)
SITES = ("a", "b", "c")
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds are naive
counts = st.integers(0, 2**50)
milliseconds = st.integers(0, 30_000).map(lambda each: each / 1000)
endpoints = st.builds(
    EndpointView,
    failing=counts,
    passing=counts,
    slow=counts,
    reason=st.text(max_size=REASON),
    load=st.none() | milliseconds,
    breaker=st.sampled_from(Breaker),
    breaker_looks=counts,
    samples=st.lists(st.builds(Sample, st.booleans(), milliseconds), max_size=5).map(tuple),
)
views = st.builds(
    View,
    st.text(),
    counts,
    times,
    st.dictionaries(st.text(), endpoints, max_size=3),
    st.dictionaries(st.text(), st.builds(Heard, counts, times, st.booleans(), counts), max_size=3),
    st.dictionaries(st.text(), st.builds(Known, counts, times, counts, times), max_size=3),
)


@given(views)
def test_a_view_is_read_as_it_was_written(view: View) -> None:
    """All of it, through JSON."""
    assert view_of(json.loads(json.dumps(as_document(view)))) == view


def test_a_view_is_small_and_stays_so() -> None:
    """Times are told to the millisecond, reasons are cut, and very many endpoints make the windows shorter."""
    long = EndpointView(reason="x" * 5000, samples=(Sample(good=True, seconds=0.123456789),) * WINDOW)
    one = as_document(View("a", 1, START, {"e": long}))
    many = as_document(View("a", 1, START, {f"endpoint-{nth}": long for nth in range(5000)}))

    assert one["endpoints"]["e"]["samples"] == [[1, 0.123]] * WINDOW
    assert len(one["endpoints"]["e"]["reason"]) == REASON
    assert len(json.dumps(many)) < MOST + 5000 * 200
    assert 0 < len(many["endpoints"]["endpoint-7"]["samples"]) < WINDOW


def test_what_a_newer_version_adds_is_read_over() -> None:
    """At every depth; and a longer window is cut to ours."""
    view = View("a", 1, START, {"e": EndpointView(passing=3, samples=(Sample(good=True, seconds=0.1),) * WINDOW)})
    told = json.loads(json.dumps(as_document(view)))
    told["mood"] = told["endpoints"]["e"]["mood"] = "fine"
    told["endpoints"]["e"]["samples"] = [[0, 9.0], *told["endpoints"]["e"]["samples"]]

    assert view_of(told) == view


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"round": "x"}, "round"),
        ({"round": -1}, "round"),
        ({"at": "2026-01-01T00:00:00"}, "at"),
        ({"endpoints": {"e": {"breaker": "ajar"}}}, "endpoints/e/breaker"),
        ({"endpoints": {"e": {"samples": [[2, 0.1]]}}}, "endpoints/e/samples/0/0"),
        ({"endpoints": {"e": {"load": float("nan")}}}, "endpoints/e/load"),
        ({"heard": []}, "heard"),
    ],
)
def test_what_is_no_view_is_refused(change: dict[str, object], reason: str) -> None:
    """With the place that is wrong."""
    with pytest.raises(BadEventError, match=f"^{reason}: "):
        view_of({**as_document(View("a", 1, START)), **change})


def away(_call: str) -> None:
    """Be away."""
    raise StoreUnavailableError("The store does not answer")


def there(_call: str) -> None:
    """Be there."""


@dataclass(slots=True)
class Sites:
    """Three control buckets."""

    stores: dict[str, WatchedStore] = field(
        default_factory=lambda: {name: WatchedStore(MemoryStore()) for name in SITES}
    )

    def exchange(self, observer: str) -> Exchange:
        """Return the exchange as one of the observers sees it."""
        records = {name: Records(store, "tradewind/") for name, store in self.stores.items()}
        return Exchange(observer, records, InlineExecutor(), 1.0)

    def held(self, site: str) -> set[str]:
        """Return the keys in a store."""
        return {each.key for each in self.stores[site].inner.list().objects}


def view(observer: str, round_: int = 1) -> View:
    """Return an observer's view."""
    return View(observer, round_, START + timedelta(seconds=round_))


def test_views_are_exchanged() -> None:
    """Each writes into its own store, and reads the others'."""
    sites = Sites()
    published = {name: sites.exchange(name).publish(view(name)) for name in SITES}

    assert [each.stores for each in published.values()] == [("a",), ("b",), ("c",)]
    assert not any(each.late or each.failed for each in published.values())
    assert sites.held("a") == {"tradewind/views/a"}
    assert sites.exchange("a").collect() == Collected({"b": view("b"), "c": view("c")}, {})
    assert sites.exchange("a").last() == view("a")
    assert Sites().exchange("a").last() is None


def test_a_view_is_never_written_over_by_an_earlier_one() -> None:
    """Of two calls in one round the second is late, and nothing of it is kept."""
    sites = Sites()
    exchange = sites.exchange("a")
    exchange.publish(view("a", 5))
    again, before, after = (exchange.publish(view("a", round_)) for round_ in (5, 4, 6))

    assert (again.late, before.late, after.late) == (True, True, False)
    assert exchange.last() == view("a", 6)


def test_an_observer_whose_store_is_away_is_heard_through_the_others() -> None:
    """Its view goes to them; and when its store is back, the later round counts, wherever it is."""
    sites = Sites()
    sites.exchange("a").publish(view("a", 1))
    sites.stores["a"].before = away
    published = sites.exchange("a").publish(view("a", 2))

    assert published.stores == ("b", "c")
    assert published.failed == {"a": "The store does not answer"}
    assert sites.exchange("b").collect() == Collected({"a": view("a", 2)}, {})
    assert sites.exchange("a").last() == view("a", 2)
    sites.stores["a"].before = there
    assert sites.exchange("b").collect().views == {"a": view("a", 2)}
    sites.exchange("a").publish(view("a", 3))
    assert sites.exchange("b").collect().views == {"a": view("a", 3)}
    assert sites.exchange("a").last() == view("a", 3)


def test_what_cannot_be_read_is_missing_with_the_reason() -> None:
    """A store that is away, and a document that is no view."""
    sites = Sites()
    sites.stores["b"].before = away
    wrong = {**as_document(view("c")), "round": "many"}
    Records(sites.stores["c"], "tradewind/").write("views/c", wrong, expect=None)
    collected = sites.exchange("a").collect()

    assert collected.views == {}
    assert collected.unread["b"] == "The store does not answer"
    assert collected.unread["c"].startswith("round: ")
    assert not sites.exchange("c").publish(view("c", 1)).late
    assert sites.exchange("a").collect().views == {"c": view("c", 1)}


def test_a_view_under_another_observers_name_does_not_count() -> None:
    """Nobody speaks for somebody else."""
    sites = Sites()
    Records(sites.stores["b"], "tradewind/").write("views/b", as_document(view("c")), expect=None)

    assert sites.exchange("a").collect().views == {}


def test_a_store_that_hangs_is_gone_on_without() -> None:
    """The others' views are there when the time is over."""
    released, sites = Event(), Sites()
    for name in ("b", "c"):
        sites.exchange(name).publish(view(name))

    def hang(_call: str) -> None:
        released.wait()

    sites.stores["b"].before = hang
    with ThreadPoolExecutor(8) as executor:
        collected = replace(sites.exchange("a"), executor=executor, answer_seconds=0.2).collect()
        released.set()

    assert collected == Collected({"c": view("c")}, {"b": "it did not answer within 0.2 s"})


def test_what_another_call_wrote_meanwhile_is_left() -> None:
    """Between reading and writing, a second call of the same round may come."""
    sites = Sites()
    store, other = sites.stores["a"], replace(view("a", 7), known={"g": Known(1, START, 1, START)})

    def overtake(call: str) -> None:
        if call == "put":
            store.before = there
            sites.exchange("a").publish(other)

    store.before = overtake

    assert sites.exchange("a").publish(view("a", 7)).late
    assert sites.exchange("a").last() == other


def test_a_store_that_owes_answers_is_not_waited_for_again() -> None:
    """However often a round turns to it: what was asked first is all that it holds, until it answers."""
    released, sites, calls = Event(), Sites(), list[str]()
    sites.exchange("c").publish(view("c"))

    def hang(call: str) -> None:
        calls.append(call)
        released.wait()

    sites.stores["a"].before = hang
    with ThreadPoolExecutor(8) as executor:
        exchange = replace(sites.exchange("a"), executor=executor, answer_seconds=0.2)
        collected = exchange.collect()
        published = [exchange.publish(view("a", nth)) for nth in range(1, 4)]
        again, last = exchange.collect(), exchange.last()
        released.set()

    assert collected == again == Collected({"c": view("c")}, {})
    assert {each.stores for each in published} == {("b", "c")}
    assert last == view("a", 3)
    assert calls == ["get", "get"]


def test_an_answer_that_nobody_expects_is_the_silence_of_its_store() -> None:
    """An adapter that lets an error of its SDK pass, say: the other views count."""
    sites = Sites()
    for name in ("b", "c"):
        sites.exchange(name).publish(view(name))

    def mistaken(_call: str) -> None:
        raise ZeroDivisionError("of theirs")

    sites.stores["b"].before = mistaken

    assert sites.exchange("a").collect() == Collected({"c": view("c")}, {"b": "ZeroDivisionError('of theirs')"})


def written_twice(sites: Sites, site: str) -> Callable[[str], None]:
    """Have the next write to a store made, and then sent again, as clients do whose first answer was lost."""
    store = sites.stores[site]

    def once(call: str) -> None:
        if call == "put":
            store.before = there
            sites.exchange("a").publish(view("a", 7))

    return once


def test_what_a_client_sent_twice_is_no_second_call() -> None:
    """The second request is refused by what the first wrote, which is this very view."""
    sites = Sites()
    sites.stores["a"].before = written_twice(sites, "a")

    assert sites.exchange("a").publish(view("a", 7)) == Published(("a",))


def test_who_was_refused_and_cannot_look_why_is_late() -> None:
    """Somebody wrote, and nobody says who: then it may have been another call of the round."""
    sites = Sites()
    store, twice = sites.stores["a"], written_twice(sites, "a")

    def unseen(call: str) -> None:
        twice(call)
        if call == "put":
            store.before = away_for_reads

    def away_for_reads(call: str) -> None:
        if call == "get":
            raise StoreUnavailableError("The store does not answer")

    store.before = unseen

    assert sites.exchange("a").publish(view("a", 7)).late
