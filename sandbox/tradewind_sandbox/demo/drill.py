"""The end of the demo: a cloud is killed, and the traffic of what is served moves to another."""

from __future__ import annotations

import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

from tradewind.cli.breaking import NONE
from tradewind.cli.drill import run, table
from tradewind.cli.staging import Stage
from tradewind.errors import TradewindError
from tradewind.failover.deciding.health import judge
from tradewind.failover.drills.conduct import Pace
from tradewind.failover.drills.report import DrillReport
from tradewind.runtime import Runtime, read_fleet
from tradewind_sandbox.names import GROUP
from tradewind_sandbox.supervisor import Sandbox

LOAD = 10.0
"""Predictions a second: few, so that an old laptop is not kept busy by them."""
STEADY = 3.0
LONGEST = 60.0
TIMEOUT = 15.0
"""Seconds: on a machine that is busy an answer may be late without being lost."""
LOOK = 0.3


def run_drill(sandbox: Sandbox, reports: Path, console: Console) -> DrillReport | None:
    """Drill the group that the sandbox serves, and add the report to a folder; None if it has no such group.

    Raises:
        TradewindError: The group did not become ready.
    """
    runtime = read_fleet(str(sandbox.endpoints.fleet))
    if GROUP not in runtime.fleet.groups or not sandbox.settings.tick:
        return None
    with console.status("Waiting until the model is served everywhere, and every observer has seen it"):
        sandbox.wait_until_serving(LONGEST)
        _wait_until_well(runtime)
    before = Stage(runtime, GROUP, (NONE,), None, front="", predict=True, say=print).settled()
    fault = f"kill:{runtime.site(runtime.fleet.endpoints[before.serving[0]].site).cloud}"
    console.print(Rule(f"{fault}: everything of the cloud that serves is killed", style="dim"))
    stage = Stage(
        runtime,
        GROUP,
        (fault,),
        sandbox,
        front="",
        predict=True,
        say=lambda said: console.print(f"  {said}", markup=False),
    )
    every = runtime.failover.control.every_seconds
    report = run(stage, before, Pace(STEADY, LONGEST, look=every / 10), load=LOAD, timeout=TIMEOUT)
    file = report.save(reports)
    console.print(table(report))
    for sentence in report.failures:
        console.print(sentence, style="bold red", markup=False)
    console.print(
        f"{'Passed' if report.good else 'NOT passed'} -> {file}", style="green" if report.good else "bold red"
    )
    return report


def _wait_until_well(runtime: Runtime) -> None:
    group = runtime.fleet.groups[GROUP]
    end = time.monotonic() + LONGEST
    while True:
        judged = judge(group, runtime.fleet.endpoints, runtime.failover.sights())
        if all(judged.is_well(name) and not judged.is_degraded(name) for name in group.endpoints):
            return
        if time.monotonic() > end:
            raise TradewindError(
                f"The endpoints of {GROUP} are not seen well after {LONGEST:.0f} s",
                hint="See `tradewind health`, and the logs: tradewind sandbox logs timers",
            )
        time.sleep(LOOK)
