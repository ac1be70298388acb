"""The front: a Caddy that sends each request to one of the model servers, by the weights that its admin API is told.

https://caddyserver.com/docs/json/apps/http/servers/routes/handle/reverse_proxy/
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.names import GROUP
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.process import Part

_FILE = "caddy.json"
GRACE = "2s"
"""Requests that are under way when the weights change may go on for so long."""


def configuration(ports: Ports, data: Path) -> dict[str, object]:
    """Return Caddy's configuration: all traffic to the first model server.

    It tries no other upstream when one fails, and keeps no memory of failures: what is lost until traffic is moved is
    to be seen and counted, and moving it is not the front's to decide.
    """
    upstreams = model_upstreams(ports)
    handler = {
        "@id": GROUP,
        "handler": "reverse_proxy",
        "upstreams": [{"dial": upstream} for upstream in upstreams],
        "load_balancing": {
            "selection_policy": {"policy": "weighted_round_robin", "weights": [100] + [0] * (len(upstreams) - 1)},
            "retries": 0,
        },
        "transport": {"protocol": "http", "dial_timeout": "1s", "response_header_timeout": "5s"},
    }
    front = {
        "listen": [f"{HOST}:{ports.front}"],
        "automatic_https": {"disable": True},
        "protocols": ["h1"],
        "routes": [{"handle": [handler]}],
    }
    return {
        "admin": {"listen": f"{HOST}:{ports.front_admin}", "config": {"persist": False}},
        "storage": {"module": "file_system", "root": str(data)},
        "logging": {"logs": {"default": {"level": "WARN"}}},
        "apps": {"http": {"grace_period": GRACE, "servers": {"front": front}}},
    }


def model_upstreams(ports: Ports) -> Sequence[str]:
    """Return where the model servers listen, in the order of their sites."""
    return [f"{HOST}:{port}" for port in (ports.model_aws, ports.model_gcp, ports.model_azure)]


def prepare_front(state: Path, ports: Ports) -> None:
    """Write the configuration that the front starts with."""
    data = _data(state)
    data.mkdir(parents=True, exist_ok=True)
    (data / _FILE).write_text(json.dumps(configuration(ports, data), indent=2) + "\n")


def front_part(state: Path, ports: Ports) -> Part:
    """Return the front."""
    data = str(_data(state))
    program = Path(sys.executable).with_name("caddy")  # where its wheel puts it
    # It keeps notes of its own in the folders that these name, and nowhere else.
    env = {"XDG_DATA_HOME": data, "XDG_CONFIG_HOME": data, "HOME": data}
    command = [str(program), "run", "--config", str(_data(state) / _FILE)]
    return Part("front", command, ports.front, env, note="the front of the model servers (Caddy)")


def _data(state: Path) -> Path:
    return state / "data" / "front"
