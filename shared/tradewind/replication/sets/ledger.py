"""What is on record of the sets of one folder at a target, and the lease under which they are changed.

One record per folder, in the target's control bucket: which keys close a set there, what was published last, and who is
publishing now. A set is recorded before its closing key is written, so whoever is about to write over an object finds
every set that may name it in the records of the folders above it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from tradewind.errors import PreconditionFailedError, SetError, TransientError
from tradewind.records import Records
from tradewind.replication.provenance import fingerprint
from tradewind.replication.sets.settled import Published

MARGIN = timedelta(seconds=60)
"""How much longer a lease lasts than any function runs: for clocks that differ, and for a write that is under way."""


@dataclass(frozen=True, slots=True)
class Page:
    """The record of one folder, as it was read."""

    closing: Mapping[str, Published]
    """Each key that closes a set there which was published, or is being."""
    holder: str = ""
    until: datetime | None = None
    token: str | None = None
    """Its version; None: there is no record."""

    def busy(self, now: datetime) -> bool:
        """Say whether somebody holds the lease."""
        return bool(self.holder) and self.until is not None and self.until > now


@dataclass(frozen=True, slots=True)
class Ledger:
    """The records of one target.

    Args:
        target: The site's name, for errors.
        records: Its control bucket's.
    """

    target: str
    records: Records

    def read(self, folder: str) -> Page:
        """Return the record of a folder: 1 request."""
        held = self.records.read(_name(folder))
        return _page(held.value, held.token) if held else Page({})

    def take(self, folder: str, closing: str, now: datetime, length: timedelta) -> tuple[Lease, Published | None]:
        """Take the lease of a folder to change the set that `closing` closes, and record that: 2 requests.

        Returns:
            The lease, and what was on record of the set before.

        Raises:
            SetError: Somebody else holds it.
        """
        page = self.read(folder)
        if page.busy(now):
            raise self._taken(folder, page.until)
        lease = Lease(self, folder, uuid4().hex, now + length, dict(page.closing), page.token)
        lease.note(closing)
        return lease, page.closing.get(closing)

    def _taken(self, folder: str, until: datetime | None) -> SetError:
        ends = f" until {until:%H:%M:%S} at the latest" if until else ""
        return SetError(
            f"A set in {folder or 'the top folder'!r} at {self.target} is being published by another worker{ends}",
            hint="The queue brings the message back",
        )

    def write(self, lease: Lease, *, holder: str) -> None:
        """Write the record as `lease` has it.

        Raises:
            SetError: Somebody else wrote it meanwhile.
        """
        closing = {
            key: {"as_of": each.as_of.isoformat() if each.as_of else None, "state": each.state}
            for key, each in lease.closing.items()
        }
        document = {"folder": lease.folder, "holder": holder, "until": lease.until.isoformat(), "closing": closing}
        try:
            lease.token = self.records.write(_name(lease.folder), document, expect=lease.token)
        except TransientError as error:
            held = self.records.read(_name(lease.folder))
            if held is not None and held.value == document:  # it was written, and the answer was lost
                lease.token = held.token
            elif isinstance(error, PreconditionFailedError):
                raise self._taken(lease.folder, None) from error
            else:
                raise


@dataclass(slots=True)
class Lease:
    """A lease that is held, with the record as it is to be when it is given back."""

    ledger: Ledger
    folder: str
    holder: str
    until: datetime
    closing: dict[str, Published] = field(default_factory=dict)
    token: str | None = None
    publishing: set[str] = field(default_factory=set)

    @contextmanager
    def opened(self, closing: str) -> Iterator[None]:
        """Publish one set; those that it fetches are published within.

        Raises:
            SetError: It is being published already, further out: it is a member of its own members.
        """
        if closing in self.publishing:
            raise SetError(
                f"The set that {closing!r} closes is a member of itself, by way of other sets",
                hint="Let one of the manifests not name the other",
            )
        self.publishing.add(closing)
        try:
            yield
        finally:
            self.publishing.discard(closing)

    def note(self, closing: str) -> None:
        """Put on record that the set which `closing` closes is being changed."""
        self.closing.setdefault(closing, Published())
        self.ledger.write(self, holder=self.holder)

    def release(self) -> None:
        """Give it back; no error if it ran out and another has it."""
        with suppress(SetError):
            self.ledger.write(self, holder="")


def _name(folder: str) -> str:
    return f"sets/{fingerprint(folder)}"


def _page(value: Mapping[str, Any], token: str) -> Page:
    closing = {
        key: Published(_moment(each.get("as_of")), str(each.get("state", "")))
        for key, each in value.get("closing", {}).items()
    }
    return Page(closing, str(value.get("holder", "")), _moment(value.get("until")), token)


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
