"""Looking at all endpoints at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor, Future, wait
from typing import Protocol

from tradewind.errors import TradewindError
from tradewind.fleet import Endpoint
from tradewind.ports import Answer

GRACE = 0.5
"""Seconds beyond the longest timeout until a probe that should have ended is left to itself."""


class Prober(Protocol):
    """Asks an endpoint how it is. May be called from several threads at once."""

    def probe(self, endpoint: Endpoint) -> Answer:
        """Return what came of it, within the probe's timeout: whatever goes wrong at the endpoint is an answer."""


def look(endpoints: Mapping[str, Endpoint], prober: Prober, executor: Executor) -> dict[str, Answer]:
    """Ask all endpoints at once, and return their answers after the longest timeout and a little at the latest.

    An endpoint whose probe hangs has failed. One that was not asked, because every thread was busy, has no answer:
    that says nothing about it.

    Args:
        endpoints: By name.
        prober: Asks one of them.
        executor: Has a thread for each of them, and some for those that still hang from the last time.
    """
    return {name: answers[0] for name, answers in look_often(endpoints, 1, prober, executor).items() if answers}


def look_often(
    endpoints: Mapping[str, Endpoint], often: int, prober: Prober, executor: Executor
) -> dict[str, list[Answer]]:
    """Ask each endpoint `often` times, all at once, and return its answers, as soon as `look` does.

    Fewer answers, or none, are of questions that were not asked.
    """
    if not endpoints:
        return {}
    asked = {
        name: [executor.submit(prober.probe, endpoint) for _ in range(often)] for name, endpoint in endpoints.items()
    }
    longest = max(each.probe.timeout_seconds for each in endpoints.values())
    wait([each for calls in asked.values() for each in calls], timeout=longest + GRACE)
    answers = {
        name: [_answer(call, endpoints[name].probe.timeout_seconds) for call in calls] for name, calls in asked.items()
    }
    return {name: [answer for answer in said if answer is not None] for name, said in answers.items()}


def _answer(future: Future[Answer], timeout: float) -> Answer | None:
    if not future.done():
        return None if future.cancel() else Answer(f"no answer within {timeout:g} s", timeout)
    try:
        return future.result()
    except TradewindError as error:
        return Answer(str(error), 0.0)
