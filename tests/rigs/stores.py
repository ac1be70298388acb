"""The four object stores, each with an empty bucket, for the suites that run over all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from azure.storage.blob import ContainerClient
from google.auth.credentials import AnonymousCredentials
from google.cloud.storage import Client

from tradewind.checksums import crc32c, md5
from tradewind.clouds.aws.store import open_store as open_s3
from tradewind.clouds.aws.uploads import open_uploads as open_s3_uploads
from tradewind.clouds.azure.store import open_store as open_blob
from tradewind.clouds.azure.uploads import open_uploads as open_blob_uploads
from tradewind.clouds.gcp.store import open_store as open_gcs
from tradewind.clouds.gcp.uploads import open_uploads as open_gcs_uploads
from tradewind.clouds.memory.store import MemoryStore
from tradewind.clouds.memory.uploads import MemoryUploads
from tradewind.fleet import AwsSite, AzureSite, GcpSite
from tradewind.ports import Metadata, ObjectStore, Uploads
from tradewind_sandbox.emulators import AzuriteEmulator, GcsEmulator, S3Emulator

KEY = "models/resnet/weights.bin"
NOWHERE = "http://127.0.0.1:9"
"""Nothing listens on the discard port."""


@dataclass(frozen=True, slots=True)
class Rig:
    """One store under test, and how to open others of its kind."""

    name: str
    store: ObjectStore
    open: Callable[[str], ObjectStore]
    """Open a bucket by its name, whether it exists or not."""
    down: ObjectStore | None
    """A store of the same kind whose cloud does not answer."""
    uploads: Callable[[], Uploads]
    """Open the uploads into `store` anew."""


def memory_rig() -> Rig:
    """Make a store in memory."""
    store = MemoryStore()
    return Rig("memory", store, open=MemoryStore, down=None, uploads=lambda: MemoryUploads(store))


def s3_rig(emulator: S3Emulator, bucket: str) -> Rig:
    """Create a bucket at moto."""
    site = AwsSite(
        cloud="aws",
        bucket=bucket,
        region=emulator.region,
        jurisdiction="US",
        control_bucket="control",
        endpoint=emulator.url,
    )
    keys = {"access_key_id": emulator.access_key_id, "secret_access_key": emulator.secret_access_key}
    store = open_s3(site, keys)
    store._client.create_bucket(Bucket=bucket)
    down = open_s3(site.model_copy(update={"endpoint": NOWHERE}), keys)
    return Rig(
        "s3",
        store,
        open=lambda name: open_s3(site, keys, bucket=name),
        down=down,
        uploads=lambda: open_s3_uploads(site, keys),
    )


def gcs_rig(emulator: GcsEmulator, bucket: str) -> Rig:
    """Create a bucket at fake-gcs-server."""
    site = GcpSite(
        cloud="gcp",
        project=emulator.project,
        bucket=bucket,
        region="europe-west4",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.url,
    )
    anonymous = {"type": "anonymous"}
    store = open_gcs(site, anonymous)
    users = Client(
        project=emulator.project, credentials=AnonymousCredentials(), client_options={"api_endpoint": emulator.url}
    )
    users.create_bucket(bucket)
    down = open_gcs(site.model_copy(update={"endpoint": NOWHERE}), anonymous)
    return Rig(
        "gcs",
        store,
        open=lambda name: open_gcs(site, anonymous, bucket=name),
        down=down,
        uploads=lambda: open_gcs_uploads(site, anonymous),
    )


def azure_rig(emulator: AzuriteEmulator, bucket: str) -> Rig:
    """Create a container at Azurite."""
    site = AzureSite(
        cloud="azure",
        account=emulator.account_name,
        container=bucket,
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.blob_url,
    )
    key = {"account_key": emulator.account_key}
    store = open_blob(site, key)
    ContainerClient(emulator.blob_url, bucket, credential=emulator.account_key).create_container()
    down = open_blob(site.model_copy(update={"endpoint": f"{NOWHERE}/{emulator.account_name}"}), key)
    return Rig(
        "azure",
        store,
        open=lambda name: open_blob(site, key, bucket=name),
        down=down,
        uploads=lambda: open_blob_uploads(site, key),
    )


def put(
    store: ObjectStore, body: bytes, *, key: str = KEY, expect: str | None = None, metadata: Metadata | None = None
) -> str:
    """Write `body` and return its token."""
    receipt = store.put(key, body, metadata=metadata or Metadata(), crc32c=crc32c(body), md5=md5(body), expect=expect)
    return receipt.token


def read(
    store: ObjectStore, key: str = KEY, *, token: str | None = None, start: int = 0, length: int | None = None
) -> bytes:
    """Return the bytes that the store gives."""
    with store.get(key, token=token, start=start, length=length) as download:
        return b"".join(download.chunks)
