"""`tradewind status`: what is in sync, what waits, and what needs a person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.following import follow
from tradewind.cli.text import as_json, duration, one_line, size
from tradewind.replication.budgets.money import NANO, nanos, told
from tradewind.replication.budgets.reading import BudgetStanding
from tradewind.replication.seeing.status import Choice, FleetStatus, RuleStatus, StatusReader
from tradewind.replication.seeing.tally import BACKLOG, TargetTally
from tradewind.runtime import Runtime


def status(
    rules: Annotated[list[str] | None, typer.Argument(metavar="[RULE]...", help="Default: every rule.")] = None,
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show it again and again, until Ctrl-C.")] = False,
    every: Annotated[float, typer.Option(min=1, help="Seconds between two looks of --watch.")] = 5,
    now: Annotated[bool, typer.Option("--now", help="Compare the sites now, however many objects there are.")] = False,
    last_sweep: Annotated[bool, typer.Option("--last-sweep", help="Tell what the last sweep found.")] = False,
) -> None:
    """Say for each rule and target what is in sync and what waits; exit code 1 if something needs a person.

    The sites are compared now, unless the last sweep counted more than 10,000 keys: then its result is told.
    """
    if now and last_sweep:
        raise typer.BadParameter("--now and --last-sweep exclude each other")
    choice: Choice = "now" if now else "last_sweep" if last_sweep else "best"
    runtime = open_runtime(fleet_file)
    wanted = [runtime.rule(name) for name in rules] if rules else list(runtime.fleet.rules)
    reader = reader_of(runtime)
    found = (
        follow(lambda: reader.read(wanted, choice), shown, document, lines=as_json_, every=every)
        if watch
        else reader.read(wanted, choice)
    )
    if not watch:
        typer.echo(as_json(document(found))) if as_json_ else Console(highlight=False).print(shown(found))
    raise typer.Exit(1 if found.attention else 0)


def reader_of(runtime: Runtime) -> StatusReader:
    """Return what reads how it stands with a fleet."""
    return StatusReader(
        fleet=runtime.fleet,
        store_of=runtime.store,
        records_of=runtime.records,
        queue_of=runtime.queue,
        gate=runtime.gate,
        executor=runtime.executor,
        clock=lambda: datetime.now(UTC),
    )


def document(found: FleetStatus) -> dict[str, Any]:
    """Return a status as JSON values. Its names are documented, and stay."""
    return {
        "time": found.time.isoformat(),
        "attention": list(found.attention),
        "rules": [_rule(each, found.time) for each in found.rules],
        "queues": {
            site: {"waiting": depth.waiting, "dead_letters": depth.dead_letters} for site, depth in found.queues.items()
        },
    }


def _rule(found: RuleStatus, now: datetime) -> dict[str, Any]:
    swept = found.completed
    return {
        "rule": found.rule.name,
        "live": found.live,
        "as_of": found.as_of.isoformat() if found.as_of else None,
        "error": found.error or None,
        "keys": found.tally.keys,
        "last_sweep": swept
        and {"started": swept.started.isoformat(), "finished": swept.finished.isoformat(), "asked": swept.asked},
        "budget": _budget(found.budget, now) if found.budget else None,
        "targets": {name: _target(tally) for name, tally in found.targets.items()},
    }


def _budget(found: BudgetStanding, now: datetime) -> dict[str, Any]:
    budget, account, waits = found.rule.budget, found.account, found.waits
    return {
        "month": account.month if account else None,
        "spent_usd": account.spent / NANO if account else None,
        "usd_per_month": budget.usd_per_month if budget else None,
        "megabytes_per_second": budget.megabytes_per_second if budget else None,
        "waiting": {
            "objects": waits.objects,
            "bytes": waits.size,
            "oldest_seconds": waits.age(now) if waits.objects else None,
        },
    }


def _target(tally: TargetTally) -> dict[str, Any]:
    lags = tally.lags
    return {
        "in_sync": {"objects": tally.objects, "bytes": tally.size},
        "backlog": {"objects": tally.backlog, "bytes": tally.backlog_size, "oldest_seconds": tally.oldest},
        "lag_seconds": {
            "p50": lags.quantile(0.5),
            "p99": lags.quantile(0.99),
            "max": lags.longest if lags.buckets else None,
        },
        "stuck": tally.stuck,
        "sets_incomplete": tally.findings["incomplete"],
        "conflicts": tally.findings["conflict"],
        "refused": tally.findings["refused"],
        "findings": dict(sorted(tally.findings.items())),
    }


def shown(found: FleetStatus) -> RenderableType:
    """Return what a person sees."""
    table = _table("rule", "target", "in sync", "waits", "oldest", "lag p50 / p99 / max", "else")
    for each in found.rules:
        for name, tally in each.targets.items():
            table.add_row(each.rule.name, name, *(Text(cell) for cell in _cells(tally, known=each.as_of is not None)))
    budgets = [_budgets(found)] if any(each.budget for each in found.rules) else []
    queues = _table("queues of", "waiting", "dead letters")
    for site, depth in found.queues.items():
        queues.add_row(site, _count(depth.waiting), _count(depth.dead_letters))
    said = [Text(f"  {one_line(sentence)}", style="bold red") for sentence in found.attention]
    notes = [Text(_basis(each, found.time)) for each in found.rules]
    verdict = Text("Needs a person:" if said else "Nothing needs a person.")
    return Group(table, *notes, *budgets, queues, verdict, *said)


def _budgets(found: FleetStatus) -> RenderableType:
    """Show what was spent, and what waits for room."""
    table = _table("budget of", "month", "spent", "of", "MB/s", "waits for room", "oldest")
    for each in found.rules:
        if (standing := each.budget) is None:
            continue
        budget, account, waits = each.rule.budget, standing.account, standing.waits
        dollars, rate = (budget.usd_per_month, budget.megabytes_per_second) if budget else (None, None)
        table.add_row(
            each.rule.name,
            account.month if account else "-",
            told(account.spent) if account else "-",
            "-" if dollars is None else told(nanos(dollars)),
            "-" if rate is None else f"{rate:g}",
            f"{waits.objects:,} ({size(waits.size)})" if waits.objects else "0",
            duration(waits.age(found.time)) if waits.objects else "-",
        )
    return table


def _table(*columns: str) -> Table:
    """Return a table that loses nothing on a narrow terminal."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _cells(tally: TargetTally, *, known: bool) -> tuple[str, ...]:
    if not known:
        return ("unknown",) * 5
    lags = tally.lags
    lag = [lags.quantile(0.5), lags.quantile(0.99), lags.longest if lags.buckets else None]
    other = [f"{count:,} {name}" for name, count in sorted(tally.findings.items()) if name not in {"match"} | BACKLOG]
    other += [f"{tally.stuck:,} stuck"] if tally.stuck else []
    return (
        f"{tally.objects:,} ({size(tally.size)})",
        f"{tally.backlog:,} ({size(tally.backlog_size)})" if tally.backlog else "0",
        "-" if tally.oldest is None else duration(tally.oldest),
        " / ".join(duration(seconds) for seconds in lag if seconds is not None) or "-",
        ", ".join(other) or "-",
    )


def _basis(found: RuleStatus, now: datetime) -> str:
    """Say what the numbers of a rule rest on."""
    name = found.rule.name
    ago = f"{duration(max((now - found.completed.finished).total_seconds(), 0))} ago" if found.completed else ""
    swept = f"the last sweep ended {ago} and asked for {found.completed.asked:,} keys" if found.completed else ""
    if found.live:
        return f"{name}: {found.tally.keys:,} keys, compared now; {swept or 'no sweep has reached the end yet'}"
    if found.completed is None:
        return f"{name}: not known; no sweep has reached the end yet"
    return f"{name}: {found.tally.keys:,} keys, as {swept}; --now compares the sites"


def _count(depth: int | None) -> str:
    return "unknown" if depth is None else f"{depth:,}"
