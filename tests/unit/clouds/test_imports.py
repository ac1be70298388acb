"""A function pays for an SDK when it uses it, and for no other cloud's ever."""

from __future__ import annotations

import subprocess
import sys

import pytest

SDKS = (
    "boto3",
    "botocore",
    "google.auth",
    "google.api_core",
    "google.pubsub_v1",
    "grpc",
    "azure",
    "requests",
    "urllib3",
)


@pytest.mark.parametrize("part", ["events", "notices", "queue", "secrets", "store", "traffic"])
@pytest.mark.parametrize("cloud", ["aws", "gcp", "azure"])
def test_importing_a_part_of_a_cloud_imports_no_sdk(cloud: str, part: str) -> None:
    """Importing what decodes, queues, stores, keeps secrets or directs traffic loads no SDK and no HTTP library."""
    check = (
        f"import sys, tradewind.clouds.{cloud}.{part}\n"
        f"print([name for name in {SDKS!r} if name in sys.modules], end='')"
    )

    loaded = subprocess.run([sys.executable, "-c", check], check=True, capture_output=True, text=True).stdout

    assert loaded == "[]"
