"""`tradewind fleet`: the fleet file."""

from __future__ import annotations

import json

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.fleet import json_schema

app = typer.Typer(no_args_is_help=True, help="Check and describe the fleet file.")


@app.command()
def validate(fleet_file: FleetOption = None) -> None:
    """Check the fleet file; every problem is named with its line."""
    fleet = open_runtime(fleet_file).fleet
    typer.echo(f"{len(fleet.sites)} sites and {len(fleet.rules)} rules: no problems")


@app.command()
def schema() -> None:
    """Print the JSON Schema of the fleet file, for editors."""
    typer.echo(json.dumps(json_schema(), indent=2))
