"""Letting callers know: what `GET /route` is answered from, written by an observer into its own control bucket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from dataclasses import dataclass, field
from datetime import datetime

from tradewind.errors import TradewindError
from tradewind.failover.callers.published import published_of
from tradewind.failover.callers.reading import name_of
from tradewind.failover.routing import Routing
from tradewind.failover.views import Sights
from tradewind.fleet import Fleet
from tradewind.records import Document, Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes the groups of a fleet at one site.

    Args:
        records_of: Opens the records of the observer's own control bucket.
        clock: Returns the time, UTC.
        executor: Makes the requests, so that a store that hangs can be gone on without; None: nobody else does.
        answer_seconds: The control plane's: no longer is waited for a request that the executor makes.
    """

    fleet: Fleet
    records_of: Callable[[], Records]
    clock: Callable[[], datetime]
    executor: Executor | None = None
    answer_seconds: float = 3.0
    _under_way: dict[str, Future[None]] = field(default_factory=dict, init=False)
    """By group."""

    def publish(self, group: str, routing: Routing, sights: Sights) -> None:
        """Write what callers are answered from, unless they are told of a later epoch already.

        A control store that is away, or hangs, is no reason to leave traffic where it is: callers there are answered
        from what the other observers publish.
        """
        document = published_of(group, self.fleet, routing, sights, self.clock()).as_document()
        if self.executor is None:
            self._write(group, document)
            return
        if (earlier := self._under_way.get(group)) is not None and not earlier.done():
            return  # two at once could end in the wrong order
        self._under_way[group] = writing = self.executor.submit(self._write, group, document)
        if writing in wait([writing], self.answer_seconds).done:
            writing.result()
        elif not writing.cancel():
            log.warning("callers of %s cannot be told here: no answer within %g s", group, self.answer_seconds)

    def _write(self, group: str, document: Document) -> None:
        try:
            self.records_of().change(name_of(group), lambda held: None if _later(held, document) else document)
        except TradewindError as error:
            log.warning("callers of %s cannot be told here, and are by the other observers: %s", group, error)


def _later(held: Document | None, document: Document) -> bool:
    """Say whether a later epoch is told already: this call was stopped for a while, and another one was not."""
    epoch = held.get("epoch") if held is not None else None
    if not isinstance(epoch, int) or epoch <= document["epoch"]:
        return False
    log.warning(
        "callers of %s are told of epoch %d already, which is later than epoch %d; if the group's register was made "
        "anew, delete its record in `routes/`",
        document["group"],
        epoch,
        document["epoch"],
    )
    return True
