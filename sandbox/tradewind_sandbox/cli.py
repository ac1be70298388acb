"""`tradewind sandbox`: three clouds on this machine, to try things and to test."""

from __future__ import annotations

import json
import shlex
import signal
import sys
import threading
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from tradewind_sandbox.names import PREDICT

if TYPE_CHECKING:
    from tradewind_sandbox.supervisor import Sandbox

app = typer.Typer(no_args_is_help=True, help="Three clouds on this machine, to try things and to test.")
State = Annotated[Path, typer.Option("--state", help="Folder that holds everything the sandbox knows.")]
PartName = Annotated[str, typer.Argument(metavar="PART", help="As `tradewind sandbox status` lists them.")]
DEFAULT_STATE = Path("build/sandbox")
DEFAULT_REPORT = Path("build/demo/report.json")
DEMO_TICK = 2.0
"""Seconds: so that nobody waits long for the traffic to move."""


@app.command()
def up(
    state: State = DEFAULT_STATE,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything answers.")] = False,
    tick: Annotated[
        float | None, typer.Option(help="Seconds between two looks at the endpoints; 0: only by `look`. At first 5.")
    ] = None,
    serving: Annotated[
        bool | None, typer.Option("--serving/--no-serving", help="With model servers and their front, or without.")
    ] = None,
) -> None:
    """Start everything. Without --detach: run until Ctrl-C, then stop everything.

    What is not said of --tick and --serving is as it was the last time in this folder.
    """
    sandbox = _sandbox(state, serving=serving, tick=tick)
    console = Console(stderr=True)
    with console.status("Starting three clouds ..."):
        started = sandbox.up()
    console.print("The sandbox is up." if started else "The sandbox is already up.", style="bold green")
    _show(sandbox)
    typer.echo(f"endpoints: {sandbox.state / 'endpoints.json'}")
    if detach:
        return
    console.print("Ctrl-C stops it.")
    _wait_for_the_end(sandbox)
    with console.status("Stopping ..."):
        sandbox.down()


@app.command()
def status(
    state: State = DEFAULT_STATE,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show every process; exit 1 unless all of them run."""
    sandbox = _sandbox(state)
    parts = sandbox.status()
    if as_json:
        shown = {"running": sandbox.running, "state": str(sandbox.state), "parts": [asdict(part) for part in parts]}
        typer.echo(json.dumps(shown, indent=2))
    elif parts:
        _show(sandbox)
    else:
        typer.echo(f"There is no sandbox in {sandbox.state}; start it: {sandbox.start_command}")
    raise typer.Exit(0 if parts and all(part.running for part in parts) else 1)


@app.command()
def down(state: State = DEFAULT_STATE) -> None:
    """Stop everything. The logs stay; the next start begins with empty buckets."""
    stopped = _sandbox(state).down()
    typer.echo("The sandbox is down." if stopped else "The sandbox was not up.")


@app.command()
def logs(
    part: PartName,
    state: State = DEFAULT_STATE,
    lines: Annotated[int, typer.Option("--lines", "-n", help="So many from the end; 0 shows all.")] = 0,
) -> None:
    """Print the log of one part."""
    log = _sandbox(state).log(part)
    if not log.exists():
        return
    with log.open(errors="replace") as file:
        sys.stdout.writelines(deque(file, maxlen=lines or None))


@app.command()
def tick(
    sites: Annotated[list[str] | None, typer.Argument(metavar="[SITE]...", help="Default: every site.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Let timers ring, which ring every minute in the clouds: each sweeps the rules that start at its site."""
    _sandbox(state).tick(*(sites or ()))


@app.command()
def look(
    sites: Annotated[list[str] | None, typer.Argument(metavar="[SITE]...", help="Default: every site.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Let timers ring once that look after the endpoints, beside those that ring by themselves."""
    _sandbox(state).look(*(sites or ()))


@app.command()
def serve(
    state: State = DEFAULT_STATE,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for the model to arrive everywhere.")] = 120.0,
) -> None:
    """Upload a model at one cloud, and return when the model servers of all three have it."""
    sandbox = _sandbox(state)
    sandbox.deploy_model()
    sandbox.wait_until_serving(timeout)
    typer.echo(f'Ask {sandbox.endpoints.serving["front"]}{PREDICT}, by POST: {{"text": "..."}}')


@app.command()
def fault(
    what: Annotated[list[str] | None, typer.Argument(metavar="[FAULT]...", help="Left out: say what is wrong.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Make something wrong.

    kill:CLOUD, kill:CLOUD/PART, hang:PART, store:CLOUD, slow:ENDPOINT=SECONDS, errors:ENDPOINT=SHARE,
    blackhole:SITE>ENDPOINT (in quotes), clock:SITE=SECONDS.
    """
    faults = _sandbox(state).faults
    for text in what or ():
        typer.echo(f"{faults.inject(text)}; make it right: tradewind sandbox lift {shlex.quote(text)}{_option(state)}")
    if not what:
        typer.echo("\n".join(map(str, faults.active())) or "Nothing is wrong on purpose.")


@app.command()
def lift(
    what: Annotated[list[str] | None, typer.Argument(metavar="[FAULT]...", help="Left out: all of them.")] = None,
    state: State = DEFAULT_STATE,
) -> None:
    """Make right what `fault` made wrong, and return when everything that was stopped answers."""
    faults = _sandbox(state).faults
    for text in what or [str(each) for each in faults.active()]:
        typer.echo(f"{faults.lift(text)} is lifted.")


@app.command()
def kill(part: PartName, state: State = DEFAULT_STATE) -> None:
    """End one part with SIGKILL, as a crash would."""
    _sandbox(state).kill(part)
    typer.echo(f"{part} is killed; bring it back: tradewind sandbox restart {part}{_option(state)}")


@app.command()
def restart(part: PartName, state: State = DEFAULT_STATE) -> None:
    """Stop one part if it runs, and start it at the same address."""
    _sandbox(state).restart(part)
    typer.echo(f"{part} runs.")


@app.command()
def stop(part: PartName, state: State = DEFAULT_STATE) -> None:
    """End one part in an orderly way. Of a cloud's storage: refuse connections, and forget nothing."""
    _sandbox(state).stop(part)
    typer.echo(f"{part} is stopped; bring it back: tradewind sandbox start {part}{_option(state)}")


@app.command()
def start(part: PartName, state: State = DEFAULT_STATE) -> None:
    """Start one part again."""
    _sandbox(state).start(part)
    typer.echo(f"{part} runs.")


def demo(
    state: State = DEFAULT_STATE,
    report: Annotated[Path, typer.Option("--report", help="Where the report is written.")] = DEFAULT_REPORT,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds to wait for everything to arrive.")] = 120.0,
) -> None:
    """Upload a real model at each of three clouds, watch it arrive, then kill a cloud; exit 1 if anything is wrong.

    Uses the sandbox that runs in the state folder, or starts one for the time of the demo.
    """
    from tradewind_sandbox.demo.run import run_demo  # noqa: PLC0415 - the other commands need not wait for it

    console = Console()
    sandbox = _sandbox(state)
    sandbox = sandbox if sandbox.running else _sandbox(state, tick=DEMO_TICK)
    result = run_demo(sandbox, report, timeout=timeout, console=console)
    console.print(result.table())
    console.print(
        f"{len(result.progress.arrivals)} replicas verified, {len(result.echoes)} echoes, "
        f"{len(result.progress.failures)} failures, {len(result.missing)} missing -> {report}",
        style="bold green" if result.good else "bold red",
    )
    raise typer.Exit(0 if result.good else 1)


def _option(state: Path) -> str:
    """Return the option that names this state folder in another command."""
    return "" if state == DEFAULT_STATE else f" --state {shlex.quote(str(state))}"


def _sandbox(state: Path, *, serving: bool | None = None, tick: float | None = None) -> Sandbox:
    from tradewind_sandbox.supervisor import Sandbox  # noqa: PLC0415 - the other commands need not wait for it

    return Sandbox(state, serving=serving, tick=tick)


def _show(sandbox: Sandbox) -> None:
    table = Table("part", "state", "pid", "port", "since", "what it is", box=None, header_style="bold")
    for part in sandbox.status():
        state = "[green]running[/]" if part.running else "[red]stopped[/]"
        since = "" if part.seconds is None else f"{part.seconds:.0f} s"
        table.add_row(part.name, state, str(part.pid or ""), str(part.port or ""), since, part.note)
    Console().print(table)


def _wait_for_the_end(sandbox: Sandbox) -> None:
    """Return at Ctrl-C or SIGTERM, or when the sandbox was taken down from elsewhere."""
    asked = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: asked.set())
    while not asked.wait(1.0) and sandbox.running:
        pass
