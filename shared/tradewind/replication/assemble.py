"""Putting the parts of replication together, for the functions, the command line and the tests alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import datetime

from tradewind.fleet import Fleet, Rule
from tradewind.ports import AuditLog, Gate, ObjectStore, Queue
from tradewind.records import Records
from tradewind.replication import requests
from tradewind.replication.foresight import require_may_come
from tradewind.replication.guard import RemovalGuard
from tradewind.replication.replicate import Replicator
from tradewind.replication.sets import SetKeeper
from tradewind.replication.workplace import Workplace


def assemble(
    fleet: Fleet,
    store_of: Callable[[str], ObjectStore],
    records_of: Callable[[str], Records],
    *,
    gate: Gate,
    audit: AuditLog,
    executor: Executor,
    clock: Callable[[], datetime],
    queue_of: Callable[[str], Queue] | None = None,
) -> Replicator:
    """Return what works on a fleet's notifications.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        records_of: Returns tradewind's own records at a site, by name.
        gate: Asked before the first byte is read.
        audit: Told every decision.
        executor: Runs the calls to several sites side by side.
        clock: Returns the time, UTC.
        queue_of: Returns the queue of a site's notifications, by name; without it full buffers wait for their time.
    """

    def fetch(rule: Rule, key: str, source: str, target: str) -> None:
        replicator.fetch(rule, key, source, target)

    def withdraw(site: str, key: str, token: str) -> None:
        at.delete(site, key, token)

    def may_come(rule: Rule, key: str, source: str, target: str) -> None:
        require_may_come(at, rule, key, source, target)

    def ask(site: str, keys: Iterable[str]) -> None:
        if queue_of is not None:
            list(executor.map(queue_of(site).send, requests.encode(site, keys, why="buffer")))

    sets = SetKeeper(fleet, store_of, records_of, fetch, clock, withdraw=withdraw, may_come=may_come)
    guard = RemovalGuard(store_of, records_of, clock)
    at = Workplace(fleet, store_of, records_of, gate, guard, executor, clock, sets, ask)
    replicator = Replicator(at, audit, clock)
    return replicator
