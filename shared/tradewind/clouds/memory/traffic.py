"""A director in memory, for the tests of what directs traffic."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from dataclasses import replace
from itertools import count

from tradewind.clouds.publishing import settled
from tradewind.errors import StoreUnavailableError
from tradewind.ports import Traffic


class MemoryDirector:
    """Keeps the weights for the life of the process (see `ports.TrafficDirector`).

    Args:
        endpoints: Those of the group.

    Attributes:
        away: Set it, and the director answers nobody.
        published: Whatever was there, from the beginning on.
    """

    def __init__(self, endpoints: Collection[str]) -> None:
        self._endpoints = frozenset(endpoints)
        self._tokens = count(1)
        self._lock = threading.Lock()
        self.away = False
        self.published = [Traffic({}, 0, "0")]

    def know(self, endpoints: Collection[str]) -> None:
        """Direct to these endpoints from now on, as after a deployment."""
        self._endpoints = frozenset(endpoints)

    def read(self) -> Traffic:
        """Return what is published; an endpoint that is not known any more is not shown.

        Raises:
            StoreUnavailableError: It is away.
        """
        with self._lock:
            return self._now()

    def publish(
        self,
        weights: Mapping[str, int],
        *,
        epoch: int,
        expect: Traffic,
        force: bool = False,  # noqa: ARG002 - it stops nothing
    ) -> Traffic:
        """Publish the weights, if what is published is still `expect`.

        Raises:
            StoreUnavailableError: It is away.
            PreconditionFailedError: Somebody else published meanwhile.
        """
        with self._lock:
            now = self._now()
            if settled("memory", self._endpoints, weights, epoch=epoch, expect=expect, now=now):
                return now
            self.published.append(Traffic(dict(weights), epoch, str(next(self._tokens))))
            return self.published[-1]

    def _now(self) -> Traffic:
        if self.away:
            raise StoreUnavailableError("Could not reach the director in memory: it is away")
        last = self.published[-1]
        weights = {name: weight for name, weight in last.weights.items() if name in self._endpoints}
        return replace(last, weights=weights)
