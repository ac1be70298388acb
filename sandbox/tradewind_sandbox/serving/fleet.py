"""What the sandbox's fleet file says of the model servers: endpoints, and the group that they are."""

from __future__ import annotations

import base64

from tradewind_sandbox import notices
from tradewind_sandbox.addresses import Ports
from tradewind_sandbox.names import AWS_SITE, GROUP, HEALTH, MODEL_SERVERS, PREDICT
from tradewind_sandbox.ports import HOST
from tradewind_sandbox.serving.front import model_upstreams
from tradewind_sandbox.settings import Settings

WEBHOOK = "webhook"
"""Names the file with the key that notices are signed with."""
SECRET = {"key": "whsec_" + base64.b64encode(b"the sandbox's own, and no secret").decode()}
LONGEST = 2.0
"""Seconds that a probe, or an answer of a control store, is waited for at most."""
ROUNDS = 3
COOLDOWN = 5
"""Ticks that traffic stays after it was moved: short, so that a demonstration goes on."""


def failover(ports: Ports, settings: Settings) -> dict[str, object]:
    """Return `control`, `endpoints` and `groups` of the fleet file."""
    tick = settings.every_seconds
    patience = min(LONGEST, tick / 2)
    targets = dict(zip(MODEL_SERVERS.values(), model_upstreams(ports), strict=True))
    return {
        "control": {"stores": list(MODEL_SERVERS), "every_seconds": tick, "answer_seconds": patience},
        "endpoints": {
            name: {"site": site, "url": f"http://{targets[name]}", "probe": _probe(patience), "capacity": 100}
            for site, name in MODEL_SERVERS.items()
        },
        "groups": {
            GROUP: {
                "endpoints": list(targets),
                "classification": "public",
                "strategy": "active_passive",
                "primary": MODEL_SERVERS[AWS_SITE],
                "rules": ["models"],
                "rounds": ROUNDS,
                "cooldown_seconds": COOLDOWN * tick,
                "rto_seconds": max(10.0, 10 * tick),
                "director": {
                    "kind": "caddy",
                    "admin": f"http://{HOST}:{ports.front_admin}",
                    "id": GROUP,
                    "targets": targets,
                },
                "notify": [
                    {
                        "kind": "webhook",
                        "url": f"http://{HOST}:{ports.notices}{notices.PATH}",
                        "secret": {"source": "file", "name": f"credentials/{WEBHOOK}.json"},
                    }
                ],
            }
        },
    }


def _probe(patience: float) -> dict[str, object]:
    """Ask for the health page and for one prediction, each within `patience` seconds."""
    return {
        "path": HEALTH,
        "timeout_seconds": patience,
        "expect": {"/status": "ok"},
        "load": "/requests_per_second",
        "golden": {
            "path": PREDICT,
            "body": {"text": "import os\n\nprint(os.getcwd())\n" * 4},
            "expect": {"/label": "python"},
        },
    }
