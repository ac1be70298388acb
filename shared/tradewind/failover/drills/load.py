"""A load of so many requests a second: open loop, so that a slow answer slows no other request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from threading import Event
from time import monotonic
from typing import Final

import httpx

from tradewind.failover.drills.timeline import Request
from tradewind.fleet.endpoints import Endpoint

ENDPOINT: Final = "X-Served-By"
"""Header of an answer that says which endpoint made it, where endpoints say so."""
EPOCH: Final = "X-Tradewind-Epoch"
"""Header of an answer that says which epoch sent the request there; a Caddy sets it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked for, over and over."""

    method: str
    url: str
    body: object = None
    """Sent as JSON, if there is any."""
    good: frozenset[int] = frozenset({200})
    """Status codes of an answer as it should be."""


def question(front: str, endpoint: Endpoint, *, predict: bool = True) -> Question:
    """Return what users ask: the prediction whose answer is known, or what the probe asks if there is none.

    Args:
        front: Where users ask.
        endpoint: Has the probe.
        predict: Whether a prediction is wanted, which costs the endpoint more.
    """
    probe, base = endpoint.probe, front.rstrip("/")
    if predict and probe.golden is not None:
        return Question("POST", base + probe.golden.path, probe.golden.body)
    return Question(probe.method, base + probe.path, good=frozenset(probe.status))


@dataclass(slots=True)
class Load:
    """Sends requests until it is told to stop.

    Args:
        asked: What is asked for.
        rate: Requests a second.
        timeout: Seconds after which a user gives a request up.
        tell: Told each request when it ended.
        begun: What the clock said when the drill began.
        clock: Returns seconds.
    """

    asked: Question
    rate: float
    timeout: float
    tell: Callable[[Request], None]
    begun: float
    clock: Callable[[], float] = monotonic
    stopped: Event = field(default_factory=Event)

    def run(self) -> None:
        """Send, and return when all that was sent has ended."""
        asyncio.run(self._run())

    def stop(self) -> None:
        """Send nothing more."""
        self.stopped.set()

    async def _run(self) -> None:
        first = self.clock()
        proxied = self.asked.url.startswith("https:")  # as everywhere here, the environment's proxy is for HTTPS
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
        async with (
            httpx.AsyncClient(timeout=self.timeout, limits=limits, trust_env=proxied) as client,
            asyncio.TaskGroup() as sent,
        ):
            for number in count():
                due = first + number / self.rate
                await asyncio.sleep(max(due - self.clock(), 0))
                if self.stopped.is_set():
                    return
                sent.create_task(self._ask(client, due))

    async def _ask(self, client: httpx.AsyncClient, due: float) -> None:
        endpoint, epoch = "", ""
        try:
            async with asyncio.timeout(self.timeout):
                answer = await client.request(self.asked.method, self.asked.url, json=self.asked.body)
            endpoint, epoch = answer.headers.get(ENDPOINT, ""), answer.headers.get(EPOCH, "")
            reason = "" if answer.status_code in self.asked.good else f"status {answer.status_code}"
        except TimeoutError:
            reason = f"no answer within {self.timeout:g} s"
        except httpx.HTTPError as error:
            reason = type(error).__name__
        known = int(epoch) if epoch.isdecimal() else None
        self.tell(Request(due - self.begun, self.clock() - self.begun, reason, endpoint, known))
