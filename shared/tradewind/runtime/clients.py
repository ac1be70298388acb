"""A fleet with its clients: each is opened when it is first used, and kept."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Lock
from time import monotonic
from types import ModuleType
from typing import TYPE_CHECKING, Any, TypeVar, cast
from uuid import uuid4

from tradewind.audit import LoggedAudit
from tradewind.compliance import JurisdictionGate
from tradewind.credentials import resolve
from tradewind.errors import ConfigurationError, TradewindError
from tradewind.fleet import AwsSite, AzureSite, Credentials, Fleet, Rule, Site
from tradewind.ports import Copies, Gate, Links, Message, Notification, ObjectStore, Pulls, Queue, Secrets, Uploads
from tradewind.records import Records
from tradewind.replication import requests
from tradewind.replication.access import Access
from tradewind.replication.assemble import assemble
from tradewind.replication.delivery import Delivery
from tradewind.replication.outcomes import Outcome
from tradewind.replication.parts.plan import MIB, PartSizes
from tradewind.replication.replicate import Replicator
from tradewind.replication.seeing.compare import Finding

if TYPE_CHECKING:
    from tradewind.replication.seeing.verify import Report
    from tradewind.replication.sweeping.sweep import Sweeper
    from tradewind.replication.sweeping.timer import Round
    from tradewind.runtime.failover import Failover

SITE_VARIABLE = "TRADEWIND_SITE"
"""The site that a function serves: its dead letters go to that site's queue, and it finds credentials as from there."""
LAST_ATTEMPT = 50
"""Deliveries after which the platforms give a message up; the deployments say the same number."""
THREADS = 16
VAULTS = {"aws_secrets_manager": "aws", "gcp_secret_manager": "gcp", "azure_key_vault": "azure"}

T = TypeVar("T")


def cloud(name: str, part: str) -> ModuleType:
    """Import one part of one cloud, e.g. `cloud("aws", "store")`."""
    return import_module(f"tradewind.clouds.{name}.{part}")


@dataclass(slots=True)
class Runtime:
    """A fleet with its clients.

    Args:
        fleet: What the fleet file says.
        folder: Folder that relative names in it start from.
    """

    fleet: Fleet
    folder: Path
    born: float = field(default_factory=monotonic)
    """Seconds, by the process's clock."""
    _opened: dict[tuple[str, ...], Any] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)
    executor: ThreadPoolExecutor = field(default_factory=partial(ThreadPoolExecutor, THREADS, "tradewind"))

    def site(self, name: str) -> Site:
        """Return a site by its name.

        Raises:
            ConfigurationError: The fleet has no such site.
        """
        try:
            return self.fleet.sites[name]
        except KeyError:
            known = ", ".join(self.fleet.sites)
            raise ConfigurationError(f"There is no site {name!r}", hint=f"The fleet file has: {known}") from None

    def rule(self, name: str) -> Rule:
        """Return a rule by its name.

        Raises:
            ConfigurationError: The fleet has no such rule.
        """
        for rule in self.fleet.rules:
            if rule.name == name:
                return rule
        known = ", ".join(rule.name for rule in self.fleet.rules) or "none"
        raise ConfigurationError(f"There is no rule {name!r}", hint=f"The fleet file has: {known}")

    def store(self, name: str) -> ObjectStore:
        """Return the store of a site's bucket."""
        return cast("ObjectStore", self._opened_part(name, "store"))

    def uploads(self, name: str) -> Uploads:
        """Return the uploads in parts into a site's bucket."""
        return cast("Uploads", self._opened_part(name, "uploads"))

    def copies(self, name: str) -> Copies:
        """Return the copies inside a site's bucket."""
        return cast("Copies", self._opened_part(name, "copies"))

    def links(self, name: str) -> Links | None:
        """Return the addresses of a site's objects; None where what is read from one could not be proven."""
        site = self.site(name)
        if not isinstance(site, AwsSite):
            return None
        return cast("Links", self._opened_part(name, "links"))

    def pulls(self, name: str) -> Pulls | None:
        """Return what reads from addresses into a site's bucket; None where no cloud does, or may."""
        site = self.site(name)
        if not isinstance(site, AzureSite) or not site.pull:
            return None
        return cast("Pulls", self._opened_part(name, "pulls"))

    def records(self, name: str) -> Records:
        """Return tradewind's own records at a site, which are in its control bucket."""
        return self._once(("records", name), lambda: self._open_records(name))

    def queue(self, name: str, which: str) -> Queue:
        """Return a site's queue: `notifications` or `dead_letters`.

        Raises:
            ConfigurationError: The site has no queues.
        """
        return self._once(("queue", name, which), lambda: self._open_queue(name, which))

    def verify(self, name: str, *, deep: bool = False, named: Collection[Finding] = frozenset(Finding)) -> Report:
        """Compare the sites of a rule object by object (see `replication.seeing.verify`).

        Raises:
            ConfigurationError: The fleet has no such rule.
        """
        from tradewind.replication.seeing.verify import verify  # noqa: PLC0415 - likewise
        from tradewind.replication.sweeping.withholding import withholding  # noqa: PLC0415 - no event needs it

        rule = self.rule(name)
        refine = withholding(rule, self.store, self.records, _now).refine
        return verify(self.fleet, rule, self.store, self.gate, self.executor, deep=deep, refine=refine, named=named)

    def sweeper(self, why: str = "sweep", *, trusting: bool = False) -> Sweeper:
        """Return what sweeps the rules of this fleet, as somebody who works on it alone."""
        from tradewind.replication.sweeping.sweep import Sweeper  # noqa: PLC0415 - no event needs it

        return Sweeper(
            fleet=self.fleet,
            store_of=self.store,
            records_of=self.records,
            queue_of=lambda site: self.queue(site, "notifications"),
            gate=self.gate,
            executor=self.executor,
            clock=lambda: datetime.now(UTC),
            holder=uuid4().hex,
            why=why,
            trusting=trusting,
            uploads_of=self.uploads,
        )

    def sweep(self, site: str, *, seconds: float) -> Round:
        """Do what the timer of `site` does, for about `seconds` (see `sweeping.timer`)."""
        from tradewind.replication.sweeping.timer import turn  # noqa: PLC0415 - no event needs it

        until = datetime.now(UTC) + timedelta(seconds=seconds)
        return turn(self.fleet, site, self.sweeper(), self.records(site), until)

    def replicator(self) -> Replicator:
        """Return what works on this fleet's notifications."""
        return self._once(
            ("replicator",),
            lambda: assemble(
                self.fleet,
                Access(
                    self.store,
                    self.records,
                    queue_of=lambda name: self.queue(name, "notifications"),
                    uploads_of=self.uploads,
                    copies_of=self.copies,
                    links_of=self.links,
                    pulls_of=self.pulls,
                ),
                gate=self.gate,
                audit=LoggedAudit(),
                executor=self.executor,
                clock=_now,
                parts=PartSizes(self.fleet.parts.above_mebibytes * MIB, self.fleet.parts.mebibytes * MIB),
            ),
        )

    def deliver(self, site: str, message: Message, *, last_attempt: int = LAST_ATTEMPT) -> Sequence[Outcome]:
        """Work off a message that `site`'s platform delivered (see `Delivery.deliver`)."""
        events: Callable[[Message], Sequence[Notification]] = cloud(self.site(site).cloud, "events").decode

        def decode(received: Message) -> Sequence[Notification]:
            return requests.decode(self.fleet, received) if requests.is_request(received) else events(received)

        queues = partial(self.queue, site, "notifications"), partial(self.queue, site, "dead_letters")
        return Delivery(decode, self.replicator(), *queues, last_attempt).deliver(message)

    @property
    def failover(self) -> Failover:
        """What failover is made of in this fleet."""
        from tradewind.runtime.failover import Failover  # noqa: PLC0415 - no storage event needs it

        return self._once(("failover",), lambda: Failover(self))

    @property
    def gate(self) -> Gate:
        """What says where data may be."""
        return JurisdictionGate(self.fleet.classifications)

    def _opened_part(self, name: str, part: str) -> object:
        """Return what the module `part` of a site's cloud opens for it."""
        return self._once((part, name), lambda: self._open_part(name, part))

    def _open_part(self, name: str, part: str) -> object:
        site = self.site(name)
        with _named(name):
            module = cloud(site.cloud, part)
            return getattr(module, f"open_{part}")(site, self.credentials(name))

    def bucket(self, name: str, bucket: str) -> ObjectStore:
        """Return the store of another bucket on the cloud of a site, with that site's credentials."""
        site = self.site(name)
        with _named(name):
            opened = cloud(site.cloud, "store").open_store(site, self.credentials(name), bucket=bucket)
        return cast("ObjectStore", opened)

    def _open_records(self, name: str) -> Records:
        site = self.site(name)
        return Records(self.bucket(name, site.control_bucket), site.control_prefix)

    def _open_queue(self, name: str, which: str) -> Queue:
        site = self.site(name)
        if site.queues is None:
            raise ConfigurationError(f"Site {name!r} has no `queues`", hint="Name them in the fleet file")
        queue = str(getattr(site.queues, which))
        with _named(name):
            return cast("Queue", cloud(site.cloud, "queue").open_queue(site, self.credentials(name), queue))

    def credentials(self, name: str) -> Mapping[str, str] | None:
        """Return the fields of a site's secret, as this process finds it; None for the identity of the process."""
        return self._once(("credentials", name), lambda: self._read_credentials(name))

    def reread_credentials(self, name: str) -> None:
        """Read a site's secret again, for what is opened from now on: it may have been replaced."""
        read = self._read_credentials(name)
        with self._lock:
            self._opened["credentials", name] = read

    def _read_credentials(self, name: str) -> Mapping[str, str] | None:
        site = self.site(name)
        return self.secret(site.credentials_at.get(os.environ.get(SITE_VARIABLE, ""), site.credentials))

    def secret(self, reference: Credentials) -> Mapping[str, str] | None:
        """Return the fields of a secret that the fleet file refers to."""
        vaults = {source: partial(self._vault, of) for source, of in VAULTS.items()}
        return resolve(reference, beside=self.folder, vaults=vaults)

    def _vault(self, of: str) -> Secrets:
        return self._once(("vault", of), lambda: cast("Secrets", cloud(of, "secrets").open_secrets()))

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        if key not in self._opened:
            made = make()  # outside the lock: opening one thing opens another
            with self._lock:
                self._opened.setdefault(key, made)
        return cast("T", self._opened[key])


def _now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def _named(site: str) -> Iterator[None]:
    """Name the site in an error that came of opening it: whoever reads a secret does not know whose it is."""
    try:
        yield
    except TradewindError as error:
        raise type(error)(f"Site {site!r}: {error.message}", hint=error.hint) from error
