"""Where everything listens, and what `endpoints.json` says of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from tradewind_sandbox.azurite import ACCOUNT, KEY
from tradewind_sandbox.emulators import GCP_PROJECT, S3Emulator, azure_url
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, BUCKETS, GCP_SITE, MODEL_SERVERS
from tradewind_sandbox.ports import HOST, free_port


@dataclass(frozen=True, slots=True)
class Ports:
    """One port for each part that listens; `..._data` is the emulator behind its door."""

    s3: int
    s3_data: int
    gcs: int
    gcs_data: int
    azure_blob: int
    azure_blob_data: int
    azure_queue: int
    azure_queue_data: int
    pubsub: int
    pubsub_data: int
    aws_runtime: int
    gcp_runtime: int
    gcp_sweep: int
    azure_runtime: int
    gcp_observe: int
    model_aws: int
    model_gcp: int
    model_azure: int
    front: int
    front_admin: int
    notices: int

    @classmethod
    def choose(cls) -> Ports:
        """Return ports on which nothing listens now."""
        chosen: set[int] = set()
        while len(chosen) < len(fields(cls)):
            chosen.add(free_port())
        return cls(*chosen)

    @classmethod
    def load(cls, path: Path) -> Ports | None:
        """Return the ports that a state folder remembers; None if it remembers none, or of another version."""
        with suppress(FileNotFoundError, ValueError, TypeError):
            return cls(**json.loads(path.read_text()))
        return None

    def save(self, path: Path) -> None:
        """Remember the ports."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What a client needs to know: the contents of `endpoints.json`."""

    fleet: Path
    sites: Mapping[str, Mapping[str, str]]
    http: Mapping[str, str]
    serving: Mapping[str, str] = field(default_factory=dict)
    """The front, its admin API and each model server; empty where nothing is served."""

    def save(self, path: Path) -> None:
        """Write `endpoints.json`."""
        content = {"fleet": str(self.fleet), "sites": self.sites, "http": self.http, "serving": self.serving}
        scratch = path.with_suffix(".new")
        scratch.write_text(json.dumps(content, indent=2) + "\n")
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Endpoints:
        """Read `endpoints.json`."""
        content = json.loads(path.read_text())
        return cls(Path(content["fleet"]), content["sites"], content["http"], content["serving"])


def endpoints(ports: Ports, fleet: Path, *, serving: bool = False) -> Endpoints:
    """Say where a sandbox's sites and runtimes are, and with `serving` its model servers and their front."""
    aws = S3Emulator(_url(ports.s3))
    return Endpoints(
        fleet=fleet,
        sites={
            AWS_SITE: {
                "cloud": "aws",
                "endpoint_url": aws.url,
                "bucket": BUCKETS[AWS_SITE],
                "region": aws.region,
                "access_key_id": aws.access_key_id,
                "secret_access_key": aws.secret_access_key,
            },
            GCP_SITE: {
                "cloud": "gcp",
                "endpoint_url": _url(ports.gcs),
                "bucket": BUCKETS[GCP_SITE],
                "project": GCP_PROJECT,
            },
            AZURE_SITE: {
                "cloud": "azure",
                "blob_endpoint": azure_url(ports.azure_blob),
                "container": BUCKETS[AZURE_SITE],
                "account_name": ACCOUNT,
                "account_key": KEY,
            },
        },
        http={"aws": _url(ports.aws_runtime), "gcp": _url(ports.gcp_runtime), "azure": _url(ports.azure_runtime)},
        serving=_serving(ports) if serving else {},
    )


def _serving(ports: Ports) -> dict[str, str]:
    return {
        "front": _url(ports.front),
        "front-admin": _url(ports.front_admin),
        MODEL_SERVERS[AWS_SITE]: _url(ports.model_aws),
        MODEL_SERVERS[GCP_SITE]: _url(ports.model_gcp),
        MODEL_SERVERS[AZURE_SITE]: _url(ports.model_azure),
    }


def connection_string(ports: Ports) -> str:
    """Return the connection string of the storage account, as app settings hold it."""
    parts = {
        "DefaultEndpointsProtocol": "http",
        "AccountName": ACCOUNT,
        "AccountKey": KEY,
        "BlobEndpoint": azure_url(ports.azure_blob),
        "QueueEndpoint": azure_url(ports.azure_queue),
    }
    return ";".join(f"{name}={value}" for name, value in parts.items())


def _url(port: int) -> str:
    return f"http://{HOST}:{port}"
