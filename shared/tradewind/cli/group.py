"""`tradewind group`: where the traffic of a group goes, and moving it by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic, sleep
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

from tradewind.cli import standing
from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.outcomes import OperationOption, SinceOption, WhoOption, WhyOption, told, who_is
from tradewind.cli.standing import Standing
from tradewind.cli.text import as_json, one_line
from tradewind.errors import TradewindError
from tradewind.failover.deciding.decide import initial
from tradewind.failover.deciding.sharing import percent
from tradewind.failover.moving.manual import complete, objections
from tradewind.failover.moving.steps import UNSHOWN
from tradewind.failover.moving.switch import SwitchDirector
from tradewind.failover.routing import Routing, State
from tradewind.fleet import CloudDns, Route53
from tradewind.ports import Stops
from tradewind.registers.outcomes import Done, Indeterminate, NoMajority, Outcome, Unchanged
from tradewind.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Groups of endpoints: where their traffic goes, and moving it by hand.")
LONGEST = 600.0
"""Seconds for which --wait follows an epoch."""
GroupArgument = Annotated[str, typer.Argument(metavar="GROUP", help="Name of a group in the fleet file.")]
YesOption = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")]
ForceOption = Annotated[
    bool, typer.Option("--force", help="Move traffic although a majority sees the target down, or too few would serve.")
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Follow the epoch until it is settled.")]


@dataclass(frozen=True, slots=True)
class Wish:
    """That traffic goes somewhere because a person says so."""

    group: str
    weights: Mapping[str, int]
    who: str
    why: str
    id: str
    """Of the operation."""
    since: int | None
    """What an earlier try saw."""


@app.command("status")
def status(
    group: Annotated[str | None, typer.Argument(metavar="[GROUP]", help="Default: every group.")] = None,
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what the register wants, what the director shows, and what the observers see; exit 1 if they differ."""
    runtime = open_runtime(fleet_file)
    found = [look(runtime, name) for name in ([group] if group else runtime.fleet.groups)]
    if as_json_:
        typer.echo(as_json([standing.document(each) for each in found]))
    elif found:
        Console(highlight=False).print(*(standing.shown(each) for each in found), sep="\n")
    else:
        typer.echo("The fleet file has no groups")
    raise typer.Exit(1 if any(each.attention for each in found) else 0)


@app.command("failover")
def fail_over(  # noqa: PLR0913, PLR0917 - they are the command's options
    group: GroupArgument,
    to: Annotated[list[str], typer.Option("--to", metavar="ENDPOINT", help="Takes the traffic; several share it.")],
    why: WhyOption,
    who: WhoOption = None,
    yes: YesOption = False,
    force: ForceOption = False,
    wait: WaitOption = False,
    operation: OperationOption = None,
    since: SinceOption = None,
    fleet_file: FleetOption = None,
) -> None:
    """Move a group's traffic now, by a new epoch that the observers carry out; it needs no reason that they see."""
    runtime = open_runtime(fleet_file)
    known = runtime.failover.group(group)
    wanted = dict.fromkeys(to)
    shares = {name: float(runtime.fleet.endpoints[name].weight or 1) for name in wanted if name in known.endpoints}
    weights = complete(known, percent(shares) if shares.keys() == wanted.keys() else dict.fromkeys(wanted, 0))
    wish = Wish(group, weights, who_is(who), why, _id(operation, since), since)
    raise typer.Exit(_move(runtime, wish, yes=yes, force=force, wait=wait))


@app.command()
def restore(  # noqa: PLR0913, PLR0917 - likewise
    group: GroupArgument,
    why: WhyOption = "back to where it belongs",
    who: WhoOption = None,
    yes: YesOption = False,
    force: ForceOption = False,
    wait: WaitOption = False,
    operation: OperationOption = None,
    since: SinceOption = None,
    fleet_file: FleetOption = None,
) -> None:
    """Let a group's traffic go back to its primary, or to all its endpoints by their weights."""
    runtime = open_runtime(fleet_file)
    weights = initial(runtime.failover.group(group), runtime.fleet.endpoints)
    wish = Wish(group, weights, who_is(who), why, _id(operation, since), since)
    raise typer.Exit(_move(runtime, wish, yes=yes, force=force, wait=wait))


@app.command()
def freeze(
    group: GroupArgument,
    why: WhyOption,
    who: WhoOption = None,
    operation: OperationOption = None,
    since: SinceOption = None,
    fleet_file: FleetOption = None,
) -> None:
    """Let nothing but persons move a group's traffic, until `thaw`; what is under way still ends."""
    runtime = open_runtime(fleet_file)
    outcome = runtime.failover.hand(group).freeze(who=who_is(who), why=why, id=_id(operation, since), since=since)
    raise typer.Exit(_tell(runtime, group, outcome))


@app.command()
def thaw(
    group: GroupArgument,
    why: WhyOption = "it is over",
    who: WhoOption = None,
    operation: OperationOption = None,
    since: SinceOption = None,
    fleet_file: FleetOption = None,
) -> None:
    """Let the observers move a group's traffic again."""
    runtime = open_runtime(fleet_file)
    outcome = runtime.failover.hand(group).thaw(who=who_is(who), why=why, id=_id(operation, since), since=since)
    raise typer.Exit(_tell(runtime, group, outcome))


@app.command("force-zone")
def force_zone(
    group: GroupArgument,
    why: WhyOption,
    who: WhoOption = None,
    yes: YesOption = False,
    wait: WaitOption = False,
    fleet_file: FleetOption = None,
) -> None:
    """Let the move that is under way change more of a zone than `most_of_zone` allows; the observers make it then."""
    runtime = open_runtime(fleet_file)
    director = runtime.failover.group(group).director
    if not isinstance(director, Route53 | CloudDns):
        typer.echo(f"{group}: its director ({director.kind}) holds no move back", err=True)
        raise typer.Exit(1)
    held = runtime.failover.routing(group)
    if isinstance(held, NoMajority):
        raise typer.Exit(_tell(runtime, group, held))
    if held is None or held.state not in UNSHOWN:
        now = f"epoch {held.epoch} is {held.state}" if held else "it has no routing yet"
        typer.echo(f"{group}: no move is held back: {now}", err=True)
        raise typer.Exit(1)
    if not yes:
        shown = f"epoch {held.epoch} of {group} ({_shares(held.weights)})"
        typer.confirm(f"Show {shown}, however much of its zone that changes?", abort=True)
    outcome = runtime.failover.hand(group).force(held.epoch, who=who_is(who), why=why, id=_id(None, None))
    if isinstance(outcome, Indeterminate):
        typer.echo(f"Whether it was done is not known: {one_line(outcome.reason)}", err=True)
        typer.echo("what to do: run the same command again; twice is as once", err=True)
        raise typer.Exit(1)
    if isinstance(outcome, Unchanged) and outcome.reading.value is not None:
        later = Routing.of(outcome.reading.value)
        if later.epoch != held.epoch:
            typer.echo(f"{group}: epoch {later.epoch} has overtaken it: {one_line(later.reason)}", err=True)
            raise typer.Exit(1)
    code = _tell(runtime, group, outcome)
    raise typer.Exit(_follow(runtime, group, held.epoch, held.state) if code == 0 and wait else code)


def look(runtime: Runtime, group: str) -> Standing:
    """Return how a group stands."""
    failover = runtime.failover
    traffic, trouble, ahead = None, "", ""
    lacking: Mapping[str, str] = {}
    try:
        director = failover.director(group)
        traffic = director.read()
        ahead = director.stop_ahead() if isinstance(director, Stops) else ""
        lacking = director.look().lacking if isinstance(director, SwitchDirector) else {}
    except TradewindError as error:
        trouble = str(error)
    reading = failover.register(group).read()  # after the director, whose epoch would look later if one began between
    return Standing(group, runtime.fleet, reading, traffic, trouble, failover.sights(), ahead, lacking=lacking)


def _move(runtime: Runtime, wish: Wish, *, yes: bool, force: bool, wait: bool) -> int:
    failover = runtime.failover
    against = list(objections(failover.group(wish.group), wish.weights, failover.sights()))
    for sentence in against:
        typer.echo(f"{'warning' if force else 'refused'}: {one_line(sentence)}", err=True)
    if against and not force:
        typer.echo("what to do: choose another endpoint, or say that it is meant: --force", err=True)
        return 1
    if not yes:
        typer.confirm(f"Move the traffic of {wish.group} to {_shares(wish.weights)}?", abort=True)
    outcome = failover.hand(wish.group).move(wish.weights, who=wish.who, why=wish.why, id=wish.id, since=wish.since)
    code = _tell(runtime, wish.group, outcome)
    if code == 0 and wait and isinstance(outcome, Done) and outcome.reading.value is not None:
        begun = Routing.of(outcome.reading.value)
        return _follow(runtime, wish.group, begun.epoch, begun.state)
    return code


def _shares(weights: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {weight} %" for name, weight in weights.items() if weight)


def _id(given: str | None, since: int | None) -> str:
    if given is None and since is not None:
        raise typer.BadParameter("--since belongs to the --id of an earlier try; give both, as it named them")
    return given or f"manual-{uuid4().hex[:12]}"


def _tell(runtime: Runtime, group: str, outcome: Outcome) -> int:
    """Say what came of a change, and return the exit code."""
    said = told(outcome)
    for line in said.lines:
        typer.echo(line, err=said.code != 0)
    if isinstance(outcome, Done) and outcome.reading.value is not None:
        routing = Routing.of(outcome.reading.value)
        frozen = f"; frozen: {one_line(routing.frozen)}" if routing.frozen else ""
        typer.echo(f"{group}: epoch {routing.epoch} is {routing.state}{frozen}")
    elif said.code == 0 and runtime.failover.routing(group) is None:
        typer.echo(f"{group} has no routing yet: an observer makes the first when it looks", err=True)
        return 1
    return said.code


def _follow(runtime: Runtime, group: str, epoch: int, shown: State) -> int:
    """Show the states of an epoch that come after the one that was shown, and return the exit code."""
    until = monotonic() + LONGEST
    while monotonic() < until:
        routing = runtime.failover.routing(group)
        if isinstance(routing, NoMajority) or routing is None:
            typer.echo("the register cannot be read just now", err=True)
        elif routing.epoch > epoch:
            typer.echo(f"{group}: epoch {routing.epoch} has overtaken it: {one_line(routing.reason)}", err=True)
            return 1
        elif routing.state is not shown:
            shown = routing.state
            typer.echo(f"{group}: epoch {epoch} is {shown}")
        if shown is State.SETTLED:
            return 0
        sleep(min(runtime.failover.control.every_seconds / 4, 2.0))
    typer.echo(f"{group}: epoch {epoch} was not settled within {LONGEST:.0f} s", err=True)
    return 1
