"""Showing something again and again."""

from __future__ import annotations

import json
from collections.abc import Callable
from time import sleep
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console, RenderableType
from rich.live import Live

WatchOption = Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")]
EveryOption = Annotated[float, typer.Option("--every", min=0.2, help="Seconds between two looks of --watch.")]
T = TypeVar("T")


def follow(
    read: Callable[[], T],
    shown: Callable[[T], RenderableType],
    document: Callable[[T], dict[str, Any]],
    *,
    lines: bool,
    every: float,
) -> T:
    """Show what is read, in place (as JSON: one line each), until the user ends it; return what was read last."""
    found = read()
    with Live(shown(found), console=Console(quiet=lines, highlight=False), auto_refresh=False) as live:
        try:
            while True:
                if lines:
                    typer.echo(json.dumps(document(found)))
                else:
                    live.update(shown(found), refresh=True)
                sleep(every)
                found = read()
        except KeyboardInterrupt:
            return found
