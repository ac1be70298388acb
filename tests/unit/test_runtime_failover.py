"""Failover in a process whose credentials for a control store are gone, or are replaced while it lives."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rigs.observers import OBSERVERS
from tradewind import runtime
from tradewind.clouds.memory.store import MemoryStore
from tradewind.errors import CredentialsError, StoreUnavailableError
from tradewind.records import Records
from tradewind.registers.initialise import initialise
from tradewind.registers.outcomes import NoMajority
from tradewind.runtime import Runtime, process, read_fleet

FLEET = """
version: 1
sites:
  aws-use1: {cloud: aws, bucket: a, region: us-east-1, jurisdiction: US, control_bucket: ac}
  gcp-euw4: {cloud: gcp, project: p, bucket: g, region: europe-west4, jurisdiction: EU, control_bucket: gc}
  az-weu: {cloud: azure, account: acc, container: c, region: westeurope, jurisdiction: EU, control_bucket: cc}
classifications: {public: {jurisdictions: any}}
control: {stores: [aws-use1, gcp-euw4, az-weu]}
"""


class Stores:
    """The control stores, some of which cannot be opened."""

    def __init__(self) -> None:
        self.stores = {site: MemoryStore() for site in OBSERVERS}
        self.closed: dict[str, Exception] = {}
        """Why, by site."""

    def open(self, site: str) -> Records:
        """Open the records of a site."""
        if site in self.closed:
            raise self.closed[site]
        return Records(self.stores[site], "t/")


@pytest.fixture
def stores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stores]:
    """Control stores in memory, under the runtime of the function at aws-use1."""
    opened = Stores()
    path = tmp_path / "tradewind.yaml"
    path.write_text(FLEET)
    monkeypatch.setenv("TRADEWIND_FLEET", str(path))
    monkeypatch.setenv("TRADEWIND_SITE", "aws-use1")
    monkeypatch.setattr(Runtime, "_open_records", lambda _, site: opened.open(site))
    runtime.forget()
    yield opened
    runtime.forget()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The process's clock, as a list of one number that a test may change."""
    now = [0.0]
    monkeypatch.setattr(process, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def born(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """A process whose runtime is as old as the process."""
    monkeypatch.setattr(
        process, "read_fleet", lambda location: Runtime(read_fleet(location).fleet, Path(location).parent, clock[0])
    )


def test_a_secret_that_cannot_be_read_is_one_silent_store(stores: Stores) -> None:
    """Registers and views go on by the majority that is left."""
    failover = runtime.current().failover
    initialise(failover.registers, "groups/g")
    stores.closed["az-weu"] = StoreUnavailableError("Could not read the secret: its vault does not answer")
    cold = runtime.read_fleet(str(Path(runtime.current().folder, "tradewind.yaml"))).failover

    assert not isinstance(cold.registers.register("groups/g").read(), NoMajority)
    done = cold.observer("aws-use1").round()
    assert done.errors == []
    assert cold.exchange("gcp-euw4").collect().views.keys() == {"aws-use1"}


@pytest.mark.usefixtures("born")
def test_an_observer_opens_anew_what_did_not_take_its_credentials(stores: Stores, clock: list[float]) -> None:
    """That a store was silent for that reason is noticed, a minute after the secret was read at the earliest."""
    stores.closed["gcp-euw4"] = CredentialsError("The cloud does not know these credentials")
    first = runtime.current()
    runtime.observe(seconds=1)
    assert runtime.current() is first

    clock[0] = 61
    runtime.observe(seconds=1)
    second = runtime.current()
    assert second is not first
    del stores.closed["gcp-euw4"]
    clock[0] = 150
    runtime.observe(seconds=1)
    assert runtime.current() is second


@pytest.mark.usefixtures("born")
def test_callers_are_answered_with_new_credentials_likewise(stores: Stores, clock: list[float]) -> None:
    """A process that only answers callers does not go on with a secret that was replaced, either."""
    first = runtime.current()
    for site in OBSERVERS:
        stores.closed[site] = CredentialsError("The cloud does not know these credentials")
    clock[0] = 61

    with pytest.raises(StoreUnavailableError):
        first.failover.routes("aws-use1").read("g")
    assert first.failover.refused == set(OBSERVERS)
    runtime.route({"group": "g"})
    assert runtime.current() is not first


@pytest.mark.usefixtures("born")
def test_new_credentials_need_no_fleet_file(
    stores: Stores, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the fleet file's cloud is down, the one that was read is gone on with."""

    def down(_: str) -> Runtime:
        raise StoreUnavailableError("the cloud is down")

    first = runtime.current()
    stores.closed["gcp-euw4"] = CredentialsError("The cloud does not know these credentials")
    monkeypatch.setattr(process, "read_fleet", down)
    clock[0] = 61
    runtime.observe(seconds=1)

    assert runtime.current() is not first
    assert runtime.current().fleet is first.fleet
