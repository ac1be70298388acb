"""`tradewind control`: the stores that agree, and what they have agreed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.outcomes import WhoOption, silent_lines, who_is
from tradewind.cli.text import as_json, one_line
from tradewind.registers.acceptors import Held, look
from tradewind.registers.initialise import initialise
from tradewind.registers.membership import replace_store
from tradewind.registers.outcomes import Entry, NoMajority
from tradewind.registers.panel import Panel, judge
from tradewind.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="The control stores, and the registers that they keep.")
JsonOption = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]


@dataclass(frozen=True, slots=True)
class RegisterStatus:
    """One register at every control store."""

    name: str
    looks: dict[str, Held | None]
    """What was found, by site."""
    panel: Panel

    @property
    def revision(self) -> int:
        """The last that any store knows."""
        return self.panel.content.revision

    @property
    def attention(self) -> list[str]:
        """Return what needs a person, in sentences."""
        said = [f"{self.name} at {site}: {one_line(why)}" for site, why in self.panel.silent.items()]
        if not self.panel.decides:
            said.append(f"{self.name}: too few stores count to decide anything")
        return said

    def row(self, site: str) -> dict[str, Any]:
        """Return what a store has of it, as JSON values."""
        held = self.looks.get(site)
        acceptor = held.acceptor if held else None
        content = acceptor.content if acceptor else None
        return {
            "register": self.name,
            "site": site,
            "counts": site in self.panel.held,
            "why_not": self.panel.silent.get(site),
            "ready": acceptor.ready if acceptor else None,
            "incarnation": acceptor.incarnation if acceptor else None,
            "config": acceptor.config.version if acceptor and acceptor.config else None,
            "promised": acceptor.promised.counter if acceptor else None,
            "accepted": acceptor.accepted.counter if acceptor and acceptor.accepted else None,
            "revision": content.revision if content else None,
            "lag": self.revision - (content.revision if content else 0) if acceptor else None,
        }


@app.command()
def init(dry_run: DryRunOption = False, fleet_file: FleetOption = None) -> None:
    """Make the registers of all groups at every control store; safe to run again. Every store must answer."""
    runtime = open_runtime(fleet_file)
    names = _names(runtime)
    if not names:
        typer.echo("The fleet file has no groups, so there is nothing to agree about")
    for name in names:
        if dry_run:
            found = survey(runtime, name)
            missing = [site for site, why in found.looks.items() if why is None]
            typer.echo(f"{name}: would be made at {', '.join(missing)}" if missing else f"{name}: is there")
            continue
        for done in initialise(runtime.failover.registers, name):
            said = "ready" if done.made else "was ready"
            typer.echo(f"{done.name}: {said} at {', '.join(done.config.members)}, configuration {done.config.version}")


@app.command("replace")
def put_in_place(
    site: Annotated[str, typer.Argument(metavar="SITE", help="The store that was lost, or is to go.")],
    by: Annotated[
        str | None, typer.Option("--by", metavar="OTHER", help="Its successor. Default: itself, with nothing in it.")
    ] = None,
    why: Annotated[str, typer.Option("--why", help="The reason, for the history.")] = "",
    who: WhoOption = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask whether it is meant.")] = False,
    dry_run: DryRunOption = False,
    fleet_file: FleetOption = None,
) -> None:
    """Put a control store in another's place, register by register, with what a majority of the others has.

    Name the successor in the fleet file first, where `control.stores` has the one that goes.
    """
    runtime = open_runtime(fleet_file)
    runtime.site(by or site)
    names = _names(runtime)
    for name in names:
        if site == (by or site) and site in survey(runtime, name).panel.held:
            typer.echo(f"warning: {name}: the acceptor at {site} is well, and would begin anew", err=True)
    if not (yes or dry_run):
        typer.confirm(f"Put {by or site} in the place of {site} in {len(names):,} registers?", abort=True)
    for name in names:
        if dry_run:
            typer.echo(f"{name}: {by or site} would take the place of {site}")
            continue
        done = replace_store(runtime.failover.registers, name, site, by=by or site, who=who_is(who), why=why)
        typer.echo(f"{name}: {by or site} is a member; configuration {done.config.version}")
        for behind in done.behind:
            typer.echo(f"{name}: {behind} did not answer, and follows when it is next heard")


@app.command()
def status(as_json_: JsonOption = False, fleet_file: FleetOption = None) -> None:
    """Show each register at each control store; exit code 1 if a store does not count."""
    runtime = open_runtime(fleet_file)
    found = [survey(runtime, name) for name in _names(runtime)]
    said = [sentence for each in found for sentence in each.attention]
    stores = runtime.failover.control.stores
    if as_json_:
        rows = [each.row(site) for each in found for site in stores]
        typer.echo(as_json({"attention": said, "acceptors": rows}))
    else:
        table = _table("register", "store", "counts", "ready", "config", "promised", "accepted", "revision", "behind")
        for each in found:
            for site in stores:
                table.add_row(*_cells(each.row(site)))
        console = Console(highlight=False)
        console.print(table)
        for sentence in said:
            console.print(Text(sentence, style="bold red"))
    raise typer.Exit(1 if said else 0)


@app.command()
def history(
    register: Annotated[str, typer.Argument(metavar="GROUP", help="A group, or the full name of a register.")],
    as_json_: JsonOption = False,
    fleet_file: FleetOption = None,
) -> None:
    """Show the last changes of a register, as a majority has them: who, when, why."""
    runtime = open_runtime(fleet_file)
    reading = runtime.failover.registers.register(_full(runtime, register)).read()
    if isinstance(reading, NoMajority):
        for line in ("Too few control stores answer", *silent_lines(reading.silent)):
            typer.echo(line, err=True)
        raise typer.Exit(1)
    if as_json_:
        typer.echo(as_json([_entry(each) for each in reading.history]))
        return
    table = _table("revision", "when (by the clock of who did it)", "who", "why", "operation")
    for each in reading.history:
        operation = each.operation
        table.add_row(
            str(each.revision), each.at, *(one_line(text) for text in (operation.who, operation.why, operation.id))
        )
    Console(highlight=False).print(table)


@app.command("switch-init")
def switch_init(
    group: Annotated[str, typer.Argument(metavar="GROUP", help="A group that a quorum switch directs.")],
    dry_run: DryRunOption = False,
    force: Annotated[
        bool, typer.Option("--force", help="Change the zone even if it is more of it than `most_of_zone` allows.")
    ] = False,
    fleet_file: FleetOption = None,
) -> None:
    """Make the health checks and the records of a group's quorum switch; safe to run again, which makes nothing."""
    zone = open_runtime(fleet_file).failover.switch_zone(group)
    plan = zone.plan() if dry_run else zone.make(force=force)
    for line in plan.lines():
        typer.echo(one_line(line))
    if not plan.due:
        typer.echo(f"{group}: everything is as it should be")
    elif dry_run:
        typer.echo("Nothing was done; without --dry-run it is")


def survey(runtime: Runtime, name: str) -> RegisterStatus:
    """Return what each control store has of a register; nothing is changed."""
    registers = runtime.failover.registers
    place = registers.register(name).place
    questions = {site: partial(look, shelf, place.record) for site, shelf in place.shelves.items()}
    asked = registers.asking.ask(questions, lambda _: False)
    return RegisterStatus(name, dict(asked.given), judge(asked.given, asked.silent))


def _names(runtime: Runtime) -> list[str]:
    return [_full(runtime, group) for group in runtime.fleet.groups]


def _full(runtime: Runtime, name: str) -> str:
    return name if "/" in name else runtime.failover.register(name).name


def _entry(entry: Entry) -> dict[str, Any]:
    operation = entry.operation
    return {
        "revision": entry.revision,
        "at": entry.at,
        "who": operation.who,
        "why": operation.why,
        "operation": operation.id,
    }


def _cells(row: dict[str, Any]) -> list[str]:
    said = [row["register"], row["site"], "yes" if row["counts"] else f"no: {one_line(row['why_not'] or 'no member')}"]
    said.append({True: "yes", False: "no", None: "-"}[row["ready"]])
    return [
        *said,
        *(
            "-" if row[name] is None else f"{row[name]:,}"
            for name in ("config", "promised", "accepted", "revision", "lag")
        ),
    ]


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
