"""The only place that knows concrete classes: it joins a fleet file, the clouds and the core.

Handlers and tools ask it for what they need. Everything is opened when it is first used and kept for the life of the
process, so importing this module imports no SDK.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from pathlib import Path
from threading import Lock
from time import monotonic
from types import ModuleType
from typing import Any, TypeVar, cast

from tradewind.audit import LoggedAudit
from tradewind.compliance import JurisdictionGate
from tradewind.credentials import resolve
from tradewind.errors import ConfigurationError, FleetError, NotFoundError, TradewindError, TransientError
from tradewind.fleet import AwsSite, AzureSite, Fleet, GcpSite, Rule, Site, parse_fleet
from tradewind.ports import Gate, Message, Notification, ObjectStore, Queue, Secrets
from tradewind.replication.copying import Outcome
from tradewind.replication.delivery import Delivery
from tradewind.replication.replicate import Replicator
from tradewind.replication.routes import Route, movement

FLEET_VARIABLE = "TRADEWIND_FLEET"
"""File name, or `s3://bucket/key`, `gs://bucket/key`, `az://account/container/key`."""
SITE_VARIABLE = "TRADEWIND_SITE"
"""The site that a function serves: its dead letters go to that site's queue, and it finds credentials as from there."""
ATTEMPTS_VARIABLE = "TRADEWIND_LAST_ATTEMPT"
"""After this many deliveries the platform gives a message up; the queue's own setting, repeated for the handler."""
LAST_ATTEMPT = 50
FRESH = 60.0
"""Seconds for which a process trusts the fleet file that it has read."""
THREADS = 16

T = TypeVar("T")
VAULTS = {"aws_secrets_manager": "aws", "gcp_secret_manager": "gcp", "azure_key_vault": "azure"}


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
        return self._once(("store", name), lambda: self._open_store(name))

    def queue(self, name: str, which: str) -> Queue:
        """Return a site's queue: `notifications` or `dead_letters`.

        Raises:
            ConfigurationError: The site has no queues.
        """
        return self._once(("queue", name, which), lambda: self._open_queue(name, which))

    def gate(self) -> Gate:
        """Return what says where this fleet's data may be."""
        return JurisdictionGate(self.fleet.classifications)

    def forbids(self, rule: str, key: str, origin: str, target: str) -> bool:
        """Say whether the gate refuses to let `key` go from `origin` to `target` by a rule."""
        route = Route(self.rule(rule), origin, target)
        return not self.gate().admit(movement(self.fleet, route, key)).allowed

    def replicator(self) -> Replicator:
        """Return what works on this fleet's notifications."""
        return self._once(
            ("replicator",),
            lambda: Replicator(
                fleet=self.fleet,
                store_of=self.store,
                gate=self.gate(),
                audit=LoggedAudit(),
                executor=self.executor,
                clock=lambda: datetime.now(UTC),
            ),
        )

    def deliver(self, site: str, message: Message, *, last_attempt: int = LAST_ATTEMPT) -> Sequence[Outcome]:
        """Work off a message that `site`'s platform delivered (see `Delivery.deliver`)."""
        decode: Callable[[Message], Sequence[Notification]] = cloud(self.site(site).cloud, "events").decode
        queues = partial(self.queue, site, "notifications"), partial(self.queue, site, "dead_letters")
        return Delivery(decode, self.replicator(), *queues, last_attempt).deliver(message)

    def _open_store(self, name: str) -> ObjectStore:
        site = self.site(name)
        with _named(name):
            return cast("ObjectStore", cloud(site.cloud, "store").open_store(site, self._credentials(name)))

    def _open_queue(self, name: str, which: str) -> Queue:
        site = self.site(name)
        if site.queues is None:
            raise ConfigurationError(f"Site {name!r} has no `queues`", hint="Name them in the fleet file")
        queue = str(getattr(site.queues, which))
        with _named(name):
            return cast("Queue", cloud(site.cloud, "queue").open_queue(site, self._credentials(name), queue))

    def _credentials(self, name: str) -> Mapping[str, str] | None:
        vaults = {source: partial(self._vault, of) for source, of in VAULTS.items()}
        site = self.site(name)
        reference = site.credentials_at.get(os.environ.get(SITE_VARIABLE, ""), site.credentials)
        return self._once(("credentials", name), lambda: resolve(reference, beside=self.folder, vaults=vaults))

    def _vault(self, of: str) -> Secrets:
        return self._once(("vault", of), lambda: cast("Secrets", cloud(of, "secrets").open_secrets()))

    def _once(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        if key not in self._opened:
            made = make()  # outside the lock: opening one thing opens another
            with self._lock:
                self._opened.setdefault(key, made)
        return cast("T", self._opened[key])


@contextmanager
def _named(site: str) -> Iterator[None]:
    """Name the site in an error that came of opening it: whoever reads a secret does not know whose it is."""
    try:
        yield
    except TradewindError as error:
        raise type(error)(f"Site {site!r}: {error.message}", hint=error.hint) from error


def read_fleet(location: str) -> Runtime:
    """Read the fleet file from a path or an object URI.

    Raises:
        FleetError: It is missing or wrong.
        ConfigurationError: The object's cloud does not let us read it.
    """
    scheme, _, rest = location.partition("://")
    if not rest:
        path = Path(location)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise FleetError(
                f"The fleet file {location!r} cannot be read ({getattr(error, 'strerror', error)})",
                hint=f"Name it with --fleet or {FLEET_VARIABLE}; `tradewind fleet schema` describes it",
            ) from error
        return Runtime(parse_fleet(text, origin=location), path.parent)
    site, credentials, key = _object_site(scheme, rest, location)
    store = cast("ObjectStore", cloud(site.cloud, "store").open_store(site, credentials))
    try:
        with store.get(key) as download:
            text = b"".join(download.chunks).decode("utf-8")
    except (NotFoundError, UnicodeDecodeError) as error:
        raise FleetError(
            f"The fleet file {location!r} cannot be read ({error})", hint=f"Upload it, or correct {FLEET_VARIABLE}"
        ) from error
    return Runtime(parse_fleet(text, origin=location), Path())


def _object_site(scheme: str, rest: str, location: str) -> tuple[Site, Mapping[str, str] | None, str]:
    """Return the bucket that a fleet file's URI names as a site, the credentials that it is read with, and the key.

    Without a fleet file only the environment can say where an emulator is, in the clouds' own variables.
    """
    given = os.environ.get
    parts = rest.split("/", 2 if scheme == "az" else 1)
    plain = {"region": given("AWS_REGION", "us-east-1"), "jurisdiction": "ZZ", "control_bucket": "-"}
    match scheme, parts:
        case "s3", [bucket, key] if key:
            return AwsSite(cloud="aws", bucket=bucket, endpoint=given("AWS_ENDPOINT_URL_S3"), **plain), None, key
        case "gs", [bucket, key] if key:
            emulator = given("STORAGE_EMULATOR_HOST")
            nobody = {"type": "anonymous"} if emulator else None
            return GcpSite(cloud="gcp", project="", bucket=bucket, endpoint=emulator, **plain), nobody, key
        case "az", [account, container, key] if key:
            secret = given("AZURE_STORAGE_KEY")
            site = {"account": account, "container": container, "endpoint": given("AZURE_STORAGE_SERVICE_ENDPOINT")}
            return AzureSite(cloud="azure", **site, **plain), {"account_key": secret} if secret else None, key
    raise FleetError(
        f"{location!r} does not say where the fleet file is",
        hint="Use a file name, s3://bucket/key, gs://bucket/key or az://account/container/key",
    )


_kept: dict[str, tuple[float, Runtime]] = {}
"""By the fleet file's location: when it was read, and what it said."""


def current() -> Runtime:
    """Return the process's runtime, whose fleet file is read again once a minute.

    A fleet file that cannot be reached any more changes nothing: the process goes on with the one it has.

    Raises:
        FleetError: No fleet file is named, or it is wrong.
    """
    location = os.environ.get(FLEET_VARIABLE)
    if not location:
        raise FleetError(f"{FLEET_VARIABLE} is not set", hint="It says where the fleet file is")
    kept = _kept.get(location)
    if kept and monotonic() - kept[0] < FRESH:
        return kept[1]
    try:
        runtime = read_fleet(location)
    except TransientError:
        if kept is None:
            raise
        logging.getLogger(__name__).warning("the fleet file cannot be reached; going on with the one that was read")
        runtime = kept[1]
    if kept and runtime.fleet == kept[1].fleet:
        runtime = kept[1]  # with its open clients
    _kept[location] = (monotonic(), runtime)
    return runtime


def forget() -> None:
    """Forget every fleet file that was read, as a new process has."""
    _kept.clear()


def deliver(message: Message) -> Sequence[Outcome]:
    """Work off a message for the site that this function serves.

    Raises:
        TradewindError: It cannot be done now; the message must be delivered again.
    """
    site = os.environ.get(SITE_VARIABLE)
    if not site:
        raise ConfigurationError(f"{SITE_VARIABLE} is not set", hint="It names the site that this function serves")
    last_attempt = int(os.environ.get(ATTEMPTS_VARIABLE, LAST_ATTEMPT))
    return current().deliver(site, message, last_attempt=last_attempt)
