"""`tradewind route`: which endpoint of a group serves a caller best now."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Literal

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.text import as_json, one_line


def route(
    group: Annotated[str | None, typer.Argument(metavar="[GROUP]", help="May be left out where there is one.")] = None,
    lat: Annotated[float | None, typer.Option("--lat", help="The caller's latitude, in degrees.")] = None,
    lon: Annotated[float | None, typer.Option("--lon", help="The caller's longitude, in degrees.")] = None,
    by: Annotated[
        Literal["weighted", "latency", "nearest"] | None,
        typer.Option("--by", help="Default: the nearest where a place is given, else by the traffic's weights."),
    ] = None,
    classification: Annotated[
        str | None,
        typer.Option("--classification", help="Of the data that is sent, if it is stricter than the group's."),
    ] = None,
    site: Annotated[
        str | None, typer.Option("--site", help="Ask what the observer of this site published first.")
    ] = None,
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say which endpoint to ask, as `GET /route` does; exit code 1 if there is none, 2 if the question is wrong."""
    runtime = open_runtime(fleet_file)
    given = {"group": group, "lat": lat, "lon": lon, "by": by, "classification": classification}
    parameters = {name: str(value) for name, value in given.items() if value is not None}
    status, body = runtime.failover.route(parameters, site or runtime.failover.control.stores[0])
    if as_json_:
        typer.echo(as_json(body))
    elif status == HTTPStatus.OK:
        typer.echo(f"{body['endpoint']}  {body['url']}  ({one_line(body['reason'])}; epoch {body['epoch']})")
        if body["note"]:
            typer.echo(f"note: {one_line(body['note'])}")
        for other in body["alternatives"]:
            typer.echo(f"then: {other['endpoint']}  {other['url']}")
    else:
        typer.echo(one_line(body["error"]), err=True)
    for name, why in body.get("rejected", {}).items() if not as_json_ else ():
        typer.echo(f"not:  {name}: {one_line(why)}")
    wrong = status in {HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND}  # of the question, and not of the world
    raise typer.Exit(0 if status == HTTPStatus.OK else 2 if wrong else 1)
