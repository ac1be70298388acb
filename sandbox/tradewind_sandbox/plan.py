"""Every part of the sandbox: what runs, in which order, and with which settings."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from tradewind_sandbox import emulators
from tradewind_sandbox.addresses import Ports, connection_string
from tradewind_sandbox.emulators import GCP_PROJECT
from tradewind_sandbox.names import (
    AWS_SITE,
    AZURE_SITE,
    BACKOFF,
    BUCKETS,
    GCP_SITE,
    LAST_ATTEMPT,
    NOTIFICATIONS,
    VISIBILITY,
    project_root,
)
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.process import Part
from tradewind_sandbox.serving.parts import serving_parts, timers_part
from tradewind_sandbox.settings import Settings

DATA = "-data"
"""Ends the names of the processes that hold an emulator's data behind its door."""
SHIFTED = Path(__file__).with_name("shifted")
"""On the path of a Python program: its clock is wrong."""
_MODULE = "tradewind_sandbox."


@dataclass(frozen=True, slots=True)
class Plan:
    """The parts by the order in which they start; those of one stage start together."""

    storage: Sequence[Part]
    """Depends on nothing."""
    announcing: Sequence[Part]
    """Cloud Storage: wants its topic when it starts."""
    functions: Sequence[Part]
    """The runtimes, and what feeds them: want buckets and queues."""
    serving: Sequence[Part] = ()
    """The model servers and their front: wait for a model by themselves."""
    ringing: Sequence[Part] = ()
    """The timers: want functions."""

    @property
    def parts(self) -> list[Part]:
        """All of them."""
        return [*self.storage, *self.announcing, *self.functions, *self.serving, *self.ringing]


def plan(state: Path, ports: Ports, fleet: Path, settings: Settings, shifts: Mapping[str, float] | None = None) -> Plan:
    """Return the parts of the sandbox in `state`.

    Args:
        state: Its folder.
        ports: Where they listen.
        fleet: The fleet file.
        settings: Which parts there are.
        shifts: Seconds by which the clock of a site's functions is wrong, by site; left out: none is.
    """
    data = state / "data"
    envs = {site: _settings(site, fleet, settings, (shifts or {}).get(site, 0.0)) for site in BUCKETS}
    observing = [_cloud_run("gcp-observe", "observe", "http", ports.gcp_observe, envs[GCP_SITE])]
    blob, queue = emulators.azure_parts(data, ports.azure_blob_data, ports.azure_queue_data)
    gcs = emulators.gcs_part(
        ports.gcs_data,
        external_port=ports.gcs,
        bucket=BUCKETS[GCP_SITE],
        pubsub=f"{HOST}:{ports.pubsub_data}",
        topic=NOTIFICATIONS,
    )
    return Plan(
        storage=[
            *_behind_door(emulators.s3_part(data, ports.s3_data), ports.s3),
            *_behind_door(blob, ports.azure_blob),
            *_behind_door(queue, ports.azure_queue),
            *_pubsub(data, ports),
        ],
        announcing=_behind_door(gcs, ports.gcs),
        functions=[
            _event_grid(data, ports),
            _aws_runtime(ports, envs[AWS_SITE]),
            _cloud_run("gcp-runtime", "replicate", "cloudevent", ports.gcp_runtime, envs[GCP_SITE]),
            _cloud_run("gcp-sweep", "sweep", "http", ports.gcp_sweep, envs[GCP_SITE]),
            _azure_runtime(ports, envs[AZURE_SITE]),
            *(observing if settings.serving else []),
        ],
        serving=serving_parts(state, ports) if settings.serving else [],
        ringing=[timers_part(state, ports, settings)] if settings.serving else [],
    )


def _behind_door(part: Part, port: int) -> list[Part]:
    command = [sys.executable, "-m", f"{_MODULE}door", "--port", str(port), "--behind", str(part.port)]
    data = replace(part, name=f"{part.name}{DATA}", note=f"the data of {part.name}")
    return [data, Part(part.name, command, port, note=part.note)]


def _pubsub(data: Path, ports: Ports) -> list[Part]:
    part = emulators.pubsub_part(data, ports.pubsub_data, push=False)
    held, door = _behind_door(part, ports.pubsub)
    command = [sys.executable, "-m", f"{_MODULE}pubsub.front", "--port", str(ports.pubsub)]
    command += ["--behind", str(ports.pubsub_data), "--database", str(emulators.pubsub_database(data))]
    return [held, replace(door, command=command)]


def _event_grid(data: Path, ports: Ports) -> Part:
    command = [sys.executable, "-m", f"{_MODULE}event_grid", "--journal", str(data / "azure-blob.journal")]
    command += ["--container", BUCKETS[AZURE_SITE], "--queue", NOTIFICATIONS]
    env = {"TRADEWIND_STORAGE": connection_string(ports)}
    return Part("event-grid", command, env=env, note="Event Grid (tradewind)")


def _aws_runtime(ports: Ports, env: Mapping[str, str]) -> Part:
    command = [sys.executable, "-m", f"{_MODULE}runtimes.aws", "--port", str(ports.aws_runtime)]
    command += ["--handler", "replicate.lambda_handler", "--also", "sweep.lambda_handler"]
    command += ["--also", "observe.lambda_handler", "--also", "route.lambda_handler"]
    command += ["--folder", str(project_root() / "functions" / "aws")]
    command += ["--endpoint", f"http://{HOST}:{ports.s3}", "--queue", NOTIFICATIONS, "--visibility", str(VISIBILITY)]
    return Part("aws-runtime", command, ports.aws_runtime, env, note="Lambda (awslambdaric)")


def _cloud_run(name: str, target: str, signature: str, port: int, settings: Mapping[str, str]) -> Part:
    """Return one service: each target of `main.py` is deployed as one of its own."""
    command = [sys.executable, "-m", "functions_framework", "--target", target, "--signature-type", signature]
    command += ["--source", str(project_root() / "serverless-gcp" / "main.py")]
    command += ["--host", HOST, "--port", str(port)]
    # As Cloud Run sets them; the threads are the concurrency of one instance.
    env = {"K_SERVICE": target, "GOOGLE_CLOUD_PROJECT": GCP_PROJECT, "WORKERS": "1", "THREADS": "8"}
    return Part(name, command, port, {**settings, **env}, note=f"Cloud Run: {target}")


def _azure_runtime(ports: Ports, settings: Mapping[str, str]) -> Part:
    root = project_root()
    command = [sys.executable, "-m", f"{_MODULE}runtimes.azure", "--port", str(ports.azure_runtime)]
    command += ["--folder", str(root / "functions" / "azure"), "--host-file", str(root / "azure-host.json")]
    command += ["--lease", str(VISIBILITY)]
    override = "AzureFunctionsJobHost__extensions__queues__"
    env = {
        "TRADEWIND_QUEUE": NOTIFICATIONS,
        "TRADEWIND_STORAGE": connection_string(ports),
        f"{override}visibilityTimeout": f"00:00:{BACKOFF:02d}",
        f"{override}maxDequeueCount": str(LAST_ATTEMPT),
        f"{override}maxPollingInterval": "00:00:00.5",
    }
    note = "Azure Functions (the real FunctionApp)"
    return Part("azure-runtime", command, ports.azure_runtime, {**settings, **env}, note=note)


def _settings(site: str, fleet: Path, settings: Settings, shift: float) -> dict[str, str]:
    # Each bundle carries the package beside its handler; here it is where the checkout has it.
    found = {
        "TRADEWIND_FLEET": str(fleet),
        "TRADEWIND_SITE": site,
        "TRADEWIND_LAST_ATTEMPT": str(LAST_ATTEMPT),
        "TRADEWIND_TIMER_SECONDS": f"{settings.every_seconds:g}",
        "PYTHONPATH": str(project_root() / "shared"),
        "PYTHONUNBUFFERED": "1",
    }
    if shift:
        found["PYTHONPATH"] += f"{os.pathsep}{SHIFTED}"
        found["TRADEWIND_SANDBOX_CLOCK"] = f"{shift:g}"
    return found
