"""Letting callers know: what `GET /route` is answered from, written by an observer into its own control bucket."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tradewind.errors import TradewindError
from tradewind.failover.callers.published import published_of
from tradewind.failover.callers.reading import name_of
from tradewind.failover.routing import Routing
from tradewind.failover.views import Sights
from tradewind.fleet import Fleet
from tradewind.records import Records

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publisher:
    """Publishes the groups of a fleet at one site.

    Args:
        records_of: Opens the records of the observer's own control bucket.
        clock: Returns the time, UTC.
    """

    fleet: Fleet
    records_of: Callable[[], Records]
    clock: Callable[[], datetime]

    def publish(self, group: str, routing: Routing, sights: Sights) -> None:
        """Write what callers are answered from.

        A control store that is away is no reason to leave traffic where it is: callers there are answered from what the
        other observers publish.
        """
        document = published_of(group, self.fleet, routing, sights, self.clock()).as_document()
        try:
            self.records_of().change(name_of(group), lambda _: document)
        except TradewindError as error:
            log.warning("callers of %s cannot be told here, and are by the other observers: %s", group, error)
