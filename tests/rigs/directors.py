"""The directors of traffic, each with nothing published yet, for the suite that runs over all of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.clouds.web.traffic import open_director as open_caddy
from tradewind.fleet.directors import Caddy
from tradewind.ports import TrafficDirector
from tradewind_sandbox.emulators import running
from tradewind_sandbox.ports import HOST, free_port
from tradewind_sandbox.process import Part

NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""
ENDPOINTS = ("aws-use1", "azr-weu", "gcp-euw4")
CADDY = Path(sys.executable).with_name("caddy")


@dataclass(frozen=True, slots=True)
class Rig:
    """One director under test."""

    name: str
    open: Callable[[], TrafficDirector]
    """Open another on the same records, as another observer would."""
    down: TrafficDirector
    """One of the same kind whose API does not answer."""
    unknown: TrafficDirector | None
    """One whose zone, profile or route does not exist; None where there is no such thing."""


def memory_rig() -> Rig:
    """Make a director in memory."""
    director, down = MemoryDirector(ENDPOINTS), MemoryDirector(ENDPOINTS)
    down.away = True
    return Rig("memory", lambda: director, down, unknown=None)


@dataclass(frozen=True, slots=True)
class Front:
    """A Caddy that runs."""

    admin: str
    url: str
    """Where it takes requests."""


@contextmanager
def start_caddy(state: Path) -> Iterator[Front]:
    """Run a Caddy whose configuration is to be set."""
    admin, port = free_port(), free_port()
    file = state / "caddy.json"
    file.write_text(json.dumps({"admin": {"listen": f"{HOST}:{admin}", "config": {"persist": False}}}))
    environment = {"HOME": str(state), "XDG_CONFIG_HOME": str(state), "XDG_DATA_HOME": str(state)}
    part = Part("caddy", [str(CADDY), "run", "--config", str(file)], admin, environment, note="Caddy")
    with running([part], state):
        yield Front(f"http://{HOST}:{admin}", f"http://{HOST}:{port}")


def caddy_rig(front: Front) -> Rig:
    """Configure a handler that sends everything to one upstream."""
    load(front, {"upstreams": [{"dial": "127.0.0.1:1"}]})
    config = caddy_config(front)
    return Rig(
        "caddy",
        lambda: open_caddy(config),
        open_caddy(config.model_copy(update={"admin": NOWHERE})),
        open_caddy(config.model_copy(update={"id": "another"})),
    )


def caddy_config(front: Front) -> Caddy:
    """Return a director whose upstreams are the ports from 20,001 on."""
    targets = {name: f"{HOST}:{20_001 + number}" for number, name in enumerate(ENDPOINTS)}
    return Caddy(kind="caddy", admin=front.admin, id="inference", targets=targets)


def load(front: Front, handler: Mapping[str, object], **servers: Mapping[str, object]) -> None:
    """Give a Caddy one `reverse_proxy` handler, and other servers beside it."""
    import httpx  # noqa: PLC0415 - only this rig needs it

    known = {"@id": "inference", "handler": "reverse_proxy", **handler}
    server = {"listen": [front.url.removeprefix("http://")], "automatic_https": {"disable": True}}
    http = {"servers": {"front": {**server, "routes": [{"handle": [known]}]}, **servers}}
    admin = {"listen": front.admin.removeprefix("http://"), "config": {"persist": False}}
    answer = httpx.post(f"{front.admin}/load", json={"admin": admin, "apps": {"http": http}}, trust_env=False)
    answer.raise_for_status()
