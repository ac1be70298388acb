"""Asking several stores at once, and going on when enough have answered."""

from __future__ import annotations

import logging
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Generic, TypeVar

from tradewind.errors import TradewindError

log = logging.getLogger(__name__)
K = TypeVar("K", bound=Hashable)
T = TypeVar("T")
GRACE = 0.1
"""Once enough have answered, the others are waited for through this share of the time that they had."""
OVERDUE = 2
"""A store that owes so many answers is not asked again until it gave one: each holds a thread."""


@dataclass(frozen=True, slots=True)
class Answers(Generic[K, T]):
    """What was answered in time."""

    given: Mapping[K, T]
    """By question, which is that of a site unless it was said otherwise."""
    silent: Mapping[K, str]
    """Why there is none, in words."""


@dataclass(frozen=True, slots=True)
class Begun(Generic[K, T]):
    """Questions that are under way."""

    futures: Mapping[K, Future[T]]
    silent: Mapping[K, str]
    """Why the others were not asked."""
    site_of: Callable[[K], str]


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

    def ask(
        self,
        questions: Mapping[K, Callable[[], T]],
        enough: Callable[[Mapping[K, T]], bool],
    ) -> Answers[K, T]:
        """Ask all, and return what was answered until all, or `enough` and a little later the others, have.

        What was not answered goes on behind the caller's back.

        Args:
            questions: By site. One that fails, whatever it is by, was not answered.
            enough: Whether that is all that is needed.
        """
        begun = self.begin(questions)
        self._wait(begun.futures, enough)
        return self.end(begun)

    def begin(self, questions: Mapping[K, Callable[[], T]], site_of: Callable[[K], str] = str) -> Begun[K, T]:
        """Ask all but those who owe answers; who calls this waits as it likes, and then calls `end`.

        Args:
            questions: By site, or by whatever `site_of` knows the site of.
            site_of: Says which site a question is for.
        """
        owing = {site for site in {site_of(key) for key in questions} if self._owes(site)}
        silent = {key: self._waiting() for key in questions if site_of(key) in owing}
        futures = {key: self.executor.submit(ask) for key, ask in questions.items() if key not in silent}
        return Begun(futures, silent, site_of)

    def end(self, begun: Begun[K, T]) -> Answers[K, T]:
        """Return what was answered until now."""
        given: dict[K, T] = {}
        silent = dict(begun.silent)
        for key, future in begun.futures.items():
            if not future.done():
                future.cancel()
                silent[key] = self._waiting()
                self._note(begun.site_of(key), future)
                continue
            try:
                given[key] = future.result()
            except TradewindError as error:
                silent[key] = str(error)
            except Exception as error:  # what is wrong with one store, or its adapter, must not stop the others
                log.exception("the store of %s: no answer but an error that nobody expects", begun.site_of(key))
                silent[key] = repr(error)
        return Answers(given, silent)

    def _wait(self, futures: Mapping[K, Future[T]], enough: Callable[[Mapping[K, T]], bool]) -> None:
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


def _answered(futures: Mapping[K, Future[T]]) -> dict[K, T]:
    return {
        key: future.result()
        for key, future in futures.items()
        if future.done() and not future.cancelled() and future.exception() is None
    }
