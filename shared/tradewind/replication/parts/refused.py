"""Marks at large objects that cannot be copied as they are, so that nobody brings all of their bytes again in vain.

A mark is a record in the target's control bucket. It holds for one version of a key at one source, until a person
redrives its dead letter, and for a week at most.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from tradewind.errors import PreconditionFailedError
from tradewind.ports import ObjectState
from tradewind.records import Document, Record, Records, name_for
from tradewind.replication.parts.jobs import Job
from tradewind.replication.provenance import Version, digest

PREFIX = "refused/"
HOLDS = timedelta(days=7)
"""So long an object is left alone: its store may have been mended, and its dead letter lost."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The marks of one target.

    Args:
        records: The target's.
        clock: Returns the time, UTC.
    """

    records: Records
    clock: Callable[[], datetime]

    def mark(self, job: Job, reason: str) -> None:
        """Leave a mark at what a job copies: 1 GET and 1 PUT."""
        document = {
            "v": 1,
            "key": job.key,
            "of": _of(job.source, job.version, job.metadata),
            "reason": reason,
            "at": self.clock().isoformat(),
        }
        self.records.change(_name(job.key), lambda _: document)

    def reason(self, source: str, state: ObjectState) -> str | None:
        """Return why an object is not to be brought, or None: 1 GET."""
        held = self.records.read(_name(state.key))
        if held is None or not self._holds(held, _of(source, Version.of(state), digest(state.metadata))):
            return None
        at, told = held.value["at"], held.value["reason"]
        return f"{told} (found at {at}, not brought again until it is written or its dead letter is redriven)"

    def forget(self, key: str) -> None:
        """Remove the mark of a key, if there is one: it is tried again."""
        held = self.records.read(_name(key))
        if held is not None:
            with suppress(PreconditionFailedError):
                self.records.delete(_name(key), expect=held.token)

    def _holds(self, held: Record, of: Document) -> bool:
        return held.value["of"] == of and self.clock() - datetime.fromisoformat(held.value["at"]) < HOLDS


def _of(source: str, version: Version, metadata: str) -> Document:
    """Return what a mark is at; a store may change metadata without a new version."""
    return {"source": source, "token": version.token, "modified": version.modified.isoformat(), "metadata": metadata}


def _name(key: str) -> str:
    return PREFIX + name_for(key)
