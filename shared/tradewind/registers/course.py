"""How one call goes: what it wants, what it has tried, and what it may say about it at its end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tradewind.registers.contents import Content
from tradewind.registers.outcomes import Indeterminate, NoMajority, Operation, Outcome, Unchanged
from tradewind.registers.panel import Panel

FORGOTTEN = "so many changes were made since that the history does not tell any more"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a call wants to come of the content that is there."""

    content: Content
    """To be proposed; the same content if all is well already."""
    outcome: Outcome
    """What the call answers once that is chosen."""
    new: bool
    """Whether it is a change of this call."""


Wishing: TypeAlias = Callable[[Panel], Wish | None]
"""Says what a call wants; None: it can never be told whether that was made already."""


def as_it_is(panel: Panel) -> Wish:
    """Want nothing but to know that what is there is chosen."""
    return Wish(panel.content, Unchanged(panel.content.reading), new=False)


@dataclass(slots=True)
class Course:
    """What one call has tried."""

    operation: Operation
    based: int | None = None
    """The lowest revision on which a proposal of this operation was ever based; None if there was none."""
    silent: Mapping[str, str] = field(default_factory=dict)
    """Why acceptors did not count the last time."""

    def note(self, wish: Wish, *, traces: bool, silent: Mapping[str, str]) -> None:
        """Remember a ballot.

        Args:
            wish: What was proposed.
            traces: Whether some acceptor took it, or may yet.
            silent: Why others did not.
        """
        self.silent = silent
        if wish.new and traces:
            base = wish.content.revision - 1
            self.based = base if self.based is None else min(self.based, base)

    def unresolved(self, reason: str = "") -> Indeterminate | NoMajority:
        """Return what a call answers that could not be brought to an end."""
        if self.based is None:
            return NoMajority(dict(self.silent))
        why = reason or "; ".join(f"{site}: {words}" for site, words in sorted(self.silent.items()))
        return Indeterminate(self.operation, self.based, why or "no majority was heard to the end")
