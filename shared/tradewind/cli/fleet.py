"""`tradewind fleet`: the fleet file."""

from __future__ import annotations

import json

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.fleet import idle_rules
from tradewind.fleet.schema import json_schema

app = typer.Typer(no_args_is_help=True, help="Check and describe the fleet file.")


@app.command()
def validate(fleet_file: FleetOption = None) -> None:
    """Check the fleet file; every problem is named with its line. What is allowed and may be a mistake is a warning."""
    fleet = open_runtime(fleet_file).fleet
    for sentence in idle_rules(fleet):
        typer.echo(f"warning: {sentence}", err=True)
    typer.echo(f"{len(fleet.sites)} sites and {len(fleet.rules)} rules: no problems")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the fleet file, for editors."""
    typer.echo(json.dumps(json_schema(), indent=2))
