"""What came of a change of a register, in words."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import typer

from tradewind.cli.text import one_line
from tradewind.registers.course import FORGOTTEN
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Outcome, Unchanged

WhoOption = Annotated[
    str | None,
    typer.Option(
        "--who",
        metavar="NAME|ROLE",
        help="Who does this, kept at all control stores: a name, or a role such as on-call. Default: the user's name.",
    ),
]
WhyOption = Annotated[str, typer.Option("--why", help="The reason, for the history and for whoever is told.")]
OperationOption = Annotated[
    str | None,
    typer.Option(
        "--id", help="Of this change; one whose outcome is not known is tried again under the id that it had."
    ),
]
SinceOption = Annotated[
    int | None,
    typer.Option(
        "--since", min=0, metavar="REVISION", help="With --id: what the first try named, so that none is made twice."
    ),
]


@dataclass(frozen=True, slots=True)
class Told:
    """An outcome as a person reads it."""

    code: int
    """The command's exit code."""
    lines: tuple[str, ...]


def told(outcome: Outcome) -> Told:
    """Say what came of a change, and what to do next where it is not done."""
    match outcome:
        case Done(reading=reading, again=again):
            said = "Done by an earlier try" if again else "Done"
            return Told(0, (f"{said}: revision {reading.revision}",))
        case Unchanged(reading=reading):
            return Told(0, (f"Nothing to change: it is so since revision {reading.revision} at the latest",))
        case Indeterminate(operation=operation, seen=seen, reason=reason):
            unknown = f"Whether it was done is not known: {one_line(reason)}"
            return Told(1, (unknown, f"what to do: {_retry(operation.id, seen, reason)}"))
        case NoMajority(silent=silent):
            return Told(1, ("Not done: too few control stores answer", *silent_lines(silent)))


def _retry(id_: str, seen: int, reason: str) -> str:
    if reason == FORGOTTEN:
        return "see what there is now (`tradewind group status`), and decide anew, without --id"
    return f"run the same command again with --id {id_} --since {seen}, and it is applied once in any case"


def silent_lines(silent: Mapping[str, str]) -> list[str]:
    """Return a line for each control store that does not count, with the reason."""
    return [f"  {site}: {one_line(why)}" for site, why in silent.items()]


def who_is(given: str | None) -> str:
    """Return the name that is given, or that of this machine's user."""
    if given:
        return given
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run as nobody that it knows
        raise typer.BadParameter("this machine does not know its user's name; give yours: --who NAME") from None
