"""What the work on a key needs: the sites' stores and records, and whoever has a say in what is done there."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeAlias

from tradewind.errors import IntegrityError, NotFoundError, PreconditionFailedError
from tradewind.fleet import Fleet, Rule
from tradewind.ports import Copies, Gate, Links, ObjectState, ObjectStore, Pulls, Uploads
from tradewind.records import Records
from tradewind.replication.access import no_copies, no_links, no_pulls, no_uploads, unsent
from tradewind.replication.agreeing.tombstones import Tombstones
from tradewind.replication.budgets.asking import Budgets
from tradewind.replication.contents.index import Index
from tradewind.replication.contents.known import content_from, name_of
from tradewind.replication.contents.worth import Reuse, is_wanted
from tradewind.replication.guard import RemovalGuard
from tradewind.replication.modes.buffer import Ask, Buffer
from tradewind.replication.modes.immutable import is_versioned, read_back
from tradewind.replication.parts.plan import PartSizes
from tradewind.replication.provenance import Provenance
from tradewind.replication.routes import Route
from tradewind.replication.sets.protocol import NoSets, SetRules
from tradewind.replication.transfer import Payload, telling, write

Send: TypeAlias = Callable[[str, Iterable[str]], None]
"""Sends messages to a site's own queue."""


@dataclass(frozen=True, slots=True)
class Workplace:
    """The sites of a fleet as the core works at them.

    Args:
        fleet: Sites and rules.
        store_of: Returns the store of a site, by name.
        records_of: Returns tradewind's own records at a site, by name.
        gate: Asked before the first byte is read.
        guard: Asked before anything is removed.
        executor: Runs the calls to several sites side by side.
        clock: Returns the time, UTC.
        budgets: Asked whether there is room for a copy, before its bytes are read.
        sets: Keeps artifact sets whole.
        ask: Asks for keys of a site to be looked at.
        uploads_of: Returns the uploads in parts of a site, by name.
        copies_of: Returns the copies inside the bucket of a site, by name.
        links_of: Returns the addresses of the objects of a site, by name; None if there are none.
        pulls_of: Returns what reads from addresses into the bucket of a site, by name; None if nothing does.
        send: Sends messages to a site's own queue.
        parts: From which size on objects go in parts.
        reuse: From which size on it pays to look whether a target holds the same content already.
    """

    fleet: Fleet
    store_of: Callable[[str], ObjectStore]
    records_of: Callable[[str], Records]
    gate: Gate
    guard: RemovalGuard
    executor: Executor
    clock: Callable[[], datetime]
    budgets: Budgets
    sets: SetRules = field(default_factory=NoSets)
    ask: Ask = lambda _site, _keys: None
    uploads_of: Callable[[str], Uploads] = no_uploads
    copies_of: Callable[[str], Copies] = no_copies
    links_of: Callable[[str], Links | None] = no_links
    pulls_of: Callable[[str], Pulls | None] = no_pulls
    send: Send = unsent
    parts: PartSizes = field(default_factory=PartSizes)
    reuse: Reuse = field(default_factory=Reuse)

    def buffer(self, site: str) -> Buffer:
        """Return the keys that wait at a site for their window's end."""
        return Buffer(site, self.records_of(site), self.ask, self.executor, self.clock)

    def tombstones(self, site: str) -> Tombstones:
        """Return what a site remembers of deleted keys."""
        return Tombstones(self.records_of(site))

    def put(
        self, rule: Rule, source: str, target: str, payload: Payload, origin: Provenance, expect: str | None
    ) -> bool:
        """Write a replica at `target`; say False if it is no longer what was seen.

        Raises:
            SetError: The key belongs to a set, and its turn has not come.
            IntegrityError: The rule reads back what it writes, and other bytes were there; they were removed.
        """
        key, route = payload.state.key, Route(rule, source, target)
        kept = self.reuses(route, payload.state)
        if kept:
            origin = telling(origin, payload)
        try:
            with self.sets.writing(
                rule, key, source=source, target=target, body=payload.body, replaces=expect is not None
            ):
                token = write(self.store_of(target), payload, origin, expect=expect).token
                if is_versioned(rule):
                    self.read_back(target, key, token, payload.crc32c)
        except PreconditionFailedError:
            return False
        if kept:
            self.remember(route, payload.state, origin)
        return True

    def reuses(self, route: Route, state: ObjectState) -> bool:
        """Say whether it pays to ask a target whether it holds an object's content, and to note that it does."""
        return is_wanted(self.fleet, self.reuse, route, state)

    def remember(self, route: Route, state: ObjectState, origin: Provenance) -> None:
        """Note that a replica of the source's object `state`, which says `origin`, is at the target: 1 PUT, if it pays.

        Only what the replica itself says can be found by it.
        """
        name = name_of(content_from(origin), route.rule.classification)
        if name is not None and self.reuses(route, state):
            Index(self.records_of(route.target), self.clock).note(name, [state.key])

    def read_back(self, site: str, key: str, token: str, checksum: int) -> None:
        """Read a replica that was just written, and remove it if its bytes are wrong."""
        if read_back(self.store_of(site), key, token, checksum):
            return
        self.delete(site, key, token)
        raise IntegrityError(
            f"{key!r} at {site} was read back with other bytes than were written, and was removed",
            hint="It is written anew by the next delivery; if that fails too, the bucket or the way to it is unsound",
        )

    def remove(self, rule: Rule, key: str, source: str, target: str, expect: str) -> str | None:
        """Delete at `target` under a condition; return why it may not be done, or None.

        Raises:
            PreconditionFailedError: It is no longer what was seen.
            SetError: The key belongs to a set that somebody else is at work on.
        """
        if (refusal := self.guard.refusal(rule, target, key)) is not None:
            return refusal
        with self.sets.removing(rule, key, source=source, target=target):
            self.delete(target, key, expect)
        return None

    def delete(self, site: str, key: str, expect: str) -> None:
        """Delete at a site under a condition, so that nobody takes it for a user's delete.

        Raises:
            PreconditionFailedError: It is no longer what was seen.
        """
        if not self.fleet.sites[site].names_what_was_deleted:
            self._delete(site, key, expect)
            return
        tombstones = self.tombstones(site)
        number = tombstones.announce_removal(key, expect, self.clock())
        try:
            self._delete(site, key, expect)
        except PreconditionFailedError:
            tombstones.conclude_removal(key, expect, number, done=False)
            raise
        tombstones.conclude_removal(key, expect, number, done=True)

    def _delete(self, site: str, key: str, expect: str) -> None:
        try:
            self.store_of(site).delete(key, expect=expect)
        except NotFoundError as error:
            raise PreconditionFailedError(f"{key!r} is gone at {site} already") from error
