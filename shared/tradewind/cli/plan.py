"""`tradewind plan`: what the fleet file means, before anything moves."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.text import as_json, one_line, size
from tradewind.facts.prices import AS_OF
from tradewind.replication.seeing.plan import OBJECT_SIZE, Direction, basis
from tradewind.replication.seeing.plan import plan as directions_of

LARGEST = 5 * 1024**4
"""Bytes of the largest object that S3 and Cloud Storage hold."""


def plan(
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    object_size: Annotated[
        int, typer.Option(min=1, max=LARGEST, help="Bytes of an object that costs are counted for.")
    ] = OBJECT_SIZE,
) -> None:
    """Say for each rule and direction the way, the proof, the cost, and what does not survive.

    From the fleet file alone: no cloud is asked.
    """
    runtime = open_runtime(fleet_file)
    directions = directions_of(runtime.fleet, runtime.gate, object_size=object_size)
    if as_json_:
        described = [asdict(each) for each in directions]
        document = {"prices_as_of": AS_OF, "basis": basis(), "object_size": object_size, "directions": described}
        typer.echo(as_json(document))
        return
    blocks = [block(each, object_size) for each in directions]
    typer.echo("\n\n".join([*blocks, "\n".join(basis())]) if blocks else "The fleet file has no rules")


def block(direction: Direction, object_size: int) -> str:
    """Return what a person reads about one direction."""
    title = f"{direction.rule}: {direction.source} -> {direction.target}"
    if not direction.allowed:
        return f"{title}\n  REFUSED    {one_line(direction.gate)}"
    cost = direction.cost
    thousand = f"{_dollars(cost.requests_per_1000)} for requests and {_dollars(cost.egress_per_1000)} for egress"
    tib = f"{_dollars(cost.requests_per_tib)} and {_dollars(cost.egress_per_tib)}"
    rows = [
        ("allowed", direction.gate),
        ("path", direction.path),
        ("delivery", direction.delivery),
        ("proof", f"the source keeps {direction.keeps}; the target checks {direction.checks}"),
        ("cost", f"1,000 objects of {size(object_size)}: {thousand}; a TiB of them: {tib}"),
        *(("limit", each) for each in direction.limits),
        ("deletes", direction.deletes),
        ("conflicts", direction.conflicts),
        *(("lost", each) for each in direction.lost),
        *(("but", f"rule {name} comes first for the keys that both cover") for name in direction.earlier),
    ]
    return "\n".join([title, *(f"  {name:<10} {one_line(text)}" for name, text in rows)])


def _dollars(amount: float) -> str:
    return f"${amount:,.2f}" if amount >= 1 or amount == 0 else f"${amount:.4f}"
