"""The directors of traffic, each with nothing published yet, for the suite that runs over all of them."""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rigs.cloud_dns import CloudDnsServer
from rigs.json_server import serving
from rigs.strict_route53 import StrictRoute53
from rigs.traffic_manager import TrafficManagerServer
from tradewind.clouds.aws.identity import open_session
from tradewind.clouds.aws.traffic import open_director as open_route53
from tradewind.clouds.azure.tokens import Tokens
from tradewind.clouds.azure.traffic import TrafficManagerDirector
from tradewind.clouds.gcp.traffic import open_director as open_cloud_dns
from tradewind.clouds.http import HttpClient
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.clouds.web.traffic import open_director as open_caddy
from tradewind.fleet import AwsSite, GcpSite
from tradewind.fleet.directors import Caddy, CloudDns, Route53, TrafficManager
from tradewind.ports import TrafficDirector
from tradewind_sandbox.emulators import running
from tradewind_sandbox.ports import HOST, free_port
from tradewind_sandbox.process import Part

if TYPE_CHECKING:
    from mypy_boto3_route53 import Route53Client

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
    open_without: Callable[[str], TrafficDirector]
    """Open another after an endpoint has left the group."""
    down: TrafficDirector
    """One of the same kind whose API does not answer."""
    unknown: TrafficDirector | None
    """One whose zone, profile or route does not exist; None where there is no such thing."""


def memory_rig() -> Rig:
    """Make a director in memory."""
    director, down = MemoryDirector(ENDPOINTS), MemoryDirector(ENDPOINTS)
    down.away = True

    def open_without(endpoint: str) -> TrafficDirector:
        director.know([name for name in ENDPOINTS if name != endpoint])
        return director

    return Rig("memory", lambda: director, open_without, down, unknown=None)


Config = TypeVar("Config", Route53, CloudDns, TrafficManager, Caddy)


def without(config: Config, endpoint: str) -> Config:
    """Return a director from whose targets an endpoint has left."""
    targets = {name: target for name, target in config.targets.items() if name != endpoint}
    return config.model_copy(update={"targets": targets})


AWS_SITE = AwsSite(cloud="aws", bucket="models", region="us-east-1", jurisdiction="US", control_bucket="control")
AWS_KEYS = {"access_key_id": "sandbox", "secret_access_key": "sandbox"}


def route53_rig(server: StrictRoute53) -> Rig:
    """Create a zone."""
    config = route53_config(server.url)
    return Rig(
        "route53",
        lambda: open_route53(config, AWS_SITE, AWS_KEYS),
        lambda endpoint: open_route53(without(config, endpoint), AWS_SITE, AWS_KEYS),
        open_route53(config.model_copy(update={"api": NOWHERE}), AWS_SITE, AWS_KEYS),
        open_route53(config.model_copy(update={"zone": "ZANOTHER".lower()}), AWS_SITE, AWS_KEYS),
    )


def route53_client(url: str) -> Route53Client:
    """Return the client of somebody who works on the zone, too."""
    session = open_session(AWS_KEYS, region=AWS_SITE.region, subject="tests")
    return session.client("route53", endpoint_url=url)


def route53_config(url: str) -> Route53:
    """Create a zone, and return a director of a name in it."""
    domain = f"{uuid.uuid4().hex[:12]}.example.com"
    client = route53_client(url)
    zone = client.create_hosted_zone(Name=domain, CallerReference=domain)["HostedZone"]["Id"].rpartition("/")[2]
    targets = {name: f"{name}.inference.example.net" for name in ENDPOINTS}
    return Route53(
        kind="route53", site="aws-use1", zone=zone, name=f"Inference.{domain}", targets=targets, api=url, ttl_seconds=30
    )


@dataclass(frozen=True, slots=True)
class CloudDnsRig:
    """One zone of Cloud DNS."""

    server: CloudDnsServer
    config: CloudDns

    def open(self, config: CloudDns | None = None) -> TrafficDirector:
        """Return the director, or another."""
        return open_cloud_dns(config or self.config, GCP_SITE, {"type": "anonymous"})


GCP_SITE = GcpSite(
    cloud="gcp",
    project="inference",
    bucket="models",
    region="europe-west4",
    jurisdiction="EU",
    control_bucket="control",
)


@contextmanager
def start_cloud_dns() -> Iterator[CloudDnsRig]:
    """Serve one zone, in which nothing was published yet."""
    server = CloudDnsServer()
    server.create_zone("inference", "example", "example.com.")
    targets = {name: f"192.0.2.{number}" for number, name in enumerate(ENDPOINTS, start=1)}
    with serving(server) as url:
        config = CloudDns(
            kind="cloud_dns",
            site="gcp-euw4",
            project="inference",
            zone="example",
            name="api.example.com",
            type="A",
            targets=targets,
            api=url,
            ttl_seconds=30,
        )
        yield CloudDnsRig(server, config)


def cloud_dns_rig(dns: CloudDnsRig) -> Rig:
    """Make a director for it."""
    other, away = {"zone": "another"}, {"api": NOWHERE}
    down, unknown = (dns.open(dns.config.model_copy(update=update)) for update in (away, other))
    return Rig("cloud_dns", dns.open, lambda endpoint: dns.open(without(dns.config, endpoint)), down, unknown)


@dataclass(frozen=True, slots=True)
class TrafficManagerRig:
    """One profile of Traffic Manager."""

    server: TrafficManagerServer
    config: TrafficManager
    path: str
    tokens: list[str]
    """Those that were fetched."""

    def open(self, config: TrafficManager | None = None) -> TrafficDirector:
        """Return the director, or another."""
        chosen = config or self.config

        def fetch() -> tuple[str, float]:
            self.tokens.append(f"token-{len(self.tokens)}")
            return self.tokens[-1], inf

        return TrafficManagerDirector(HttpClient(str(chosen.api)), Tokens(fetch), chosen)


@contextmanager
def start_traffic_manager() -> Iterator[TrafficManagerRig]:
    """Serve one profile, which nothing was published to yet."""
    server = TrafficManagerServer()
    path = "/subscriptions/s-1/resourceGroups/inference/providers/Microsoft.Network/trafficmanagerprofiles/api"
    server.create_profile(path, [f"ep-{name}" for name in ENDPOINTS])
    with serving(server) as url:
        config = TrafficManager(
            kind="traffic_manager",
            site="azr-weu",
            subscription="s-1",
            resource_group="inference",
            profile="api",
            targets={name: f"ep-{name}" for name in ENDPOINTS},
            api=url,
        )
        yield TrafficManagerRig(server, config, path, [])


def traffic_manager_rig(manager: TrafficManagerRig) -> Rig:
    """Make a director for it."""
    other, away = {"profile": "another"}, {"api": NOWHERE}
    down, unknown = (manager.open(manager.config.model_copy(update=update)) for update in (away, other))
    return Rig(
        "traffic_manager", manager.open, lambda endpoint: manager.open(without(manager.config, endpoint)), down, unknown
    )


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
        lambda endpoint: open_caddy(without(config, endpoint)),
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
