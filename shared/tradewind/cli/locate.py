"""`tradewind locate`: where an object is, and which copy is the nearest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tradewind.cli.context import FleetOption, UriArgument, open_runtime
from tradewind.cli.text import as_json, one_line, size
from tradewind.replication.locate import Location, Place
from tradewind.replication.locate import locate as look
from tradewind.replication.whereabouts import key_at


def locate(
    uri: UriArgument,
    site: Annotated[str, typer.Option("--site", help="Seen from this site; default: the site of the URI.")] = "",
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say where an object is, whether each copy is proven and current, and which is the nearest that may be used.

    Exit code 1 if there is none.
    """
    runtime = open_runtime(fleet_file)
    asked, key = key_at(runtime.fleet, uri)
    if site:
        runtime.site(site)
    reader = site or asked
    found = look(runtime.fleet, runtime.gate, runtime.store, runtime.executor, site=asked, key=key, reader=reader)
    nearest = found.nearest
    if as_json_:
        places = [asdict(place) | {"usable": place.usable} for place in found.places]
        typer.echo(as_json(asdict(found) | {"places": places, "nearest": nearest.site if nearest else None}))
    else:
        _show(found)
    raise typer.Exit(0 if nearest else 1)


def _show(found: Location) -> None:
    console = Console(highlight=False)
    table = Table("site", "region", "holds", "current", "checksum", "size", "distance", "may be there", "note")
    for place in found.places:
        table.add_row(*(escape(one_line(cell)) for cell in _row(place)))
    console.print(table)
    if found.nearest is not None:
        console.print(f"nearest to {found.reader}: {one_line(found.nearest.uri)}", markup=False, soft_wrap=True)
    elif not found.readable:
        console.print(f"The compliance gate does not let this object be where {found.reader} is", markup=False)
    else:
        console.print("No copy that is current, and may be where it is", markup=False)


def _row(place: Place) -> tuple[str, ...]:
    return (
        place.site,
        f"{place.cloud} {place.region}",
        place.holds,
        {True: "yes", False: "no", None: "unknown"}[place.current] if place.uri else "-",
        place.proof or ("-" if not place.uri else "unproven"),
        "-" if place.size is None else size(place.size),
        "unknown" if place.kilometres is None else f"{place.kilometres:,.0f} km",
        "yes" if place.allowed else "no",
        place.note if place.allowed else f"{place.note} {place.gate}".strip(),
    )
