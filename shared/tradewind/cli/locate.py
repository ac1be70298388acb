"""`tradewind locate`: where an object is, and which copy is the nearest."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tradewind.cli.context import FleetOption, UriArgument, open_runtime
from tradewind.cli.text import as_json, one_line, size
from tradewind.replication.seeing.locate import Location, Place
from tradewind.replication.seeing.locate import locate as look
from tradewind.replication.seeing.whereabouts import key_at


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
    width = max(len(place.site) for place in found.places)
    for place in found.places:
        typer.echo(f"{place.site:<{width}}  {one_line(_said(place))}")
    if found.nearest is not None:
        typer.echo(f"nearest to {found.reader}: {one_line(found.nearest.uri)}")
    elif not found.readable:
        typer.echo(f"The compliance gate does not let this object be where {found.reader} is")
    else:
        typer.echo("There is no copy that is current and may be where it is")


def _said(place: Place) -> str:
    """Say in one line what there is at a place."""
    where = f"{place.cloud} {place.region}"
    if place.kilometres is not None:
        where += f", {place.kilometres:,.0f} km"
    said = [f"({where}) {place.holds}"]
    if place.uri:
        said.append({True: "current", False: "not current", None: "not known to be current"}[place.current])
        said.append(place.proof or "unproven")
    if place.size is not None:
        said.append(size(place.size))
    told = ", ".join(said)
    return "; ".join([told, *([place.note] if place.note else []), *([] if place.allowed else [place.gate])])
