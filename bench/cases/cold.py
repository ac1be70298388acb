"""How long each handler takes until it can work, against `import boto3` and one client."""

from __future__ import annotations

from dataclasses import asdict

from bench import cold_start
from bench.results import Result, less

PEER = "import boto3 and one client"


def run(rounds: int, *, quick: bool) -> Result:  # noqa: ARG001 - it is quick in any case
    """Measure every handler."""
    result = Result("cold", rounds)
    for each in cold_start.measure(rounds):
        result.tables[each.handler] = asdict(each)
        result.rows += [
            less("cold", each.handler, "ms until ready", each.ready * 1e3, PEER, each.peer * 1e3),
            less("cold", each.handler, "ms until ready to copy", each.ready_to_copy * 1e3, PEER, each.peer * 1e3),
        ]
    return result
