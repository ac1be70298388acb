"""`tradewind drill`: break something on purpose, and measure what comes of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGTERM, default_int_handler, signal
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from tradewind.cli.breaking import NONE, demand_sandbox, open_sandbox
from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.staging import Stage
from tradewind.cli.text import as_json, one_line
from tradewind.errors import TradewindError
from tradewind.failover.drills.conduct import Drill, Pace
from tradewind.failover.drills.measure import figures, loss
from tradewind.failover.drills.report import DrillReport, Expected, Objectives
from tradewind.failover.drills.timeline import Moment
from tradewind.failover.routing import Routing
from tradewind.runtime import FLEET_VARIABLE

REPORTS = Path("build/drills")
STATE = Path("build/sandbox")


def drill(  # noqa: PLR0913, PLR0917 - they are the command's options
    group: Annotated[str, typer.Argument(metavar="GROUP", help="Name of a group in the fleet file.")],
    fault: Annotated[
        list[str],
        typer.Option(
            "--fault",
            help="What is broken, in a sandbox: kill:aws, hang:model-aws, ... (see `tradewind sandbox fault --help`). "
            "none: you break it yourself when you are told to. Several are broken together.",
        ),
    ],
    load: Annotated[float, typer.Option("--load", min=0.1, help="Requests a second through the front.")] = 50,
    steady: Annotated[
        float, typer.Option("--steady", min=1, help="Seconds that all must be well, before and after.")
    ] = 5,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=1, help="Wait so long for the move. Default: the group's RTO.")
    ] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds after which a user gives a request up.")] = 5,
    front: Annotated[str, typer.Option("--front", help="URL that users ask. Default: the sandbox's, or by DNS.")] = "",
    predict: Annotated[
        bool, typer.Option("--predict/--probe", help="Ask for the prediction of the probe, or for what else it asks.")
    ] = True,
    expect: Annotated[
        Expected | None,
        typer.Option("--expect", help="What should come of it. Default: traffic moves if what serves is broken."),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave it broken, and the traffic where it went.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    state: Annotated[Path, typer.Option("--state", help="Folder of the sandbox.")] = STATE,
    reports: Annotated[Path, typer.Option("--reports", help="Folder to which the report is added.")] = REPORTS,
    as_json_: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
    fleet_file: FleetOption = None,
) -> None:
    """Measure how a group gets over a fault: detection, redirect, recovery time and point; exit code 1 if it fails.

    Ctrl-C, and SIGTERM, mend what was broken.
    """
    console = Console(stderr=True, highlight=False)
    sandbox = open_sandbox(state)
    location = fleet_file or os.environ.get(FLEET_VARIABLE)
    if sandbox is None:
        demand_sandbox(state, location, fault)
    elif location is None:
        location = str(sandbox.endpoints.fleet)
    runtime = open_runtime(location)
    stage = Stage(runtime, group, tuple(fault), sandbox, front, predict, lambda said: _say(console, stage, said))
    rto = stage.group.rto_seconds
    every = runtime.failover.control.every_seconds
    pace = Pace(steady, max(rto, 60.0) if seconds is None else seconds, look=min(max(every / 10, 0.1), 2.0), keep=keep)
    stage.breaking()
    before = stage.settled()
    wanted = expect or stage.expected(before)
    if dry_run:
        plan = list(_plan(stage, before, pace, load, wanted))
        typer.echo(as_json({"expected": wanted.value, "plan": plan}) if as_json_ else "\n".join(plan))
        return
    with mended_when_ended():
        report = run(stage, before, pace, load=load, timeout=timeout, expected=wanted)
    file = report.save(reports)
    if as_json_:
        typer.echo(as_json(report.document()))
    else:
        Console(highlight=False).print(table(report))
        typer.echo(f"{'passed' if report.good else 'NOT passed'} -> {file}")
        for sentence in report.failures:
            typer.echo(f"  {one_line(sentence)}")
    raise typer.Exit(0 if report.good else 1)


@contextmanager
def mended_when_ended() -> Iterator[None]:
    """Take SIGTERM, as of a time limit, for Ctrl-C."""
    before = signal(SIGTERM, default_int_handler)
    try:
        yield
    finally:
        signal(SIGTERM, before)


def run(
    stage: Stage, before: Routing, pace: Pace, *, load: float, timeout: float, expected: Expected = Expected.MOVE
) -> DrillReport:
    """Conduct a drill, and return its report.

    Args:
        stage: What is drilled.
        before: Where the traffic goes now.
        pace: How long its phases are.
        load: Requests a second.
        timeout: Seconds after which a request is given up.
        expected: What should come of it.
    """
    began = datetime.now(UTC)
    one = Drill(stage.scene(before, load=load, timeout=timeout), pace)
    waiting = None
    try:
        waiting = stage.waiting()
    except TradewindError as error:  # a store that is away is no reason not to drill
        stage.say(f"what waits to be replicated is not known: {error.message}")
        one.timeline.unanswered["waiting"] = error.message
    one.run()
    group = stage.group
    return DrillReport(
        group=stage.name,
        fault=stage.fault,
        began=began,
        load=load,
        objectives=Objectives(stage.runtime.failover.control.every_seconds, group.rto_seconds, group.rpo_seconds),
        figures=figures(one.timeline, pace.steady),
        loss=loss(one.artifacts, one.timeline.moments.get(Moment.FAULT, 0.0), waiting),
        timeline=one.timeline,
        notes=tuple(one.notes),
        expected=expected,
    )


def table(report: DrillReport) -> Table:
    """Return the figures as a person reads them."""
    shown = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=False, title=f"Drill of {report.group}: {report.fault}")
    for name, value in report.rows().items():
        shown.add_row(name, value)
    return shown


def _say(console: Console, stage: Stage, said: str) -> None:
    console.print(f"{stage.now():6.1f} s  {one_line(said)}", markup=False)


def _plan(stage: Stage, before: Routing, pace: Pace, load: float, expected: Expected) -> Iterator[str]:
    """Yield what a drill would do, step by step."""
    asked = stage.asked(before)
    yield f"1. Send {load:g} requests a second to {asked.method} {asked.url}, through all that follows"
    artifacts = stage.artifacts()
    if artifacts is not None:
        yield f"2. Upload objects under {artifacts.prefix} at {stage.lost_site()}, over those of the last drill"
    else:
        yield "2. Upload nothing: no rule of the group brings anything from a site that is lost"
    yield f"3. For {pace.steady:g} s look whether all is well; if it is not, break nothing"
    yield "4. Ask you to break it" if stage.fault == NONE else f"4. Break {stage.fault}"
    if expected is Expected.STAY:
        yield f"5. Watch for {pace.longest:g} s that nothing moves, and no request is lost"
    else:
        reached = f"epoch {before.epoch + 1} is settled, and requests succeed again"
        yield f"5. Wait for up to {pace.longest:g} s until {reached}"
    yield "6. Look which of the objects other sites hold" if artifacts is not None else "6. Count what was lost"
    if expected is Expected.STAY and not pace.keep:
        yield "7. Lift the fault"
        return
    if pace.keep:
        yield "7. Leave it as it is"
        return
    yield "7. Lift the fault, and wait until a majority sees well what the traffic left"
    back = ", ".join(f"{name} {weight} %" for name, weight in before.weights.items() if weight)
    yield f"8. Move the traffic back to {back}, and wait until that is settled"
