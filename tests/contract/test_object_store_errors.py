"""What goes wrong is told in words of `tradewind.errors`, with the object's address and what to do next."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from rigs.stores import KEY, Rig, azure_rig, put, read
from tradewind.clouds.azure.store import open_store as open_blob
from tradewind.errors import AccessDeniedError, BucketNotFoundError, CredentialsError, StoreUnavailableError
from tradewind.fleet import AzureSite
from tradewind.ports import ObjectStore
from tradewind_sandbox.emulators import AzuriteEmulator

CALLS: dict[str, Callable[[ObjectStore], object]] = {
    "head": lambda store: store.head(KEY),
    "get": read,
    "put": lambda store: put(store, b"x"),
    "replace": lambda store: put(store, b"x", expect="1"),
    "delete": lambda store: store.delete(KEY, expect="1"),
    "list": lambda store: store.list(),
}
SCHEMES = {"s3": "s3://", "gcs": "gs://", "azure": "az://devstoreaccount1/"}


# A memory store is its own bucket; fake-gcs-server checks a replacement's precondition before it looks for the bucket.
@pytest.mark.parametrize(
    ("rig", "call"),
    [(rig, call) for rig in SCHEMES for call in CALLS if (rig, call) != ("gcs", "replace")],
    indirect=["rig"],
)
def test_a_bucket_that_does_not_exist(rig: Rig, call: str) -> None:
    """Every call on a bucket that is not there names it and says what to correct."""
    with pytest.raises(BucketNotFoundError, match="fleet file") as caught:
        CALLS[call](rig.open("no-such-bucket"))

    assert f"{SCHEMES[rig.name]}no-such-bucket" in str(caught.value)


@pytest.mark.parametrize("rig", SCHEMES, indirect=True)
def test_a_cloud_that_does_not_answer(rig: Rig) -> None:
    """Every call says which object it was about, and that it is worth another try."""
    down = rig.down
    assert down is not None, "every cloud's rig has a store that is down"

    def failure(call: str) -> StoreUnavailableError:
        with pytest.raises(StoreUnavailableError, match="Try again later") as caught:
            CALLS[call](down)
        return caught.value

    with ThreadPoolExecutor(len(CALLS)) as pool:  # side by side, since each has its retries
        failures = list(pool.map(failure, CALLS))

    assert all(SCHEMES[rig.name] in str(error) and error.__cause__ is not None for error in failures)


def wrong_key(emulator: AzuriteEmulator, container: str, fields: dict[str, str]) -> ObjectStore:
    """Open a container of Azurite with other credentials."""
    site = AzureSite(
        cloud="azure",
        account=emulator.account_name,
        container=container,
        region="westeurope",
        jurisdiction="EU",
        control_bucket="control",
        endpoint=emulator.blob_url,
    )
    return open_blob(site, fields)


@pytest.mark.parametrize("call", CALLS)
def test_credentials_that_the_cloud_does_not_know(azurite: AzuriteEmulator, call: str) -> None:
    """An account key that is not the account's is a credentials error, and names the secret as the place to look."""
    azure_rig(azurite, bucket := f"wrong-key-{call}")

    with pytest.raises((CredentialsError, AccessDeniedError), match="credentials"):
        CALLS[call](wrong_key(azurite, bucket, {"account_key": "bm90IHRoZSBrZXk="}))


def test_an_account_key_that_is_none(azurite: AzuriteEmulator) -> None:
    """An account key that is not base64 is a credentials error, not a crash."""
    with pytest.raises(CredentialsError, match="base64"):
        wrong_key(azurite, "wrong-key", {"account_key": "not base64!"}).head(KEY)
