"""From a notification to the outcomes at every target."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import OverBudgetError, SetError, TransientError, UnknownBucketError
from tradewind.fleet import ActiveActiveRule, Rule
from tradewind.ports import AuditLog, AuditRecord, Change, Notification
from tradewind.replication.agreeing.converge import Convergence
from tradewind.replication.agreeing.standing import rank_of
from tradewind.replication.agreeing.tombstones import Tombstone
from tradewind.replication.copying import CopyLoop
from tradewind.replication.decide import Verdict
from tradewind.replication.modes.deferring import batched, buffering
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.refused import Refused
from tradewind.replication.parts.tasks import PartTask
from tradewind.replication.parts.work import PartWorker
from tradewind.replication.routes import Route, admission, routes_for
from tradewind.replication.workplace import Workplace

OPTIMISTIC = 8 * 1024 * 1024
"""Bytes up to which a wrong guess that the key is new costs less than looking first."""
MARGIN = timedelta(seconds=60)
"""For clocks that differ, and a request that is under way when a function's time is over."""
EXPIRED = "a lifecycle rule of the source removed it there, and that is no user's delete"


@dataclass(frozen=True, slots=True)
class Replicator:
    """Replicates what notifications speak of.

    Args:
        at: The sites, and whoever has a say in what is done there.
        audit: Told every decision.
        clock: Returns the time for audit records, UTC.
    """

    at: Workplace
    audit: AuditLog
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
        site = self.at.fleet.site_at(notification.cloud, notification.bucket)
        if site is None:
            raise UnknownBucketError(
                f"The event speaks of the {notification.cloud} bucket {notification.bucket!r}, "
                "which is no site of the fleet",
                hint="Add it to the fleet file, or remove the bucket's notification to this queue",
            )
        small = notification.size is None or notification.size <= OPTIMISTIC
        fresh = notification.change is Change.WRITTEN and attempt == 1 and small
        outcomes: list[Outcome] = []
        routes = routes_for(self.at.fleet, site, notification.key)
        if notification.redriven:
            for target in {route.target: None for route in routes}:
                Refused(self.at.records_of(target), self.clock).forget(notification.key)
        for rule in {route.rule.name: route.rule for route in routes}.values():
            own = [route for route in routes if route.rule is rule]
            ended = self._follow(rule, notification, site, own, fresh=fresh)
            outcomes += ended
            for outcome in ended:
                outcomes += self._close_sets(outcome, notification.key, again=attempt > 1)
        for outcome in outcomes:
            self._record(notification.key, outcome, event=notification.id)
        return outcomes

    def carry(self, task: PartTask, *, attempt: int = 1) -> Sequence[Outcome]:
        """Bring parts of a large object to their target; safe to repeat.

        Args:
            task: Which parts.
            attempt: Which delivery of the task this is.

        Raises:
            TradewindError: It could not be done.
        """
        ended = PartWorker(self.at, self._look).work(task, attempt=attempt)
        outcomes = [self._on_record(task.key, outcome) for outcome in ended]
        for outcome in list(outcomes):
            outcomes += self._close_sets(outcome, task.key, again=attempt > 1)
        for outcome in outcomes:
            self._record(task.key, outcome, event="")
        return outcomes

    def _look(self, route: Route, key: str) -> Sequence[Outcome]:
        """Look at a key as whoever was told of it does.

        Where several sites may win, at all of them: whoever sees two only may end a job that others had begun, who saw
        that a third one wins, and who will not come back.
        """
        if not isinstance(route.rule, ActiveActiveRule):
            return self._copy(route.rule, key, route.source, [route], fresh=False)
        routes = [each for each in routes_for(self.at.fleet, route.source, key) if each.rule.name == route.rule.name]
        return self._copy(route.rule, key, route.source, routes or [route], fresh=False)

    def fetch(self, rule: Rule, key: str, source: str, target: str) -> None:
        """Bring one key from one site to one other.

        Raises:
            TradewindError: It could not be done.
        """
        for outcome in self._copy(rule, key, source, [Route(rule, source, target)], fresh=False):
            outcome.require_done(key)

    def _follow(
        self, rule: Rule, notification: Notification, site: str, routes: Sequence[Route], *, fresh: bool
    ) -> list[Outcome]:
        gone = notification.change in (Change.DELETED, Change.EXPIRED)
        if gone and rule.deletes == "keep" and isinstance(rule, ActiveActiveRule):
            reason = f"deleted at {site}, and the rule keeps what is deleted"
            return [Outcome(route, Verdict.KEPT, reason) for route in routes]
        if gone and rule.deletes == "propagate":
            self._remember(rule, notification, site)
        if notification.change is Change.EXPIRED:
            return [Outcome(route, Verdict.KEPT, EXPIRED) for route in routes]
        if (until := self._deferred(rule, notification, site)) is not None:
            return [Outcome(route, Verdict.DEFERRED, until) for route in routes]
        removing = notification.change in (Change.DELETED, Change.NOTHING)
        return self._copy(rule, notification.key, site, routes, fresh=fresh, removing=removing, size=notification.size)

    def _deferred(self, rule: Rule, notification: Notification, site: str) -> str | None:
        """See to it that a change is brought later, if its rule says so; return until when it waits."""
        if (of := buffering(rule, notification)) is not None:
            end = self.at.buffer(site).mark(rule.name, of, notification.key)
            return f"buffered until {end.isoformat()}"
        time = batched(rule, notification, self.clock())
        return None if time is None else f"left to the batch of {time.isoformat()}"

    def _remember(self, rule: Rule, notification: Notification, site: str) -> None:
        """Keep a delete that no bucket shows: who reads the stores later must know of it."""
        if notification.time is None:
            return
        tombstones, key = self.at.tombstones(site), notification.key
        if notification.change is Change.EXPIRED:
            tombstones.expire(key, notification.time)
            return
        if not notification.actor and not self.at.fleet.sites[site].names_what_was_deleted:
            return  # nobody can tell whose it was; the origin's own delete needs no memory, and elsewhere it comes back
        if self._is_ours(notification, site):
            return
        buried = Tombstone(notification.time, site)
        if isinstance(rule, ActiveActiveRule):
            tombstones.bury(key, buried, lambda tombstone: rank_of(rule, tombstone))
        else:
            tombstones.bury(key, buried, lambda tombstone: tombstone.time)

    def _is_ours(self, notification: Notification, site: str) -> bool:
        """Say whether tradewind itself removed the key. To take that for a user's delete would lose data.

        Raises:
            TransientError: Somebody is just about to remove it; whose delete this was is known when that has ended.
        """
        here = self.at.fleet.sites[site]
        if here.acts_as(notification.actor):
            return True
        if not here.names_what_was_deleted or notification.version is None:
            return False
        memory = self.at.tombstones(site).read(notification.key)
        if notification.version in memory.removed:
            return True
        since = max((each.since for each in memory.announced if each.token == notification.version), default=None)
        if since is not None and self.clock() - since < timedelta(seconds=self.at.fleet.time_limit_seconds) + MARGIN:
            raise TransientError(
                f"{notification.key!r} is just being removed at {site}; whose delete this was is not known"
            )
        # Whoever announced it and did not say how it ended has died, most likely after it was removed.
        return since is not None

    def _copy(
        self,
        rule: Rule,
        key: str,
        site: str,
        routes: Sequence[Route],
        *,
        fresh: bool,
        removing: bool = False,
        size: int | None = None,
    ) -> list[Outcome]:
        if isinstance(rule, ActiveActiveRule):
            sites = (site, *(route.target for route in routes))
            ended = Convergence(key, rule, site, sites, self.at).run(assume_absent=fresh)
            return [self._on_record(key, outcome) for outcome in ended]
        refusals: dict[Route, str] = {}
        for route in routes:
            answer = admission(self.at.fleet, self.at.gate, route, key)
            if not answer.allowed:
                refusals[route] = answer.reason
        # Where no byte may go, what is there may still be removed.
        open_routes = [route for route in routes if removing or route not in refusals]
        loop = CopyLoop(key, rule, site, open_routes, self.at, refusals, size=size)
        loop.run(assume_absent=fresh)
        refused = [Outcome(route, Verdict.REFUSED, refusals[route]) for route in routes if route not in open_routes]
        return [*refused, *(self._on_record(key, loop.outcomes[route]) for route in open_routes)]

    def _on_record(self, key: str, outcome: Outcome) -> Outcome:
        """Let a key wait on record, too, that cannot come since others wait that must go before it."""
        if not isinstance(outcome.error, OverBudgetError):
            return outcome
        route, reason = outcome.route, outcome.error.message
        state = self.at.store_of(route.source).head(key)
        if state is not None:
            self.at.budgets.put_on_record(route.rule, route.source, route.target, state, reason)
        return Outcome(route, Verdict.DEFERRED, reason)

    def _close_sets(self, outcome: Outcome, key: str, *, again: bool) -> list[Outcome]:
        """Try the keys that close the sets of a key that has arrived; one that is not whole yet comes later.

        A later delivery may be the successor of a worker that wrote the key over and died before it had closed the set.
        """
        if outcome.verdict not in (Verdict.COPIED, Verdict.IN_SYNC):
            return []
        route = outcome.route
        closing = self.at.sets.arrived(
            route.rule, key, source=route.source, target=route.target, replaced=outcome.replaced or again
        )
        tried = [
            each for other in closing for each in self._copy(route.rule, other, route.source, [route], fresh=False)
        ]
        return [each for each in tried if not isinstance(each.error, SetError)]

    def _record(self, key: str, outcome: Outcome, *, event: str) -> None:
        self.audit.record(
            AuditRecord(
                time=self.clock(),
                rule=outcome.route.rule.name,
                key=key,
                source_site=outcome.route.source,
                target_site=outcome.route.target,
                verdict=outcome.verdict,
                reason=outcome.reason,
                size=outcome.size,
                crc32c=None if outcome.crc32c is None else f"{outcome.crc32c:08x}",
                proof=outcome.proof,
                saved=outcome.saving.size if outcome.saving else None,
                saved_usd=outcome.saving.dollars if outcome.saving else None,
                event=event,
            )
        )
