"""The main job on the sandbox, from start to report."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.rule import Rule

from tradewind_sandbox.clients import client_of
from tradewind_sandbox.demo.drill import run_drill
from tradewind_sandbox.demo.progress import Progress
from tradewind_sandbox.demo.report import DemoReport, echoes
from tradewind_sandbox.demo.watch import Exchange
from tradewind_sandbox.serving.shipped import model_files
from tradewind_sandbox.supervisor import Sandbox

FRAME = 0.15
"""Seconds between two frames of the live view."""


def new_prefix(now: datetime) -> str:
    """Return where this demo writes, which is nowhere that another demo writes, even in the same second."""
    return f"models/demo-{now:%Y%m%d-%H%M%S}-{secrets.token_hex(3)}/"


def run_demo(sandbox: Sandbox, report_file: Path, *, timeout: float, console: Console) -> DemoReport:
    """Upload the model once at each site, watch it arrive at the others, kill a cloud, and write the report.

    Args:
        sandbox: Brought up if it does not run, and then taken down at the end.
        report_file: Where `report.json` is written.
        timeout: Seconds to wait for everything to arrive.
        console: Where it is shown.
    """
    with _running(sandbox, console):
        if sandbox.settings.serving:
            sandbox.deploy_model()
        clients = {site: client_of(where) for site, where in sandbox.endpoints.sites.items()}
        files = model_files()
        prefix = new_prefix(datetime.now(UTC))
        routes = len(clients) * (len(clients) - 1)
        progress = Progress(tuple(clients), expected=len(files) * routes)
        exchange = Exchange(clients, files, prefix, progress)
        size = sum(map(len, files.values()))
        console.print(
            Rule(f"{len(files)} files, {size:,} bytes, uploaded at each of {len(clients)} sites", style="dim")
        )
        begin = time.monotonic()
        _watch(sandbox, exchange, timeout, console)
        sandbox.wait_until_idle(timeout)
        report = DemoReport(
            progress=progress,
            echoes=echoes(sandbox.writes().items(), prefix),
            missing=exchange.missing(),
            seconds=time.monotonic() - begin,
        )
        report.save(report_file)
        if report.good:
            report = replace(report, drill=run_drill(sandbox, report_file.parent / "drills", console))
    report.save(report_file)
    return report


@contextmanager
def _running(sandbox: Sandbox, console: Console) -> Iterator[None]:
    ours = not sandbox.running
    with console.status("Starting three clouds: S3, Cloud Storage, Blob Storage, their queues and runtimes ..."):
        sandbox.up()
    try:
        yield
    finally:
        if ours:
            with console.status("Stopping ..."):
                sandbox.down()


def _watch(sandbox: Sandbox, exchange: Exchange, timeout: float, console: Console) -> None:
    """Show the exchange until everything has arrived, something fails, or the time is over."""
    progress, files = exchange.progress, len(exchange.files)
    with ThreadPoolExecutor(2 * len(exchange.clients)) as executor:
        futures = exchange.start(executor)
        try:
            with Live(console=console, auto_refresh=False) as live:
                end = time.monotonic() + timeout
                while not _over(futures) and time.monotonic() < end:
                    live.update(progress.render(files, _backlog(sandbox)), refresh=True)
                live.update(progress.render(files, _backlog(sandbox)), refresh=True)
        finally:
            exchange.stop()
        for future in futures:
            future.result()
    console.print()


def _over(futures: list[Future[None]]) -> bool:
    done, waiting = wait(futures, timeout=FRAME, return_when=FIRST_EXCEPTION)
    return not waiting or any(future.exception() for future in done)


def _backlog(sandbox: Sandbox) -> Mapping[str, int]:
    return sandbox.observer.backlog()
