"""How long a function's process takes until it can work, against `import boto3` and one client in the same run.

Ready means: the handler is imported, the fleet file is read, and the store of the function's own site is open; ready to
copy means that the stores of all three clouds are. Every number is the median of fresh processes, ours and the peer's
in turn, without the interpreter's own start, which both have.

    python -m bench.cold_start [ROUNDS]
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

ROOT = Path(__file__).parents[1]
PEER = "import boto3; boto3.client('s3')"
HANDLERS: Mapping[str, tuple[str, str, str]] = {
    "aws/replicate": ("functions/aws", "replicate", "aws-use1"),
    "aws/sweep": ("functions/aws", "sweep", "aws-use1"),
    "aws/batch_operations": ("functions/aws", "batch_operations", "aws-use1"),
    "gcp/main": ("serverless-gcp", "main", "gcp-euw4"),
    "azure/function_app": ("functions/azure", "function_app", "azure-weu"),
}
"""Folder, module and site of each function."""
SITES = ("aws-use1", "gcp-euw4", "azure-weu")
FLEET = """\
version: 1
sites:
  aws-use1:
    {cloud: aws, region: us-east-1, jurisdiction: US, bucket: models, control_bucket: control,
     queues: {notifications: n, dead_letters: d}}
  gcp-euw4:
    {cloud: gcp, region: europe-west4, jurisdiction: EU, project: p, bucket: models, control_bucket: control,
     queues: {notifications: n, dead_letters: d}, credentials: {source: environment, name: COLD_GCP}}
  azure-weu:
    {cloud: azure, region: westeurope, jurisdiction: EU, account: models, container: models, control_bucket: control,
     queues: {notifications: n, dead_letters: d}, credentials: {source: environment, name: COLD_AZURE}}
classifications:
  public: {jurisdictions: any}
rules:
  - {name: models, mode: active_active, sites: [aws-use1, gcp-euw4, azure-weu], prefix: models/, kind: model_artifacts,
     classification: public}
"""
TIMED = """\
from time import perf_counter
begun = perf_counter()
{code}
print(perf_counter() - begun)
"""


@dataclass(frozen=True, slots=True)
class Start:
    """How long one handler took, and the peer beside it; seconds."""

    handler: str
    ready: float
    ready_to_copy: float
    peer: float

    @property
    def ratio(self) -> float:
        """How many times as long as the peer the handler takes until it is ready."""
        return self.ready / self.peer


def measure(rounds: int = 5, handlers: Sequence[str] = tuple(HANDLERS)) -> Sequence[Start]:
    """Start each handler `rounds` times in turn with the peer."""
    with TemporaryDirectory() as folder:
        fleet = Path(folder) / "tradewind.yaml"
        fleet.write_text(FLEET)
        return [_start(name, rounds, fleet) for name in handlers]


def _start(name: str, rounds: int, fleet: Path) -> Start:
    folder, module, site = HANDLERS[name]
    env = _environment(fleet, site)
    codes = (_code(module, [site]), _code(module, SITES), PEER)
    found = [[_seconds(code, env, ROOT / folder) for code in codes] for _ in range(rounds + 1)]
    ready, copying, peer = (median(column) for column in zip(*found[1:], strict=True))  # the first filled the caches
    return Start(name, ready, copying, peer)


def _code(module: str, sites: Sequence[str]) -> str:
    opened = "; ".join(f"kept.store({site!r})" for site in sites)
    return f"import {module}; from tradewind import runtime; kept = runtime.current(); {opened}"


def _seconds(code: str, env: Mapping[str, str], folder: Path) -> float:
    command = [sys.executable, "-c", TIMED.format(code=code)]
    done = subprocess.run(command, env=env, cwd=folder, check=True, stdout=subprocess.PIPE, text=True)
    return float(done.stdout.split()[-1])


def _environment(fleet: Path, site: str) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(fleet.parent),
        "TRADEWIND_FLEET": str(fleet),
        "TRADEWIND_SITE": site,
        "COLD_GCP": '{"type": "anonymous"}',
        "COLD_AZURE": '{"account_key": "Y29sZA=="}',
        "AWS_ACCESS_KEY_ID": "cold",
        "AWS_SECRET_ACCESS_KEY": "cold",
        "AWS_DEFAULT_REGION": "us-east-1",
        "POWERTOOLS_SERVICE_NAME": "cold",
        "POWERTOOLS_METRICS_NAMESPACE": "cold",
    }


def main() -> None:
    """Print a table."""
    print(f"{'handler':<22} {'ready':>8} {'to copy':>8} {'boto3':>8} {'ratio':>6}")
    for each in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        times = (each.ready * 1000, each.ready_to_copy * 1000, each.peer * 1000)
        print(f"{each.handler:<22} " + " ".join(f"{value:>5.0f} ms" for value in times) + f" {each.ratio:>6.2f}")


if __name__ == "__main__":
    main()
