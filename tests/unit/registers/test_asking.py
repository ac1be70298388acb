"""Asking several stores at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from rigs.world import InlineExecutor
from tradewind.errors import StoreUnavailableError
from tradewind.registers.asking import Asking


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


def test_a_mistake_of_ours_is_no_silence() -> None:
    """It is raised."""

    def mistaken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Asking(InlineExecutor(), 1).ask({"a": mistaken}, never)


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
