"""`tradewind guard`: what the delete guards hold, and the answers to what they ask."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from tradewind.cli.context import FleetOption, open_runtime
from tradewind.cli.text import as_json
from tradewind.fleet import Rule
from tradewind.replication.guard import GuardState, allow, read_state, reset
from tradewind.runtime import Runtime

app = typer.Typer(no_args_is_help=True, help="Delete guards: what they hold, and your answer.")
RuleArgument = Annotated[str, typer.Argument(help="Name of a rule in the fleet file.")]
SiteOption = Annotated[
    str | None, typer.Option("--site", help="Only at this site. Default: wherever the rule removes.")
]
LOOK = "What was held goes with the next sweep; at once: tradewind backfill {}"


@app.command("status")
def show(
    fleet_file: FleetOption = None, as_json_: Annotated[bool, typer.Option("--json", help="As JSON.")] = False
) -> None:
    """Show every rule's guard at every site that it removes from; exit 1 if one is shut."""
    runtime = open_runtime(fleet_file)
    found = [(rule, site, _state(runtime, rule, site)) for rule in runtime.fleet.rules for site in _targets(rule, None)]
    if as_json_:
        typer.echo(as_json([_row(rule, site, state) for rule, site, state in found]))
    else:
        for rule, site, state in found:
            typer.echo(f"{rule.name} at {site}: {_words(rule, state)}")
    raise typer.Exit(1 if any(state.shut for _, _, state in found) else 0)


@app.command("allow")
def open_for(
    rule: RuleArgument,
    hours: Annotated[float, typer.Option(min=0.01, help="For so long everything may go.")] = 1.0,
    site: SiteOption = None,
    fleet_file: FleetOption = None,
) -> None:
    """Let everything go for a while: you have looked, and it is meant."""
    runtime = open_runtime(fleet_file)
    until = datetime.now(UTC) + timedelta(hours=hours)
    for target in _targets(runtime.rule(rule), site):
        allow(runtime.records(target), rule, until)
        typer.echo(f"{rule} at {target}: everything may go until {until:%Y-%m-%d %H:%M:%S} UTC")
    typer.echo(LOOK.format(rule))


@app.command("reset")
def count_anew(rule: RuleArgument, site: SiteOption = None, fleet_file: FleetOption = None) -> None:
    """Open the guard and count from nothing: what was missing has been brought back."""
    runtime = open_runtime(fleet_file)
    for target in _targets(runtime.rule(rule), site):
        reset(runtime.records(target), rule)
        typer.echo(f"{rule} at {target}: open")


def _targets(rule: Rule, only: str | None) -> list[str]:
    """Return the sites that a rule may remove from."""
    targets = {target for site in rule.members for target in rule.targets_of(site)}
    if only is not None and only not in targets:
        raise typer.BadParameter(
            f"rule {rule.name!r} removes nothing at {only!r}; it does at: {', '.join(sorted(targets))}"
        )
    return [site for site in rule.members if site in targets and only in (None, site)]


def _state(runtime: Runtime, rule: Rule, site: str) -> GuardState:
    return read_state(runtime.records(site), rule.name)


def _row(rule: Rule, site: str, state: GuardState) -> dict[str, object]:
    return {
        "rule": rule.name,
        "site": site,
        "shut": state.shut.isoformat() if state.shut else None,
        "allowed_until": state.allowed.isoformat() if state.allowed else None,
        "share": rule.delete_guard.share,
        "window_minutes": rule.delete_guard.window_minutes,
    }


def _words(rule: Rule, state: GuardState) -> str:
    guard = rule.delete_guard
    if rule.deletes == "keep":
        return "not needed; the rule keeps what is deleted"
    if guard.share >= 1:
        return "off"
    if state.shut:
        return f"SHUT since {state.shut:%Y-%m-%d %H:%M:%S} UTC; answer with: tradewind guard allow|reset {rule.name}"
    if state.allowed and state.allowed > datetime.now(UTC):
        return f"everything may go until {state.allowed:%Y-%m-%d %H:%M:%S} UTC"
    return f"open; up to {guard.share:.0%} of the keys may go within {guard.window_minutes} minutes"
