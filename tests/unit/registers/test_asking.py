"""Asking several stores at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Event
from typing import TypeVar

import pytest

from rigs.world import InlineExecutor
from tradewind.errors import StoreUnavailableError
from tradewind.registers.asking import Asking

T = TypeVar("T")


def never(given: Mapping[str, int]) -> bool:
    """Want all."""
    return False


def two(given: Mapping[str, int]) -> bool:
    """Want any two."""
    return len(given) >= 2


def fail() -> int:
    """Be away."""
    raise StoreUnavailableError("It is away")


def test_answers_and_silence_are_told_apart() -> None:
    """Each store that did not answer has its reason."""
    answers = Asking(InlineExecutor(), 1).ask({"a": lambda: 1, "b": fail}, never)

    assert (answers.given, answers.silent) == ({"a": 1}, {"b": "It is away"})


def test_whatever_one_store_raises_is_its_own_silence(caplog: pytest.LogCaptureFixture) -> None:
    """What an adapter never translated keeps nobody from the others, and is in the log with its traceback."""

    def mistaken() -> int:
        raise ZeroDivisionError("of ours")

    answers = Asking(InlineExecutor(), 1).ask({"a": mistaken, "b": lambda: 2}, never)

    assert (answers.given, answers.silent) == ({"b": 2}, {"a": "ZeroDivisionError('of ours')"})
    assert [record.exc_info is not None for record in caplog.records] == [True]


def test_who_ends_the_process_ends_it() -> None:
    """It is no error of a store."""

    class Leaving(Executor):
        def submit(self, fn: Callable[..., T], /, *_: object, **__: object) -> Future[T]:
            del fn
            future: Future[T] = Future()
            future.set_exception(KeyboardInterrupt())
            return future

    with pytest.raises(KeyboardInterrupt):
        Asking(Leaving(), 1).ask({"a": lambda: 1}, never)


def test_several_questions_for_one_site_are_owed_by_it() -> None:
    """However they are called: two that hang keep the site from being asked anything, and no other."""
    hanging, asked = Event(), list[str]()

    def ask(what: str, site: str) -> int:
        asked.append(site)
        return int(hanging.wait()) if site == "a" else len(what)

    places = [("one", "a"), ("three", "a"), ("one", "b"), ("three", "b")]
    with ThreadPoolExecutor(8) as executor:
        asking = Asking(executor, 0.05)
        questions = {place: partial(ask, *place) for place in places}
        answers = []
        for _ in range(3):
            begun = asking.begin(questions, lambda place: place[1])
            wait(begun.futures.values(), timeout=0.5)
            answers.append(asking.end(begun))
        hanging.set()

    assert all(each.given == {("one", "b"): 3, ("three", "b"): 5} for each in answers)
    assert all(list(each.silent) == places[:2] for each in answers)
    assert (asked.count("a"), asked.count("b")) == (2, 6)


def test_enough_answers_are_enough() -> None:
    """Who hangs is left behind long before the time is up, and is not asked while it owes two answers."""
    hanging, asked = Event(), list[int]()

    def hang() -> int:
        asked.append(1)
        hanging.wait()
        return 3

    with ThreadPoolExecutor(8) as executor:
        asking = Asking(executor, 1)
        questions = {"a": lambda: 1, "b": lambda: 2, "c": hang}
        answers = [asking.ask(questions, two) for _ in range(4)]
        hanging.set()

    assert all(each.given == {"a": 1, "b": 2} for each in answers)
    assert all(each.silent == {"c": "it did not answer within 1 s"} for each in answers)
    assert len(asked) == 2


def test_too_few_answers_end_with_the_time() -> None:
    """What is there then is returned."""
    hanging = Event()
    with ThreadPoolExecutor(8) as executor:
        answers = Asking(executor, 0.05).ask({"a": lambda: 1, "b": lambda: int(hanging.wait())}, two)
        hanging.set()

    assert answers.given == {"a": 1}
    assert list(answers.silent) == ["b"]
