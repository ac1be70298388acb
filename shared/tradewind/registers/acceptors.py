"""One acceptor: a record in a control store, and the steps of it. Each step is one conditional write.

What Paxos asks of an acceptor - to promise nothing lower than it promised, and to accept nothing lower - is kept by the
store's compare-and-set: who writes has read the record, decided, and writes only if it still is what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tradewind.errors import ConfigurationError, PreconditionFailedError, TradewindError
from tradewind.records import Document, Record
from tradewind.registers.ballots import NONE, Ballot
from tradewind.registers.contents import Config, Content

SCHEMA = 1
"""Version of the acceptors' records that this code reads and writes."""


class Shelf(Protocol):
    """Where an acceptor's record is kept; `tradewind.records.Records` is one."""

    def read(self, name: str) -> Record | None:
        """Return a record as it is at some moment of the call, or None if there is none."""

    def write(self, name: str, value: Document, *, expect: str | None) -> str:
        """Write it if its version is `expect` (None: if it does not exist), and return its new version."""


@dataclass(frozen=True, slots=True)
class Acceptor:
    """The state of one acceptor."""

    incarnation: str
    """Its life: another one has forgotten what this one promised."""
    config: Config | None = None
    """Who the acceptors are, as far as it was told; None until it is made ready."""
    ready: bool = False
    """Whether it acts; all acceptors of a register exist before the first of them does."""
    promised: Ballot = NONE
    """It accepts nothing lower."""
    accepted: Ballot | None = None
    content: Content | None = None
    """What it accepted."""
    seeded: bool = False
    """Whether it was given that when it took another's place: then it is to be built upon, and is no vote."""
    floors: Mapping[str, Ballot] = field(default_factory=dict)
    """By incarnation: the highest ballot that this acceptor knows each to have promised. One that shows a lower promise
    itself was rolled back, and has forgotten some."""

    def as_document(self) -> dict[str, Any]:
        """Return the acceptor as it is kept."""
        return {
            "schema": SCHEMA,
            "incarnation": self.incarnation,
            "config": self.config.as_json() if self.config else None,
            "ready": self.ready,
            "promised": self.promised.as_json(),
            "accepted": self.accepted.as_json() if self.accepted else None,
            "content": self.content.as_json() if self.content else None,
            "seeded": self.seeded,
            "floors": {life: ballot.as_json() for life, ballot in self.floors.items()},
        }

    @classmethod
    def of(cls, document: Document) -> Acceptor:
        """Return the acceptor that a record holds.

        Raises:
            ConfigurationError: It is none, or was written by a later version of tradewind.
        """
        schema = document.get("schema")
        if isinstance(schema, int) and schema > SCHEMA:
            raise ConfigurationError(
                f"its record has schema {schema}, and this tradewind knows {SCHEMA}",
                hint="Bring this tradewind up to date; until then it takes no part",
            )
        try:
            return cls(
                incarnation=str(document["incarnation"]),
                config=Config.of(document["config"]) if document["config"] else None,
                ready=document["ready"] is True,
                promised=Ballot.of(document["promised"]),
                accepted=Ballot.of(document["accepted"]) if document["accepted"] else None,
                content=Content.of(document["content"]) if document["content"] else None,
                seeded=document["seeded"] is True,
                floors={str(life): Ballot.of(ballot) for life, ballot in document["floors"].items()},
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigurationError(f"its record is no acceptor's ({error!r})") from error


@dataclass(frozen=True, slots=True)
class Held:
    """An acceptor as it was read, or written."""

    acceptor: Acceptor
    token: str
    """Whoever writes next expects it."""


def look(shelf: Shelf, name: str) -> Held | None:
    """Return the acceptor of a register at one store, or None if there is none: 1 request.

    Raises:
        TradewindError: The store does not answer, or what is there is no acceptor.
    """
    record = shelf.read(name)
    return Held(Acceptor.of(record.value), record.token) if record else None


def step(
    shelf: Shelf, name: str, after: Acceptor, *, expect: str | None, stands: Callable[[Acceptor], bool]
) -> Held | None:
    """Write an acceptor's next state; None if somebody else was faster.

    A write that failed may have counted all the same: its answer was lost, or the client sent it twice and the second
    found the first. So it is looked for.

    Args:
        shelf: The store.
        name: The register's record.
        after: The next state.
        expect: The version on which it builds.
        stands: Whether an acceptor that was read says that this step was made.

    Raises:
        TradewindError: The store does not answer; whether the step was made, or will yet be, is not known.
    """
    try:
        return Held(after, shelf.write(name, after.as_document(), expect=expect))
    except TradewindError as error:
        failure = error
    try:
        found = look(shelf, name)
    except TradewindError:
        raise failure from None
    if found is not None and stands(found.acceptor):
        return found
    if isinstance(failure, PreconditionFailedError):
        return None
    raise failure
