"""The three local stores of a run, the fleet file that describes them, and the same as the peers' settings."""

from __future__ import annotations

import json
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlencode

from tradewind_sandbox import azurite
from tradewind_sandbox.emulators import running
from tradewind_sandbox.ports import HOST, free_port
from tradewind_sandbox.process import Part

Dialect = Literal["s3", "gcs", "azure"]
DIALECTS: tuple[Dialect, ...] = ("s3", "gcs", "azure")
CLOUD: Mapping[Dialect, str] = {"s3": "aws", "gcs": "gcp", "azure": "azure"}
DIRECTIONS: Sequence[tuple[Dialect, Dialect]] = [(a, b) for a in DIALECTS for b in DIALECTS if a != b]
BUCKET, CONTROL, PROJECT = "bench", "bench-control", "bench"
SECRET = "bench"  # noqa: S105 - the local store asks nobody who he is
_KEEPING: Mapping[str, str] = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 40)}
"""Lets a store use its memory again: to get it anew from the kernel costs four times as much as to receive into it."""


@dataclass(frozen=True, slots=True)
class Network:
    """What lies between a program and a store."""

    delay: float = 0.0
    """Milliseconds that every answer waits."""
    workers: int = 0
    """Ports beside the first, of which each carries only so much."""
    pace: float = 0.0
    """MB/s in each direction of each of those ports."""
    discard: bool = False
    """Count large bodies and drop them."""
    summed: int = 8
    """MiB up to which a store keeps an MD5 where the cloud keeps one; of larger objects it costs more than the rest."""


NEAR = Network()
"""No network at all: programs and stores share the machine, and processor time is all that counts."""


@dataclass(frozen=True, slots=True)
class Store:
    """One local store that runs."""

    dialect: Dialect
    port: int
    network: Network = NEAR

    @property
    def url(self) -> str:
        """Its address."""
        return self.through(0)

    def through(self, worker: int) -> str:
        """Return its address by way of one worker's port."""
        path = f"/{azurite.ACCOUNT}" if self.dialect == "azure" else ""
        return f"http://{HOST}:{self.port + worker}{path}"

    def ask(self, what: str, body: bytes | None = None, **query: object) -> Any:  # noqa: ANN401 - JSON
        """Make a request of the bench's own."""
        address = f"http://{HOST}:{self.port}/-/{what}?{urlencode(query)}"
        with urllib.request.urlopen(urllib.request.Request(address, data=body), timeout=600) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def counts(self) -> Mapping[str, Any]:
        """Return what was requested since this was last asked."""
        return dict(self.ask("counts"))

    def digests(self, prefix: str, bucket: str = BUCKET) -> Mapping[str, tuple[int, str]]:
        """Return size and SHA-256 of every object under a prefix, by the rest of its key."""
        return {
            key: (size, digest) for key, (size, digest) in self.ask("digests", bucket=bucket, prefix=prefix).items()
        }

    def clear(self, prefix: str = "", bucket: str = BUCKET) -> None:
        """Remove every object under a prefix, and every upload."""
        self.ask("clear", bucket=bucket, prefix=prefix)

    def generate(self, key: str, block: bytes, size: int, bucket: str = BUCKET) -> None:
        """Put an object there whose bytes repeat `block`."""
        self.ask("generate", block, bucket=bucket, key=key, size=size)

    def part(self) -> Part:
        """Return how to run it."""
        net = self.network
        command = [sys.executable, "-m", "bench.stores", self.dialect, "--port", str(self.port)]
        command += ["--ports", str(net.workers + 1), "--pace", str(net.pace), "--delay", str(net.delay)]
        command += ["--summed", str(net.summed)]
        command += ["--discard"] if net.discard else []
        return Part(f"{self.dialect}-{self.port}", command, self.port, _KEEPING)

    def site(self, worker: int = 0) -> dict[str, object]:
        """Return it as a site of a fleet file, seen through one worker's port."""
        shared = {
            "region": "local",
            "jurisdiction": "EU",
            "control_bucket": CONTROL,
            "endpoint": self.through(worker),
            "queues": {"notifications": "notifications", "dead_letters": "dead-letters"},
            "credentials": {"source": "file", "name": f"{self.dialect}.json"},
        }
        match self.dialect:
            case "s3":
                return {"cloud": "aws", "bucket": BUCKET, **shared}
            case "gcs":
                return {"cloud": "gcp", "bucket": BUCKET, "project": PROJECT, **shared}
            case "azure":
                return {"cloud": "azure", "container": BUCKET, "account": azurite.ACCOUNT, **shared}

    def credentials(self) -> dict[str, str]:
        """Return the secret that the fleet file names."""
        match self.dialect:
            case "s3":
                return {"access_key_id": SECRET, "secret_access_key": SECRET}
            case "gcs":
                return {"type": "anonymous"}
            case "azure":
                return {"account_key": azurite.KEY}

    def remote(self, name: str) -> dict[str, str]:
        """Return it as a remote of rclone, in the environment."""
        match self.dialect:
            case "s3":
                fields = {"type": "s3", "provider": "Other", "region": "us-east-1"}
                fields |= {"endpoint": self.url, "access_key_id": SECRET, "secret_access_key": SECRET}
            case "gcs":
                fields = {"type": "google cloud storage", "anonymous": "true", "project_number": PROJECT}
                fields |= {"endpoint": f"{self.url}/storage/v1/", "bucket_policy_only": "true"}
            case "azure":
                fields = {"type": "azureblob", "endpoint": self.url}
                fields |= {"account": azurite.ACCOUNT, "key": azurite.KEY}
        return {f"RCLONE_CONFIG_{name.upper()}_{field.upper()}": value for field, value in fields.items()}


@dataclass(frozen=True, slots=True)
class Clouds:
    """The stores of a run, by the names of their sites."""

    stores: Mapping[str, Store] = field(default_factory=dict)

    def remotes(self) -> dict[str, str]:
        """Return rclone's settings: one remote for each site."""
        return {name: value for site, store in self.stores.items() for name, value in store.remote(site).items()}

    def describe(self, folder: Path, source: str, targets: Sequence[str], worker: int = 0) -> Path:
        """Write a fleet file with one rule into `folder`, and the secrets beside it."""
        rule = {"name": "bench", "mode": "one_way", "from": source, "to": list(targets), "classification": "public"}
        document = {
            "version": 1,
            "sites": {name: self.stores[name].site(worker) for name in (source, *targets)},
            "classifications": {"public": {"jurisdictions": "any"}},
            "rules": [rule],
        }
        for store in self.stores.values():
            (folder / f"{store.dialect}.json").write_text(json.dumps(store.credentials()))
        path = folder / f"fleet-{source}-{'-'.join(targets)}-{worker}.yaml"
        path.write_text(json.dumps(document))  # which YAML holds, too
        return path


@contextmanager
def start(folder: Path, network: Network = NEAR, names: Mapping[str, Dialect] | None = None) -> Iterator[Clouds]:
    """Run one store for each name, with its two buckets."""
    wanted = names or {dialect: dialect for dialect in DIALECTS}
    with ExitStack() as stack:
        stores: dict[str, Store] = {}
        for name, dialect in wanted.items():
            stores[name] = Store(dialect, _ports(network.workers + 1), network)
            stack.enter_context(running([stores[name].part()], folder))
            for bucket in (BUCKET, CONTROL):
                _create(stores[name], bucket)
        yield Clouds(stores)


def _create(store: Store, bucket: str) -> None:
    path, method, body = f"/{bucket}", "PUT", b""
    if store.dialect == "gcs":
        path, method, body = "/storage/v1/b", "POST", json.dumps({"name": bucket}).encode()
    address = store.url + path + ("?restype=container" if store.dialect == "azure" else "")
    with urllib.request.urlopen(urllib.request.Request(address, data=body, method=method), timeout=10):  # noqa: S310 - ours
        pass


def _ports(count: int) -> int:
    """Return the first of `count` free ports in a row."""
    from tradewind_sandbox.ports import is_free  # noqa: PLC0415 - beside the loop that needs it

    while True:
        first = free_port()
        if all(is_free(first + number) for number in range(count)):
            return first
