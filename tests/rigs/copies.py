"""The copies inside a bucket of each emulator, for the suites that run over all of them."""

from __future__ import annotations

from tradewind.clouds.aws.copies import S3Copies
from tradewind.clouds.aws.copies import open_copies as open_s3_copies
from tradewind.clouds.azure.copies import BlobCopies
from tradewind.clouds.azure.copies import open_copies as open_blob_copies
from tradewind.clouds.gcp.copies import GcsCopies
from tradewind.clouds.gcp.copies import open_copies as open_gcs_copies
from tradewind.fleet import AwsSite, AzureSite, GcpSite
from tradewind_sandbox.emulators import AzuriteEmulator, GcsEmulator, S3Emulator


def s3_copies(emulator: S3Emulator, bucket: str) -> S3Copies:
    """Return the copies inside a bucket at moto."""
    site = AwsSite(
        cloud="aws",
        bucket=bucket,
        region=emulator.region,
        jurisdiction="US",
        control_bucket="control",
        endpoint=emulator.url,
    )
    keys = {"access_key_id": emulator.access_key_id, "secret_access_key": emulator.secret_access_key}
    return open_s3_copies(site, keys)


def gcs_copies(emulator: GcsEmulator, bucket: str) -> GcsCopies:
    """Return the copies inside a bucket at fake-gcs-server."""
    site = GcpSite(
        cloud="gcp",
        project=emulator.project,
        bucket=bucket,
        region="europe-west4",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.url,
    )
    return open_gcs_copies(site, {"type": "anonymous"})


def azure_copies(emulator: AzuriteEmulator, bucket: str) -> BlobCopies:
    """Return the copies inside a container at Azurite."""
    site = AzureSite(
        cloud="azure",
        account=emulator.account_name,
        container=bucket,
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.blob_url,
    )
    return open_blob_copies(site, {"account_key": emulator.account_key})
