"""How far the sweep of a rule has come: a record that whoever goes on with it takes up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from tradewind.fleet import Rule
from tradewind.records import Document
from tradewind.replication.provenance import fingerprint
from tradewind.replication.seeing.tally import Tally
from tradewind.replication.sweeping.listing import Position

PREFIX = "sweeps/"


def name_of(rule: str) -> str:
    """Return the name of the record; it is in the control bucket of the rule's first site."""
    return PREFIX + rule


def shape_of(rule: Rule) -> str:
    """Return what a sweep depends on: half a sweep of another shape of the rule says nothing about this one."""
    return fingerprint(rule.model_dump_json(exclude={"sweep", "rpo_seconds", "delete_guard", "budget"}))


@dataclass(frozen=True, slots=True)
class Completed:
    """A sweep that reached the end."""

    started: datetime
    finished: datetime
    asked: int
    """Keys that were asked to be looked at again."""
    tally: Tally

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "started": self.started.isoformat(),
            "finished": self.finished.isoformat(),
            "asked": self.asked,
            "tally": self.tally.as_document(),
        }

    @classmethod
    def of_document(cls, document: Mapping[str, Any]) -> Self:
        """Return what `as_document` wrote."""
        started, finished = (datetime.fromisoformat(document[name]) for name in ("started", "finished"))
        return cls(started, finished, document["asked"], Tally.of_document(document["tally"]))


@dataclass(slots=True)
class Progress:
    """The record of one rule."""

    shape: str
    started: datetime | None = None
    """Of the sweep that is under way; None if none is."""
    positions: dict[str, Position] = field(default_factory=dict)
    asked: int = 0
    tally: Tally = field(default_factory=lambda: Tally(""))
    completed: Completed | None = None
    """The last sweep that reached the end."""
    trusting: bool = False
    """Whether some of what is counted was never looked at, since a backfill took a listing's word for it."""
    holder: str = ""
    """Who works on it."""
    until: datetime | None = None
    """When the holder is given up."""

    @classmethod
    def of_document(cls, document: Document | None, rule: Rule) -> Self:
        """Return what `as_document` wrote; half a sweep of another shape of the rule is forgotten."""
        shape = shape_of(rule)
        if document is None:
            return cls(shape)
        done, until, started = (document.get(name) for name in ("completed", "until", "started"))
        progress = cls(
            shape,
            completed=Completed.of_document(done) if done else None,
            holder=document.get("holder", ""),
            until=datetime.fromisoformat(until) if until else None,
        )
        if started and document["shape"] == shape:
            progress.started = datetime.fromisoformat(started)
            progress.positions = {site: Position(**each) for site, each in document["positions"].items()}
            progress.asked = document["asked"]
            progress.trusting = document.get("trusting", False)
            progress.tally = Tally.of_document(document["tally"])
        return progress

    def as_document(self) -> dict[str, Any]:
        """Return it as JSON values."""
        document: dict[str, Any] = {"v": 1, "shape": self.shape, "holder": self.holder}
        if self.until is not None:
            document["until"] = self.until.isoformat()
        if self.started is not None:
            document |= {
                "started": self.started.isoformat(),
                "positions": {site: position.as_document() for site, position in self.positions.items()},
                "asked": self.asked,
                "trusting": self.trusting,
                "tally": self.tally.as_document(),
            }
        if self.completed is not None:
            document["completed"] = self.completed.as_document()
        return document

    def due(self, rule: Rule, now: datetime) -> bool:
        """Say whether there is something to do: half a sweep, or the time for the next one."""
        if self.started is not None or self.completed is None:
            return True
        return now - self.completed.started >= timedelta(minutes=rule.sweep.every_minutes)

    def free(self, holder: str, now: datetime) -> bool:
        """Say whether `holder` may work on it: nobody does, or whoever did has run out of time."""
        return self.holder in ("", holder) or self.until is None or self.until <= now

    def begin(self, rule: Rule, now: datetime) -> None:
        """Begin a sweep, unless one is under way."""
        if self.started is None:
            self.started, self.asked, self.tally, self.trusting = now, 0, Tally(rule.name), False
            self.positions = {site: Position() for site in rule.members}

    def finish(self, now: datetime) -> Completed:
        """Return the result of the sweep that is under way, and be ready for the next.

        It is kept unless listings were trusted: what those took to be missing is no backlog that anybody has seen.
        """
        if self.started is None:
            raise ValueError("no sweep is under way")
        result = Completed(self.started, now, self.asked, self.tally)
        if not self.trusting:
            if self.completed is not None:
                self.tally.linger(self.completed.tally, now - self.completed.started)
            self.completed = result
        self.started, self.positions, self.asked = None, {}, 0
        return result
