"""`make bench`: the same objects from S3 to Cloud Storage and Blob Storage, by tradewind and by rclone, in one run.

Both talk to the same emulators, with eight transfers at once, in turns. What is measured is the work of a client:
requests and processor time. Queues, cold starts and networks are left out, so the numbers compare the two programs on
this machine and say nothing about the clouds. After each turn rclone compares the bytes.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import yaml
from rich.console import Console
from rich.table import Table

from tradewind.fleet import parse_fleet
from tradewind.ports import Message
from tradewind.runtime import Runtime
from tradewind_sandbox.emulators import AzuriteEmulator, GcsEmulator, S3Emulator, start_azurite, start_gcs, start_s3

RCLONE = str(Path(sys.executable).with_name("rclone"))
BUCKET = "bench"
TRANSFERS = 8
TARGETS = ("gcs", "azure")


@dataclass(frozen=True, slots=True)
class Workload:
    """So many objects of one size."""

    count: int
    size: int
    """Bytes."""

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.count} x {self.size // 1024:,} KiB"


WARM_UP = Workload(TRANSFERS, 1024)
"""Not counted: a function that has worked before has its SDKs loaded and its connections open."""
WORKLOADS = (Workload(200, 4 * 1024), Workload(16, 8 * 1024 * 1024))


@dataclass(frozen=True, slots=True)
class Result:
    """One program on one workload."""

    workload: str
    program: str
    seconds: float
    """Median of the rounds, until both targets have every object."""
    replicas_per_second: float


@dataclass(frozen=True, slots=True)
class Clouds:
    """The three emulators."""

    s3: S3Emulator
    gcs: GcsEmulator
    azure: AzuriteEmulator

    def remotes(self) -> dict[str, str]:
        """Return rclone's settings: the remotes `s3`, `gcs` and `azure`."""
        settings = {
            "s3": {
                "type": "s3",
                "provider": "Other",
                "endpoint": self.s3.url,
                "access_key_id": self.s3.access_key_id,
                "secret_access_key": self.s3.secret_access_key,
            },
            "gcs": {
                "type": "google cloud storage",
                "anonymous": "true",
                "endpoint": f"{self.gcs.url}/storage/v1/",
                "project_number": self.gcs.project,
                "bucket_policy_only": "true",
            },
            "azure": {
                "type": "azureblob",
                "endpoint": self.azure.blob_url,
                "account": self.azure.account_name,
                "key": self.azure.account_key,
            },
        }
        return {
            f"RCLONE_CONFIG_{remote.upper()}_{name.upper()}": value
            for remote, fields in settings.items()
            for name, value in fields.items()
        }

    def fleet(self) -> dict[str, object]:
        """Return a fleet file: everything under `tradewind/` from S3 to the other two."""
        shared = {"control_bucket": "control", "jurisdiction": "EU"}
        s3 = {"cloud": "aws", "region": self.s3.region, "bucket": BUCKET, "endpoint": self.s3.url}
        gcs = {"cloud": "gcp", "region": "r", "project": self.gcs.project, "bucket": BUCKET, "endpoint": self.gcs.url}
        azure = {"cloud": "azure", "region": "r", "account": self.azure.account_name, "container": BUCKET}
        queues = {"notifications": "n", "dead_letters": "d"}
        return {
            "version": 1,
            "sites": {
                "s3": {**s3, **shared, "queues": queues, "credentials": _from_environment("s3")},
                "gcs": {**gcs, **shared, "credentials": _from_environment("gcs")},
                "azure": {
                    **azure,
                    **shared,
                    "endpoint": self.azure.blob_url,
                    "credentials": _from_environment("azure"),
                },
            },
            "classifications": {"public": {"jurisdictions": "any"}},
            "rules": [
                {
                    "name": "bench",
                    "mode": "one_way",
                    "from": "s3",
                    "to": list(TARGETS),
                    "prefix": "tradewind/",
                    "classification": "public",
                }
            ],
        }

    def secrets(self) -> dict[str, str]:
        """Return the environment that the fleet file's credentials name."""
        found: Mapping[str, Mapping[str, str]] = {
            "s3": {"access_key_id": self.s3.access_key_id, "secret_access_key": self.s3.secret_access_key},
            "gcs": {"type": "anonymous"},
            "azure": {"account_key": self.azure.account_key},
        }
        return {_variable(site): json.dumps(fields) for site, fields in found.items()}


class Bench:
    """Runs the workloads.

    Args:
        clouds: Where to.
        folder: For the files to upload.
    """

    def __init__(self, clouds: Clouds, folder: Path) -> None:
        self._remotes = {**os.environ, **clouds.remotes()}
        self._folder = folder
        os.environ.update(clouds.secrets())
        self._runtime = Runtime(parse_fleet(yaml.safe_dump(clouds.fleet()), origin="the bench"), folder)
        for remote in ("s3", *TARGETS):
            self.rclone("mkdir", f"{remote}:{BUCKET}")

    def run(self, workload: Workload, rounds: int) -> list[Result]:
        """Measure both programs on `workload`, in turns."""
        programs: dict[str, Callable[[str, Workload], None]] = {"tradewind": self.tradewind, "rclone": self.other}
        times: dict[str, list[float]] = {name: [] for name in programs}
        for turn in range(rounds):
            for name, program in programs.items():
                prefix = f"{name}/{workload.count}-{workload.size}-{turn}"
                self._upload(prefix, workload)
                begin = time.perf_counter()
                program(prefix, workload)
                times[name].append(time.perf_counter() - begin)
                for target in TARGETS:
                    self.rclone("check", "--download", f"s3:{BUCKET}/{prefix}", f"{target}:{BUCKET}/{prefix}")
        replicas = workload.count * len(TARGETS)
        return [Result(workload.name, name, median(took), replicas / median(took)) for name, took in times.items()]

    def tradewind(self, prefix: str, workload: Workload) -> None:
        """Deliver one S3 notification for each object, as the queue does."""

        def deliver(index: int) -> None:
            self._runtime.deliver("s3", Message(_notification(f"{prefix}/{_file(index)}", workload.size)))

        with ThreadPoolExecutor(TRANSFERS) as pool:
            list(pool.map(deliver, range(workload.count)))

    def other(self, prefix: str, _workload: Workload) -> None:
        """Copy the folder to both targets at once, by rclone."""
        share = str(TRANSFERS // len(TARGETS))
        options = ["--transfers", share, "--checkers", share, "--no-traverse", "--no-update-modtime"]
        with ThreadPoolExecutor(len(TARGETS)) as pool:
            source = f"s3:{BUCKET}/{prefix}"
            copies = [pool.submit(self.rclone, "copy", *options, source, f"{to}:{BUCKET}/{prefix}") for to in TARGETS]
            for copy in copies:
                copy.result()

    def rclone(self, *arguments: str) -> None:
        """Run rclone; its own words are the error if it fails."""
        command = [RCLONE, "--config", "/dev/null", "--log-level", "ERROR", *arguments]
        done = subprocess.run(command, env=self._remotes, check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"rclone {' '.join(arguments)}: {done.stderr}")

    def _upload(self, prefix: str, workload: Workload) -> None:
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            for index in range(workload.count):
                Path(folder, _file(index)).write_bytes(os.urandom(workload.size))
            self.rclone("copy", folder, f"s3:{BUCKET}/{prefix}")


def main() -> None:
    """Run everything, show it, and write `build/bench/report.json`."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3, help="turns of each program, of which the median counts")
    rounds = options.parse_args().rounds
    folder = Path("build/bench").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        logs = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=folder)))
        starts = (start_s3, start_gcs, start_azurite)
        s3, gcs, azure = (stack.enter_context(start(logs)) for start in starts)
        assert isinstance(s3, S3Emulator)
        assert isinstance(gcs, GcsEmulator)
        assert isinstance(azure, AzuriteEmulator)
        bench = Bench(Clouds(s3, gcs, azure), logs)
        bench.run(WARM_UP, 1)
        results = [result for workload in WORKLOADS for result in bench.run(workload, rounds)]
    machine = {"processors": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    report = {"machine": machine, "rounds": rounds, "results": [asdict(result) for result in results]}
    (folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    table = Table("objects, each to two targets", "program", "seconds", "replicas/s", title="One machine, emulators")
    for result in results:
        table.add_row(result.workload, result.program, f"{result.seconds:.2f}", f"{result.replicas_per_second:.0f}")
    Console().print(table)


def _notification(key: str, size: int) -> str:
    entity = {"bucket": {"name": BUCKET}, "object": {"key": key, "size": size}}
    record = {"eventVersion": "2.1", "eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": entity}
    return json.dumps({"Records": [record]})


def _file(index: int) -> str:
    return f"object-{index:04d}.bin"


def _variable(site: str) -> str:
    return f"TRADEWIND_BENCH_{site.upper()}"


def _from_environment(site: str) -> dict[str, str]:
    return {"source": "environment", "name": _variable(site)}


if __name__ == "__main__":
    main()
