"""`tradewind backfill`: what was there before the rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.console import Console

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.text import one_line
from tradewind.replication.seeing.compare import Finding
from tradewind.replication.sweeping.backfill import ManifestBackfill, Sent, Source
from tradewind.replication.sweeping.repair import repair
from tradewind.replication.sweeping.rows import Malformed
from tradewind.replication.sweeping.sweep import PAGE, Budget, State
from tradewind.runtime import Runtime
from tradewind.runtime.manifests import bucket_of, open_inventory

LONGEST = timedelta(hours=1)
"""How long the work on one page may take."""
SHOWN = 20
"""Lines that say nothing are named, up to so many."""
AFTERWARDS = "The functions copy what was asked for; `tradewind status --now` compares the sites"


def backfill(
    rule: Annotated[str, typer.Argument(help="Name of a rule in the fleet file.")],
    manifest: Annotated[
        str | None,
        typer.Option(
            "--from-manifest",
            help="Ask for what an inventory lists instead of listing the sites: the manifest.json of S3 Inventory, "
            "Storage Insights or Azure's inventory, or a list with one key a line. A path, or an s3://, gs:// or "
            "az:// URI.",
        ),
    ] = None,
    repair_corrupt: Annotated[
        bool,
        typer.Option(
            "--repair-corrupt", help="Overwrite replicas whose bytes are others than were copied, and do nothing else."
        ),
    ] = False,
    fleet_file: FleetOption = None,
) -> None:
    """Have everything replicated that a rule covers, whenever it was written; start again to go on after a break."""
    if manifest is not None and repair_corrupt:
        raise typer.BadParameter("--from-manifest and --repair-corrupt exclude each other")
    runtime = open_runtime(fleet_file)
    console = Console(highlight=False)
    if repair_corrupt:
        good = _repair(runtime, rule, console)
    elif manifest is not None:
        good = _from_manifest(runtime, rule, manifest, console)
    else:
        good = _compare(runtime, rule, console)
    raise typer.Exit(0 if good else 1)


@dataclass(slots=True)
class _Unportable:
    """Names the keys that some targets can never hold, and counts them."""

    console: Console
    count: int = 0

    def tell(self, key: str, reasons: Mapping[str, str]) -> None:
        """Name a key."""
        self.count += 1
        for site, why in reasons.items():
            self.console.print(f"{site}: {one_line(key)}: {one_line(why)}", markup=False)

    def none(self) -> bool:
        """Say how many there were, if there were any."""
        if self.count:
            self.console.print(f"{self.count:,} keys that some target can never hold")
        return not self.count


def _compare(runtime: Runtime, name: str, console: Console) -> bool:
    """Sweep the rule at once, page by page."""
    unportable = _Unportable(console)
    rule, sweeper = runtime.rule(name), replace(runtime.sweeper("backfill", trusting=True), tell=unportable.tell)
    if (begun := sweeper.progress(rule)).started is not None:
        console.print(f"Going on after {begun.tally.keys:,} keys, with what began {begun.started:%Y-%m-%d %H:%M} UTC")
    step = None
    with console.status("Comparing the sites") as shown:
        while step is None or step.state is State.PAUSED:
            budget = Budget(PAGE, datetime.now(UTC) + LONGEST)
            step = sweeper.step(rule, budget, at_once=step is None)
            shown.update(f"{step.keys:,} keys compared, {step.asked:,} asked for")
    if step.state is not State.ASKED:
        console.print(
            "Somebody else has taken this over, and goes on with it: a timer, or another `tradewind backfill`"
        )
        return False
    console.print(f"{step.keys:,} keys compared, {step.asked:,} asked for")
    if step.asked:
        console.print(AFTERWARDS)
    return unportable.none()


def _from_manifest(runtime: Runtime, name: str, location: str, console: Console) -> bool:
    """Ask for what an inventory lists."""
    rule = runtime.rule(name)
    source, inventory, files = open_inventory(runtime, rule, location)
    site = rule.members[0]
    problems: list[Malformed] = []
    unportable = _Unportable(console)

    def complain(malformed: Malformed) -> None:
        problems.append(malformed)
        if len(problems) <= SHOWN:
            console.print(f"{malformed.file}, line {malformed.line}: {one_line(malformed.why)}", markup=False)

    work = ManifestBackfill(
        rule=rule,
        bucket=bucket_of(runtime.site(site)),
        queue=runtime.queue(site, "notifications"),
        records=runtime.records(site),
        executor=runtime.executor,
        store_of=runtime.store,
        complain=complain,
        tell=unportable.tell,
    )
    if said := _of_before(*work.noted(source), source):
        console.print(said, markup=False)
    sent = Sent()
    with console.status("Reading the inventory") as shown:
        for sent in work.run(source, inventory, files):
            shown.update(f"{sent.rows:,} rows read, {sent.keys:,} keys asked for")
    console.print(f"{sent.rows:,} rows read, {sent.keys:,} keys asked for, {sent.malformed:,} lines say nothing")
    if sent.keys:
        console.print(AFTERWARDS)
    return unportable.none() and not problems


def _of_before(rows: int, other: Source | None, source: Source) -> str:
    """Say what becomes of what an earlier start has done."""
    if other is None:
        return f"Going on after {rows:,} rows" if rows else ""
    what = "an inventory at the same place with other content" if other.location == source.location else other.location
    return f"An earlier start stopped after {rows:,} rows of {one_line(what)}; this one is read from its beginning"


def _repair(runtime: Runtime, name: str, console: Console) -> bool:
    """Overwrite corrupt replicas."""
    done = []
    report = runtime.verify(name, named={Finding.CORRUPT})
    for each in repair(runtime.rule(name), report.differences, runtime.replicator()):
        done.append(each)
        how = "repaired" if each.error is None else f"still corrupt: {each.error}"
        console.print(f"{each.site}: {one_line(each.key)}: {one_line(how)}", markup=False)
    rest = report.findings.get(Finding.CORRUPT, 0) - len(done)
    console.print(f"{len(done):,} corrupt replicas" + (f", and {rest:,} more: start it again" if rest else ""))
    return not rest and all(each.error is None for each in done)
