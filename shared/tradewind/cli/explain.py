"""`tradewind explain`: what would be done about one key now."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from tradewind.checksums import strongest
from tradewind.cli.context import FleetOption, UriArgument, open_runtime
from tradewind.cli.text import as_json, one_line
from tradewind.ports import ObjectState
from tradewind.replication.modes.wording import mode_told
from tradewind.replication.provenance import claim_of, provenance_of
from tradewind.replication.seeing.advice import Sight
from tradewind.replication.seeing.explain import Explainer, Explanation, RuleAdvice
from tradewind.replication.seeing.whereabouts import key_at


def explain(
    uri: UriArgument,
    fleet_file: FleetOption = None,
    as_json_: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say which rules cover a key, what every site holds, and what would be done about it now. Changes nothing."""
    runtime = open_runtime(fleet_file)
    site, key = key_at(runtime.fleet, uri)
    found = Explainer(
        fleet=runtime.fleet,
        store_of=runtime.store,
        records_of=runtime.records,
        gate=runtime.gate,
        executor=runtime.executor,
        clock=lambda: datetime.now(UTC),
    ).explain(site, key)
    if as_json_:
        typer.echo(as_json(document(found)))
    else:
        typer.echo(
            "\n".join(one_line(line) if not line[:1].isspace() else f"  {one_line(line)}" for line in _lines(found))
        )


def document(found: Explanation) -> dict[str, Any]:
    """Return an explanation as JSON values. Its names are documented, and stay."""
    return {
        "key": found.key,
        "site": found.site,
        "sites": {name: _sight(sight) for name, sight in found.sights.items()},
        "rules": [
            {
                "rule": each.rule.name,
                "mode": each.rule.mode,
                "delivery": each.rule.delivers.model_dump(),
                "advice": [asdict(advice) for advice in each.advice],
                "sets": list(each.sets),
            }
            for each in found.rules
        ],
    }


def _sight(sight: Sight) -> dict[str, Any]:
    state, buried = sight.state, sight.memory.tombstone
    return {
        "error": sight.error.message if sight.error else None,
        "object": _object(state) if state else None,
        "tombstone": {"time": buried.time, "site": buried.site} if buried else None,
    }


def _object(state: ObjectState) -> dict[str, Any]:
    claim, believed = claim_of(state), provenance_of(state) is not None
    return {
        "token": state.token,
        "size": state.size,
        "modified": state.modified,
        "checksum": strongest(state.checksums),
        "provenance": {
            "origin": claim.origin,
            "version": claim.version.token,
            "modified": claim.version.modified,
            "checksum": strongest(claim.checksums),
            "believed": believed,
        }
        if claim
        else None,
    }


def _lines(found: Explanation) -> list[str]:
    """Return what a person reads; what is indented belongs to what stands above it."""
    lines = [f"key {found.key}"]
    lines += [f"  {name}: {line}" for name, sight in found.sights.items() for line in _seen(sight)]
    if not found.rules:
        lines.append("no rule of the fleet speaks of this key here: nothing is done")
    for each in found.rules:
        lines += _rule(each)
    return lines


def _seen(sight: Sight) -> list[str]:
    if sight.error is not None:
        return [f"not known: {sight.error.message}"]
    said = ["nothing"] if sight.state is None else [_held(sight.state)]
    if (buried := sight.memory.tombstone) is not None:
        said.append(f"remembers that it was deleted at {buried.site} at {buried.time.isoformat()}")
    return said


def _held(state: ObjectState) -> str:
    claim = claim_of(state)
    whose = "written by a user"
    if claim is not None:
        name = f"replica of version {claim.version.token} of {claim.origin}, of {claim.version.modified.isoformat()}"
        whose = name if provenance_of(state) else f"said to be a {name}, which these bytes or this key are not"
    proof = strongest(state.checksums) or "no checksum"
    return f"{state.size:,} bytes, version {state.token}, of {state.modified.isoformat()}, {proof}; {whose}"


def _rule(found: RuleAdvice) -> list[str]:
    lines = [f"rule {found.rule.name} ({found.rule.mode}, {found.rule.classification!r} data)"]
    lines.append(f"  delivery: {mode_told(found.rule)}")
    for each in found.advice:
        lines.append(f"  {each.source} -> {each.target}: {each.action}: {each.reason}")
        if each.gate and each.gate != each.reason:
            lines.append(f"  {each.source} -> {each.target}: gate: {each.gate}")
    return [*lines, *(f"  artifact set: {sentence}" for sentence in found.sets)]
