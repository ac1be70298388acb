"""A cloud that takes connections and never answers."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tradewind.clouds.aws import clients as aws
from tradewind.clouds.aws.store import open_store as open_s3
from tradewind.clouds.azure import clients as azure
from tradewind.clouds.azure.store import open_store as open_blob
from tradewind.clouds.gcp import clients as gcp
from tradewind.clouds.gcp.store import open_store as open_gcs
from tradewind.clouds.http import ATTEMPTS, PATIENCE
from tradewind.errors import StoreUnavailableError
from tradewind.fleet import AwsSite, AzureSite, GcpSite
from tradewind.ports import ObjectStore

TEMPLATE = Path(__file__).parents[2] / "template.yaml"
WRITING = {"ReplicateFunction", "SweepFunction", "BatchOperationsFunction"}
"""The functions that write objects; those of failover give every store a time of their own to answer."""
PLAIN = {"region": "r", "jurisdiction": "EU", "control_bucket": "c"}
OPEN: dict[str, Callable[[str], ObjectStore]] = {
    "aws": lambda url: open_s3(
        AwsSite(cloud="aws", bucket="b", endpoint=url, **PLAIN), {"access_key_id": "a", "secret_access_key": "s"}
    ),
    "gcp": lambda url: open_gcs(
        GcpSite(cloud="gcp", project="p", bucket="b", endpoint=url, **PLAIN), {"type": "anonymous"}
    ),
    "azure": lambda url: open_blob(
        AzureSite(cloud="azure", account="a", container="b", endpoint=f"{url}/a", **PLAIN), {"account_key": "YQ=="}
    ),
}


@pytest.fixture
def silent() -> Iterator[tuple[str, list[socket.socket]]]:
    """Return the URL of a server that says nothing, and the connections that it has taken."""
    taken: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with suppress(OSError):
            while True:
                taken.append(listener.accept()[0])

    thread = threading.Thread(target=accept)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", taken
    listener.shutdown(socket.SHUT_RDWR)
    thread.join()
    for connection in (listener, *taken):
        connection.close()


@pytest.mark.parametrize("cloud", OPEN)
def test_a_call_gives_up_after_two_tries(
    cloud: str, silent: tuple[str, list[socket.socket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hung cloud is an outage like any other, and the queue does the waiting."""
    url, taken = silent
    monkeypatch.setattr(aws, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(azure, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(gcp, "TIMEOUT", (0.2, 0.2))

    with pytest.raises(StoreUnavailableError, match="Try again later"):
        OPEN[cloud](url).head("k")

    assert len(taken) == 2


@pytest.mark.parametrize("cloud", OPEN)
def test_a_delete_goes_out_once(
    cloud: str, silent: tuple[str, list[socket.socket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have counted although nobody said so, and a second one would say that somebody else had done it."""
    url, taken = silent
    monkeypatch.setattr(aws, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(azure, "READ_TIMEOUT", 0.2)
    monkeypatch.setattr(gcp, "TIMEOUT", (0.2, 0.2))

    with pytest.raises(StoreUnavailableError, match="Try again later"):
        OPEN[cloud](url).delete("k", expect="1")

    assert len(taken) == 1


@pytest.mark.parametrize(
    "tries", [aws.ATTEMPTS * aws.READ_TIMEOUT, ATTEMPTS * gcp.TIMEOUT[1], (1 + azure.RETRIES) * azure.READ_TIMEOUT]
)
def test_a_function_outlives_two_calls_that_hang(tries: float) -> None:
    """A hung write and a hung confirmation end before the shortest function timeout, so failures are handed back."""
    _, *blocks = re.split(r"^  (\w+):\n", TEMPLATE.read_text(), flags=re.MULTILINE)
    limits = {
        name: int(found[1])
        for name, block in zip(blocks[::2], blocks[1::2], strict=True)
        if (found := re.search(r"^ +Timeout: (\d+)", block, re.MULTILINE))
    }

    assert limits.keys() >= WRITING
    shortest = min(limits[name] for name in WRITING)
    assert 2 * tries < shortest
    assert shortest > PATIENCE + aws.READ_TIMEOUT  # of a peer that drips
