"""The commands, and how errors reach a person."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from importlib.util import find_spec
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from tradewind import __version__
from tradewind.cli import (
    backfill,
    control,
    dlq,
    drill,
    explain,
    fleet,
    group,
    guard,
    health,
    locate,
    plan,
    route,
    status,
)
from tradewind.cli.context import FleetOption, open_runtime
from tradewind.errors import BadEventError, ConfigurationError, TradewindError

WRONG_USE = 2
app = typer.Typer(name="tradewind", no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(fleet.app, name="fleet")
app.add_typer(dlq.app, name="dlq")
app.add_typer(guard.app, name="guard")
app.add_typer(group.app, name="group")
app.add_typer(control.app, name="control")
app.command(name="backfill")(backfill.backfill)
app.command(name="status")(status.status)
app.command(name="locate")(locate.locate)
app.command(name="explain")(explain.explain)
app.command(name="plan")(plan.plan)
app.command(name="health")(health.health)
app.command(name="route")(route.route)
app.command(name="drill")(drill.drill)
if find_spec("tradewind_sandbox") and find_spec("moto"):
    from tradewind_sandbox import cli as sandbox

    app.add_typer(sandbox.app, name="sandbox")
    app.command(name="demo")(sandbox.demo)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback(help="Keep ML artifacts, training and serving alive across AWS, Google Cloud and Azure.")
def options(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the whole chain of causes of an error. May stand anywhere.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Explain the options that every command has: `run` takes --debug, and the callback of --version answers."""


@app.command()
def verify(
    rule: Annotated[str, typer.Argument(help="Name of a rule in the fleet file.")],
    fleet_file: FleetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read every byte at both sides and compute the checksums again.")
    ] = False,
) -> None:
    """Compare the sites of a rule object by object; exit 1 if they differ."""
    report = open_runtime(fleet_file).verify(rule, deep=deep)
    if as_json:
        typer.echo(json.dumps(asdict(report), indent=2))
    else:
        console = Console()
        if report.differences:
            table = Table("site", "key", "finding", "reason", title=f"Rule {report.rule}")
            for each in report.differences:
                table.add_row(each.site, repr(each.key)[1:-1], each.finding.value, each.reason)
            console.print(table)
        if report.differing > len(report.differences):
            counts = ", ".join(f"{count:,} {finding}" for finding, count in sorted(report.findings.items()))
            console.print(f"The first {len(report.differences):,} are named; of all there are {counts}")
        console.print(
            f"{report.keys:,} keys, {report.replicas:,} replicas match ({report.size:,} bytes), "
            f"{report.differing:,} differences"
            + (f"; {report.unproven:,} replicas for whose bytes no store vouches" if report.unproven else "")
            + (f"; {report.read:,} bytes read" if deep else "")
        )
    raise typer.Exit(1 if report.differing else 0)


def run() -> None:
    """Run the command that the process's arguments name, and show errors as sentences."""
    arguments, debug = _take_debug(sys.argv[1:])
    try:
        app(arguments, standalone_mode=True)
    except (TradewindError, OSError) as error:
        if debug:
            raise
        complain(error if isinstance(error, TradewindError) else TradewindError(_sentence(error)))
        sys.exit(WRONG_USE if isinstance(error, ConfigurationError | BadEventError) else 1)


def _take_debug(arguments: list[str]) -> tuple[list[str], bool]:
    """Take `--debug` out of a command line; after `--` it is an argument like any other."""
    end = arguments.index("--") if "--" in arguments else len(arguments)
    options = [each for each in arguments[:end] if each != "--debug"]
    return options + arguments[end:], len(options) < end


def _sentence(error: OSError) -> str:
    """Say what the operating system refused, and of which file."""
    reason = error.strerror or str(error) or type(error).__name__
    return f"{error.filename}: {reason}" if error.filename is not None else reason


def complain(error: TradewindError) -> None:
    """Say on standard error what failed and what to do next."""
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print("error:", error.message, style="bold red", markup=False)
    if error.hint:
        console.print("what to do:", error.hint, markup=False)
    console.print("(--debug shows the causes)", style="dim")
