"""The parts that serve, and the clockwork that looks after them."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tradewind_sandbox.addresses import Ports, endpoints
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE, MODEL_SERVERS
from tradewind_sandbox.process import Part
from tradewind_sandbox.serving.front import front_part
from tradewind_sandbox.settings import Settings

TIMERS = "timers"


def serving_parts(state: Path, ports: Ports) -> Sequence[Part]:
    """Return the model servers and their front."""
    sites = endpoints(ports, state / "tradewind.yaml").sites
    listening = {AWS_SITE: ports.model_aws, GCP_SITE: ports.model_gcp, AZURE_SITE: ports.model_azure}
    servers = []
    for site, name in MODEL_SERVERS.items():
        command = [sys.executable, "-m", "tradewind_sandbox.serving", "--port", str(listening[site]), "--site", site]
        command += ["--where", json.dumps(sites[site]), "--state", str(state)]
        servers.append(Part(name, command, listening[site], note=f"a model server at {site} (onnxruntime)"))
    return [*servers, front_part(state, ports)]


def timers_part(state: Path, ports: Ports, settings: Settings) -> Part:
    """Return what rings the timers."""
    command = [sys.executable, "-m", "tradewind_sandbox.clockwork", "--state", str(state), "--tick", str(settings.tick)]
    every = f"every {settings.tick:g} s" if settings.tick else "by hand only"
    return Part(TIMERS, command, ports.notices, note=f"timers, {every}; takes notices")
