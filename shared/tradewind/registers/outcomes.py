"""What comes of asking a register, and of changing it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from tradewind.records import Document

WHO = 100
"""So many characters of `Operation.who` are remembered."""
WHY = 1000
"""So many of `Operation.why`."""


def cut(text: str, longest: int) -> str:
    """Return the text, or its beginning and an ellipsis if it has more than `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


@dataclass(frozen=True, slots=True)
class Operation:
    """One wish to change a register; tried again under the same id, it is applied once."""

    id: str
    """Chosen by whoever wishes; unique in the register."""
    who: str
    """An observer's site, or the name or the role of an operator."""
    why: str

    @property
    def bounded(self) -> Operation:
        """As it is remembered: long words are cut, since they are no reason to refuse a change."""
        return Operation(self.id, cut(self.who, WHO), cut(self.why, WHY))


@dataclass(frozen=True, slots=True)
class Entry:
    """One change in a register's history."""

    revision: int
    """Counts the changes, from 1."""
    operation: Operation
    at: str
    """When, by the clock of whoever made it: RFC 3339, UTC. To be read by people; nothing is decided by it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a register holds, as a majority has it."""

    value: Document | None
    """None: it was made, and never changed."""
    revision: int
    """0: it was never changed."""
    history: tuple[Entry, ...] = ()
    """The last changes, oldest first."""


@dataclass(frozen=True, slots=True)
class Done:
    """The change was made, once."""

    reading: Reading
    """As of the change, or later."""
    again: bool = False
    """Whether an earlier try under the same id had made it."""


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The change function left the value as it is."""

    reading: Reading


@dataclass(frozen=True, slots=True)
class Indeterminate:
    """Whether the change was made, or will yet be, is not known: a majority could not be heard to the end.

    To resolve it, change again under the same id: it is `Done` in either case, once it is.
    """

    operation: Operation
    seen: int
    """The revision on which the change was based; for another try (`Register.change`, `since`)."""
    reason: str


@dataclass(frozen=True, slots=True)
class NoMajority:
    """Too few control stores answered; nothing was changed."""

    silent: Mapping[str, str]
    """By site: why it does not count, in words."""


Outcome: TypeAlias = Done | Unchanged | Indeterminate | NoMajority
