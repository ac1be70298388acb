"""`tradewind health`: how the endpoints are, as each observer sees them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.following import EveryOption, WatchOption, follow
from tradewind.cli.text import as_json, one_line
from tradewind.failover.deciding.health import judge
from tradewind.failover.looking.windows import error_rate, latency
from tradewind.failover.views import Breaker, EndpointView, Sights
from tradewind.fleet import Fleet

STYLES = {"up": "green", "degraded": "yellow", "down": "bold red", "unknown": "yellow"}


@dataclass(frozen=True, slots=True)
class FleetHealth:
    """What the observers see."""

    fleet: Fleet
    sights: Sights
    silent: Mapping[str, str]
    """Control stores that do not answer, and why; their observers may be heard elsewhere."""
    time: datetime

    @property
    def verdicts(self) -> dict[str, str]:
        """Return how each endpoint is by a majority: `up`, `degraded`, `down` or `unknown`."""
        said: dict[str, str] = {}
        for group in self.fleet.groups.values():
            judged = judge(group, self.fleet.endpoints, self.sights)
            for name in group.endpoints:
                if judged.is_down(name):
                    said[name] = "down"
                elif judged.is_degraded(name):
                    said.setdefault(name, "degraded")
                else:
                    said.setdefault(name, "up" if judged.stands(name) else "unknown")
        return {name: said.get(name, "unknown") for name in self.fleet.endpoints}

    @property
    def attention(self) -> tuple[str, ...]:
        """Return what needs a person, in sentences."""
        said = [f"endpoint {name} is {verdict}" for name, verdict in self.verdicts.items() if verdict != "up"]
        said += [f"observer {name}: its view {why}" for name, why in self.sights.missing.items()]
        return (*said, *(f"control store {name} does not answer: {why}" for name, why in self.silent.items()))


def health(
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
    watch: WatchOption = False,
    every: EveryOption = 5,
) -> None:
    """Say how each observer sees each endpoint, and what a majority makes of it; exit code 1 if something is not well.

    It asks the control stores, and no endpoint.
    """
    runtime = open_runtime(fleet_file)

    def read() -> FleetHealth:
        failover = runtime.failover
        return FleetHealth(runtime.fleet, failover.sights(), failover.silent(), datetime.now(UTC))

    if watch:
        found = follow(read, shown, document, lines=as_json_, every=every)
    else:
        found = read()
        typer.echo(as_json(document(found))) if as_json_ else Console(highlight=False).print(shown(found))
    raise typer.Exit(1 if found.attention else 0)


def document(found: FleetHealth) -> dict[str, Any]:
    """Return what the observers see as JSON values. Its names are documented, and stay."""
    sights = found.sights
    return {
        "time": found.time.isoformat(),
        "attention": list(found.attention),
        "silent": dict(found.silent),
        "observers": {
            name: {
                "counts": name in sights.views,
                "why_not": sights.missing.get(name),
                "round": sights.views[name].round if name in sights.views else None,
                "at": sights.views[name].at.isoformat() if name in sights.views else None,
            }
            for name in sights.observers
        },
        "endpoints": {
            name: {
                "site": endpoint.site,
                "url": endpoint.url,
                "health": found.verdicts[name],
                "seen": {
                    observer: _seen(view.endpoints[name])
                    for observer, view in sights.views.items()
                    if name in view.endpoints
                },
            }
            for name, endpoint in found.fleet.endpoints.items()
        },
    }


def _seen(view: EndpointView) -> dict[str, Any]:
    taken = latency(view.samples)
    return {
        "failing": view.failing,
        "passing": view.passing,
        "slow": view.slow,
        "reason": view.reason if view.failing else None,
        "p50_ms": round(taken.p50 * 1000, 1) if taken else None,
        "p95_ms": round(taken.p95 * 1000, 1) if taken else None,
        "error_rate": round(error_rate(view.samples), 4),
        "breaker": view.breaker.value,
        "load": view.load,
    }


def shown(found: FleetHealth) -> RenderableType:
    """Return what a person sees: a row for each endpoint, a column for each observer."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("endpoint", "site", "is", *(f"seen by {name}" for name in found.sights.observers)):
        table.add_column(column, overflow="fold")
    for name, endpoint in found.fleet.endpoints.items():
        verdict = found.verdicts[name]
        cells = [_cell(found.sights, observer, name) for observer in found.sights.observers]
        table.add_row(name, endpoint.site, Text(verdict, style=STYLES[verdict]), *cells)
    rounds = [
        Text(f"{name}: round {view.round} at {view.at:%Y-%m-%d %H:%M:%S} UTC by its own clock", style="dim")
        for name, view in found.sights.views.items()
    ]
    said = [Text(f"  {one_line(sentence)}", style="bold red") for sentence in found.attention]
    return Group(table, *rounds, Text("Needs a person:" if said else "All is well."), *said)


def _cell(sights: Sights, observer: str, endpoint: str) -> Text:
    view = sights.views.get(observer)
    if view is None:
        return Text("does not count", style="yellow")
    seen = view.endpoints.get(endpoint)
    if seen is None or seen.failing + seen.passing == 0:
        return Text("not looked yet", style="dim")
    if seen.failing:
        said = f"failed {seen.failing:,} in a row: {one_line(seen.reason)}"
    else:
        taken = latency(seen.samples)
        said = f"good {seen.passing:,} in a row"
        said += f", p50 {taken.p50 * 1000:,.0f} ms, p95 {taken.p95 * 1000:,.0f} ms" if taken else ""
    if rate := error_rate(seen.samples):
        said += f", {rate:.0%} of {len(seen.samples)} failed"
    if seen.breaker is not Breaker.CLOSED:
        said += f", breaker {seen.breaker.value.replace('_', ' ')}"
    return Text(said, style="red" if seen.failing else "")
