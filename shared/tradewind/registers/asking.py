"""Asking several stores at once, and going on when enough have answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from tradewind.errors import TradewindError

T = TypeVar("T")
GRACE = 0.1
"""Once enough have answered, the others are waited for through this share of the time that they had."""
OVERDUE = 2
"""A store that owes so many answers is not asked again until it gave one: each holds a thread."""


@dataclass(frozen=True, slots=True)
class Answers(Generic[T]):
    """What was answered in time."""

    given: Mapping[str, T]
    """By site."""
    silent: Mapping[str, str]
    """Why there is none, in words."""


@dataclass(slots=True)
class Asking:
    """Asks stores at once.

    Args:
        executor: Where the questions wait for their answers; one that runs them at once is never waited for.
        answer_seconds: A store that has not answered by then is gone on without.
    """

    executor: Executor
    answer_seconds: float
    _owed: dict[str, list[Future[object]]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def ask(self, questions: Mapping[str, Callable[[], T]], enough: Callable[[Mapping[str, T]], bool]) -> Answers[T]:
        """Ask all, and return what was answered until all, or `enough` and a little later the others, have.

        What was not answered goes on behind the caller's back.

        Args:
            questions: By site. Errors of the family `TradewindError` are answers of silence.
            enough: Whether that is all that is needed.
        """
        silent = {site: self._waiting() for site in questions if self._owes(site)}
        futures = {site: self.executor.submit(ask) for site, ask in questions.items() if site not in silent}
        self._wait(futures, enough)
        given: dict[str, T] = {}
        for site, future in futures.items():
            if not future.done():
                future.cancel()
                silent[site] = self._waiting()
                self._note(site, future)
                continue
            try:
                given[site] = future.result()
            except TradewindError as error:
                silent[site] = str(error)
        return Answers(given, silent)

    def _wait(self, futures: Mapping[str, Future[T]], enough: Callable[[Mapping[str, T]], bool]) -> None:
        until = monotonic() + self.answer_seconds
        pending = {future for future in futures.values() if not future.done()}
        satisfied = False
        while pending and (left := until - monotonic()) > 0:
            if not satisfied and enough(_answered(futures)):
                satisfied = True
                until = min(until, monotonic() + GRACE * self.answer_seconds)
                continue
            _, pending = wait(pending, timeout=left, return_when=FIRST_COMPLETED)

    def _owes(self, site: str) -> bool:
        with self._lock:
            owed = [each for each in self._owed.get(site, ()) if not each.done()]
            self._owed[site] = owed
        return len(owed) >= OVERDUE

    def _note(self, site: str, future: Future[T]) -> None:
        with self._lock:
            self._owed.setdefault(site, []).append(future)  # type: ignore[arg-type]  # only whether it is done is asked

    def _waiting(self) -> str:
        return f"it did not answer within {self.answer_seconds:g} s"


def _answered(futures: Mapping[str, Future[T]]) -> dict[str, T]:
    return {
        site: future.result()
        for site, future in futures.items()
        if future.done() and not future.cancelled() and future.exception() is None
    }
