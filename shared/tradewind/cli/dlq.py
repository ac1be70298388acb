"""`tradewind dlq`: messages that no redelivery could help."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from typing import Annotated

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.text import one_line
from tradewind.replication.dead_letters import DeadLetter, read_letters
from tradewind.replication.dead_letters import redrive as send_again
from tradewind.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Messages that no redelivery could help.")
SHOWN = 200
"""Characters of a message; `--json` has all of it."""
AFTERWARDS = "When a reason is mended: tradewind dlq redrive (--site SITE, --reason TEXT or --id ID choose)"
SiteOption = Annotated[str | None, typer.Option("--site", help="Only this site's. Default: every site's.")]


def _sites(runtime: Runtime, site: str | None) -> list[str]:
    if site is not None:
        runtime.site(site)
        return [site]
    return [name for name, each in runtime.fleet.sites.items() if each.queues is not None]


@app.command("list")
def list_letters(
    site: SiteOption = None,
    limit: Annotated[int, typer.Option(min=1, help="At most this many of each site.")] = 100,
    fleet_file: FleetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Show dead letters with their reasons; they stay where they are."""
    runtime = open_runtime(fleet_file)
    names = _sites(runtime, site)
    read = runtime.executor.map(lambda name: read_letters(runtime.queue(name, "dead_letters"), limit=limit), names)
    found = dict(zip(names, read, strict=True))
    if as_json:
        typer.echo(
            json.dumps([{"site": name, **asdict(each)} for name, all_ in found.items() for each in all_], indent=2)
        )
        return
    blocks = [block(name, letter) for name, letters in found.items() for letter in letters]
    typer.echo("\n\n".join([*blocks, AFTERWARDS]) if blocks else "No dead letters")


def block(site: str, letter: DeadLetter) -> str:
    """Return what a person reads about one letter: the reason in full, advice that several errors share only once."""
    errors, advice = _shared_advice(re.split(r"; (?=[A-Z]\w*Error: )", letter.reason))
    body = one_line(letter.body)
    rows = [
        ("site", site),
        ("id", letter.id),
        *(("reason", error) for error in errors),
        *([("what to do", advice)] if advice else []),
        ("message", body if len(body) <= SHOWN else f"{body[:SHOWN]}…"),
    ]
    return "\n".join(f"{name + ':':<12}{one_line(text)}" for name, text in rows)


def _shared_advice(errors: list[str]) -> tuple[list[str], str]:
    """Cut off the sentences with which every one of several errors ends."""
    if len(errors) > 1:
        for stop in re.finditer(r"\. ", errors[0]):
            advice = errors[0][stop.start() :]
            if all(error.endswith(advice) for error in errors):
                return [error.removesuffix(advice) for error in errors], advice.removeprefix(". ")
    return errors, ""


@app.command()
def redrive(
    site: SiteOption = None,
    reason: Annotated[str, typer.Option(help="Only those whose reason contains this text.")] = "",
    message: Annotated[str, typer.Option("--id", help="Only the one with this id.")] = "",
    fleet_file: FleetOption = None,
) -> None:
    """Send dead letters to work again, after their reason is mended."""
    runtime = open_runtime(fleet_file)

    def wanted(letter: DeadLetter) -> bool:
        return reason in letter.reason and message in ("", letter.id)

    for name in _sites(runtime, site):
        queues = runtime.queue(name, "dead_letters"), runtime.queue(name, "notifications")
        typer.echo(f"{name}: {send_again(*queues, wanted=wanted)} sent to work again")
