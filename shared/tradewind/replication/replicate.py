"""From a notification to the outcomes at every target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import datetime

from tradewind.errors import PreconditionFailedError, TradewindError, UnknownBucketError
from tradewind.fleet import Fleet
from tradewind.ports import AuditLog, AuditRecord, Change, Gate, Notification, ObjectStore
from tradewind.replication.copying import CopyLoop, Outcome
from tradewind.replication.decide import Verdict
from tradewind.replication.routes import Passage, Route, admission, passage, routes_for

OPTIMISTIC = 8 * 1024 * 1024
"""Bytes up to which a wrong guess that the key is new costs less than looking first."""


@dataclass(frozen=True, slots=True)
class Replicator:
    """Replicates what notifications speak of.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        gate: Asked before the first byte is read.
        audit: Told every decision.
        executor: Runs the calls to several targets side by side.
        clock: Returns the time for audit records, UTC.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    gate: Gate
    audit: AuditLog
    executor: Executor
    clock: Callable[[], datetime]

    def replicate(self, notification: Notification, *, attempt: int = 1) -> Sequence[Outcome]:
        """Bring the notified key to every target that a rule gives it; safe to repeat.

        Args:
            notification: What is said to have happened.
            attempt: Which delivery of the notification this is. After the first one, targets may be done already, so
                they are looked at before the source is read.

        Returns:
            One outcome per target; failures are among them, so that one target's failure repeats no other's work.

        Raises:
            UnknownBucketError: The bucket is not in the fleet.
        """
        site = self.fleet.site_at(notification.cloud, notification.bucket)
        if site is None:
            raise UnknownBucketError(
                f"The event speaks of the {notification.cloud} bucket {notification.bucket!r}, "
                "which is no site of the fleet",
                hint="Add it to the fleet file, or remove the bucket's notification to this queue",
            )
        outcomes: list[Outcome] = []
        admitted: list[Route] = []
        refused: dict[Route, str] = {}
        for route in routes_for(self.fleet, site, notification.key):
            answer = admission(self.fleet, self.gate, route, notification.key)
            if not answer.allowed and notification.change is Change.DELETED:
                refused[route] = answer.reason  # no byte may go there, and what is there may still be removed
            elif not answer.allowed:
                outcomes.append(Outcome(route, Verdict.REFUSED, answer.reason))
            elif notification.change is Change.EXPIRED:
                reason = "a lifecycle rule of the source removed it there, and that is no user's delete"
                outcomes.append(Outcome(route, Verdict.KEPT, reason))
            else:
                admitted.append(route)
        small = notification.size is None or notification.size <= OPTIMISTIC
        fresh = notification.change is Change.WRITTEN and attempt == 1 and small
        outcomes += self._copy(site, notification.key, [*admitted, *refused], refused, assume_absent=fresh)
        for outcome in outcomes:
            self._record(notification, outcome)
        return outcomes

    def _copy(
        self, site: str, key: str, routes: Sequence[Route], refused: Mapping[Route, str], *, assume_absent: bool
    ) -> list[Outcome]:
        outcomes: list[Outcome] = []
        targets: dict[Route, ObjectStore] = {}
        for route in routes:
            try:
                store = self.store_of(route.target)
                store.check_key(key)
            except TradewindError as error:
                outcomes.append(Outcome.failed(route, error))
            else:
                targets[route] = store
        if not targets:
            return outcomes
        loop = CopyLoop(key, self.store_of(site), targets, self.executor, refused)
        loop.run(assume_absent=assume_absent)
        return [*outcomes, *loop.outcomes.values(), *(self._pull(key, route) for route in loop.pulls)]

    def _pull(self, key: str, route: Route) -> Outcome:
        """Copy the winner at the target of `route` to its source: a late clock must lose at its own site, too."""
        back = Route(route.rule, source=route.target, target=route.source)
        if passage(self.fleet, self.gate, back, key) is Passage.ELSEWHERE:
            return Outcome(route, Verdict.CONFLICT, f"{route.target} has a newer object, which another rule speaks of")
        answer = admission(self.fleet, self.gate, back, key)
        if not answer.allowed:
            return Outcome(back, Verdict.REFUSED, answer.reason)
        loop = CopyLoop(key, self.store_of(back.source), {back: self.store_of(back.target)}, self.executor)
        loop.run(assume_absent=False)
        if loop.pulls:
            error = PreconditionFailedError(f"{key!r} changes at {route.source} and {route.target} at once")
            return Outcome.failed(back, error)
        return loop.outcomes[back]

    def _record(self, notification: Notification, outcome: Outcome) -> None:
        self.audit.record(
            AuditRecord(
                time=self.clock(),
                rule=outcome.route.rule.name,
                key=notification.key,
                source_site=outcome.route.source,
                target_site=outcome.route.target,
                verdict=outcome.verdict,
                reason=outcome.reason,
                size=outcome.size,
                crc32c=None if outcome.crc32c is None else f"{outcome.crc32c:08x}",
                proof=outcome.proof,
                event=notification.id,
            )
        )
