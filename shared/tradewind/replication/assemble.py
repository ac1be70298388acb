"""Putting the parts of replication together, for the functions, the command line and the tests alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from datetime import datetime

from tradewind.fleet import Fleet, Rule
from tradewind.ports import AuditLog, Gate
from tradewind.replication import requests
from tradewind.replication.access import Access
from tradewind.replication.budgets.asking import Budgets
from tradewind.replication.contents.worth import Reuse
from tradewind.replication.foresight import require_may_come
from tradewind.replication.guard import RemovalGuard
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.replicate import Replicator
from tradewind.replication.sets import SetKeeper
from tradewind.replication.workplace import Workplace


def assemble(
    fleet: Fleet,
    sites: Access,
    *,
    gate: Gate,
    audit: AuditLog,
    executor: Executor,
    clock: Callable[[], datetime],
    parts: PartSizes | None = None,
    reuse: Reuse | None = None,
) -> Replicator:
    """Return what works on a fleet's notifications.

    Args:
        fleet: Sites and rules.
        sites: What there is at each site.
        gate: Asked before the first byte is read.
        audit: Told every decision.
        executor: Runs the calls to several sites side by side.
        clock: Returns the time, UTC.
        parts: From which size on objects go in parts.
        reuse: From which size on it pays to look whether a target holds the same content already.
    """

    def fetch(rule: Rule, key: str, source: str, target: str) -> None:
        replicator.fetch(rule, key, source, target)

    def withdraw(site: str, key: str, token: str) -> None:
        at.delete(site, key, token)

    def may_come(rule: Rule, key: str, source: str, target: str) -> None:
        require_may_come(at, rule, key, source, target)

    def send(site: str, messages: Iterable[str]) -> None:
        list(executor.map(sites.queue_of(site).send, messages))

    def ask(site: str, keys: Iterable[str]) -> None:
        send(site, requests.encode(site, keys, why="buffer"))

    at = Workplace(
        fleet=fleet,
        store_of=sites.store_of,
        records_of=sites.records_of,
        gate=gate,
        guard=RemovalGuard(sites.store_of, sites.records_of, clock),
        executor=executor,
        clock=clock,
        budgets=Budgets(fleet, sites.records_of, executor, clock),
        sets=SetKeeper(fleet, sites.store_of, sites.records_of, fetch, clock, withdraw=withdraw, may_come=may_come),
        ask=ask,
        uploads_of=sites.uploads_of,
        copies_of=sites.copies_of,
        links_of=sites.links_of,
        pulls_of=sites.pulls_of,
        send=send,
        parts=parts or PartSizes(),
        reuse=reuse or Reuse(),
    )
    replicator = Replicator(at, audit, clock)
    return replicator
