"""What a call costs, on the wire and at the start of a process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from contextlib import AbstractContextManager

import pytest

from rigs.stores import KEY, Rig, gcs_rig, put, read
from tradewind.clouds.http import Answer, Body, HttpClient
from tradewind.fleet import AzureSite, GcpSite
from tradewind.ports import Metadata
from tradewind_sandbox.emulators import AzuriteEmulator, GcsEmulator

METADATA = Metadata(content_type="application/octet-stream", user={"epoch": "7", "tradewind": '{"md5":"00"}'})


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The methods of all requests."""
    methods: list[str] = []
    ask = HttpClient.open

    def note(
        self: HttpClient,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body = b"",
        *,
        size: int | None = None,
    ) -> AbstractContextManager[Answer]:
        methods.append(method)
        return ask(self, method, target, headers, body, size=size)

    monkeypatch.setattr(HttpClient, "open", note)
    return methods


@pytest.mark.parametrize("rig", ["s3", "gcs", "azure"], indirect=True)
def test_each_call_for_a_small_object_is_one_request(rig: Rig, sent: list[str]) -> None:
    """A write, a read with all that is known of the object, and a look cost one request each."""
    put(rig.store, b"", key="first")  # of a process, which learns whether it may read tags
    read(rig.store, "first")
    sent.clear()

    token = put(rig.store, b"weights", metadata=METADATA)
    written = len(sent)
    with rig.store.get(KEY, token=token) as download:
        assert b"".join(download.chunks) == b"weights"
    got = len(sent)
    state = rig.store.head(KEY)
    seen = len(sent)

    assert (written, got, seen) == (1, 2, 3)
    assert download.state == state
    assert sent[1:] == ["GET", "GET" if rig.name == "gcs" else "HEAD"]


@pytest.mark.parametrize("rig", ["gcs"], indirect=True)
def test_a_read_that_headers_cannot_describe_is_two_requests(rig: Rig, sent: list[str]) -> None:
    """Metadata that no header carries as it is costs Cloud Storage's readers one request more, and is exact."""
    metadata = Metadata(content_type="text/plain", user={"name": "na\u00efve"})
    put(rig.store, b"weights", metadata=metadata)
    sent.clear()

    with rig.store.get(KEY) as download:
        assert download.state.metadata == metadata

    assert sent == ["GET", "GET"]


@pytest.mark.parametrize("rig", ["gcs"], indirect=True)
def test_what_headers_lose_is_found_by_the_next_look(rig: Rig) -> None:
    """Spaces that a header loses are there at the latest when an object is read for the second time."""
    metadata = Metadata(content_type="text/plain", user={"name": " both ends "})
    put(rig.store, b"weights", metadata=metadata)
    read(rig.store)

    state = rig.store.head(KEY)

    with rig.store.get(KEY) as download:
        assert download.state == state
    assert download.state.metadata == metadata


CHECK = """
import json, sys
from tradewind.checksums import crc32c
from tradewind.clouds.{cloud}.store import open_store
from tradewind.fleet import {site}
from tradewind.ports import Metadata
described, secret = json.loads(sys.argv[1])
store = open_store({site}.model_validate(described), secret)
store.put("k", b"1", metadata=Metadata(), crc32c=crc32c(b"1"), md5=None, expect=None)
with store.get("k") as download:
    assert b"".join(download.chunks) == b"1"
token = store.head("k").token
store.delete("k", expect=token)
assert store.head("k") is None
loaded = {{name.partition(".")[0] for name in sys.modules}} & {{"requests", "urllib3", "boto3", "azure", "grpc"}}
print(sorted(loaded | ({{"google.auth", "google.cloud.storage"}} & set(sys.modules))), end="")
"""


def loaded(cloud: str, site: AzureSite | GcpSite, secret: Mapping[str, str]) -> str:
    """Return the libraries that a process has imported that has written, read, looked at and deleted an object."""
    code = CHECK.format(cloud=cloud, site=type(site).__name__)
    given = json.dumps([site.model_dump(mode="json", exclude_unset=True), secret])
    command = [sys.executable, "-c", code, given]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def test_small_objects_of_cloud_storage_need_no_sdk(gcs: GcsEmulator) -> None:
    """A process that writes, reads, looks and deletes imports neither Google's libraries nor another HTTP client."""
    gcs_rig(gcs, "no-sdk")
    site = GcpSite(
        cloud="gcp",
        project="p",
        bucket="no-sdk",
        region="europe-west4",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=gcs.url,
    )

    assert loaded("gcp", site, {"type": "anonymous"}) == "[]"


@pytest.mark.parametrize("rig", ["azure"], indirect=True)
def test_small_blobs_need_no_sdk(rig: Rig, azurite: AzuriteEmulator) -> None:
    """A process that writes, reads, looks and deletes imports neither Azure's libraries nor another HTTP client."""
    site = AzureSite(
        cloud="azure",
        account=azurite.account_name,
        container=rig.store._place.rpartition("/")[2],  # type: ignore[attr-defined]  # it is a BlobStore
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=azurite.blob_url,
    )

    assert loaded("azure", site, {"account_key": azurite.account_key}) == "[]"
