"""Several calls at once, each of which may fail by itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from contextvars import ContextVar
from typing import TypeVar

from tradewind.errors import TradewindError

K = TypeVar("K")
T = TypeVar("T")
_BUSY: ContextVar[bool] = ContextVar("busy", default=False)
"""Whether this is such a call itself: then calls of its own are made one by one.

Threads that wait for work which waits for a thread would wait for ever.
"""


def on_each(
    executor: Executor, items: Sequence[K], call: Callable[[K], T]
) -> tuple[dict[K, T], dict[K, TradewindError]]:
    """Call for every item side by side, the first in this thread; return the answers, and the errors that were met."""
    calls = {} if _BUSY.get() else {item: executor.submit(_inside, call, item) for item in items[1:]}
    answers: dict[K, T] = {}
    errors: dict[K, TradewindError] = {}
    for item in items:
        try:
            answers[item] = calls[item].result() if item in calls else call(item)
        except TradewindError as error:
            errors[item] = error
    return answers, errors


def _inside(call: Callable[[K], T], item: K) -> T:
    mark = _BUSY.set(True)
    try:
        return call(item)
    finally:
        _BUSY.reset(mark)
