"""Every part of the sandbox: what runs, in which order, and with which settings."""

from __future__ import annotations

import sys
from collections.abc import Sequence
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

DATA = "-data"
"""Ends the names of the processes that hold an emulator's data behind its door."""
RUNTIMES = ("aws-runtime", "gcp-runtime", "gcp-sweep", "azure-runtime")
"""What runs the handlers."""
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

    @property
    def parts(self) -> list[Part]:
        """All of them."""
        return [*self.storage, *self.announcing, *self.functions]


def plan(state: Path, ports: Ports, fleet: Path) -> Plan:
    """Return the parts of the sandbox in `state`."""
    data = state / "data"
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
            _aws_runtime(ports, fleet),
            _cloud_run("gcp-runtime", "replicate", "cloudevent", ports.gcp_runtime, fleet),
            _cloud_run("gcp-sweep", "sweep", "http", ports.gcp_sweep, fleet),
            _azure_runtime(ports, fleet),
        ],
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


def _aws_runtime(ports: Ports, fleet: Path) -> Part:
    command = [sys.executable, "-m", f"{_MODULE}runtimes.aws", "--port", str(ports.aws_runtime)]
    command += ["--handler", "replicate.lambda_handler", "--also", "sweep.lambda_handler"]
    command += ["--folder", str(project_root() / "functions" / "aws")]
    command += ["--endpoint", f"http://{HOST}:{ports.s3}", "--queue", NOTIFICATIONS, "--visibility", str(VISIBILITY)]
    return Part("aws-runtime", command, ports.aws_runtime, _settings(AWS_SITE, fleet), note="Lambda (awslambdaric)")


def _cloud_run(name: str, target: str, signature: str, port: int, fleet: Path) -> Part:
    """Return one service: each target of `main.py` is deployed as one of its own."""
    command = [sys.executable, "-m", "functions_framework", "--target", target, "--signature-type", signature]
    command += ["--source", str(project_root() / "serverless-gcp" / "main.py")]
    command += ["--host", HOST, "--port", str(port)]
    # As Cloud Run sets them; the threads are the concurrency of one instance.
    env = {"K_SERVICE": target, "GOOGLE_CLOUD_PROJECT": GCP_PROJECT, "WORKERS": "1", "THREADS": "8"}
    return Part(name, command, port, {**_settings(GCP_SITE, fleet), **env}, note=f"Cloud Run: {target}")


def _azure_runtime(ports: Ports, fleet: Path) -> Part:
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
    settings = {**_settings(AZURE_SITE, fleet), **env}
    return Part("azure-runtime", command, ports.azure_runtime, settings, note="Azure Functions (the real FunctionApp)")


def _settings(site: str, fleet: Path) -> dict[str, str]:
    return {
        "TRADEWIND_FLEET": str(fleet),
        "TRADEWIND_SITE": site,
        "TRADEWIND_LAST_ATTEMPT": str(LAST_ATTEMPT),
        # Each bundle carries the package beside its handler; here it is where the checkout has it.
        "PYTHONPATH": str(project_root() / "shared"),
        "PYTHONUNBUFFERED": "1",
    }
