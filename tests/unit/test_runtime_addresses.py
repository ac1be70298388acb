"""Addresses that are told of moves by a process that lives longer than their keys."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rigs.world import InlineExecutor
from tradewind.errors import AccessDeniedError, ConfigurationError, CredentialsError, StoreUnavailableError
from tradewind.failover.moving.notices import tell_all
from tradewind.fleet import Address
from tradewind.ports import Notice, Notifier
from tradewind.runtime import Runtime, read_fleet
from tradewind.runtime.addresses import LateNotifier, notifier_of

NOTICE = Notice("g:7:VERIFIED", "g", 7, "failover", "Moved.", "down", datetime(2026, 3, 1, tzinfo=UTC), "az-weu", {})
FLEET = """
version: 1
sites:
  aws: {cloud: aws, bucket: a, region: us-east-1, jurisdiction: US, control_bucket: ac,
        credentials: {source: file, name: key.json}}
  gcp: {cloud: gcp, project: p, bucket: g, region: europe-west4, jurisdiction: EU, control_bucket: gc,
        credentials: {source: file, name: key.json}}
  azure: {cloud: azure, account: acc, container: c, region: westeurope, jurisdiction: EU, control_bucket: cc}
classifications: {public: {jurisdictions: any}}
control: {stores: [aws, gcp, azure]}
endpoints: {one: {site: aws, url: "https://one.example"}}
groups:
  g:
    endpoints: [one]
    primary: one
    classification: public
    director: {kind: caddy, admin: "http://127.0.0.1:9", id: g, targets: {one: "one:1"}}
    notify:
      - {kind: sns, site: aws, topic: "arn:aws:sns:us-east-1:123456789012:traffic"}
      - {kind: pubsub, site: gcp, topic: traffic}
      - {kind: event_grid, endpoint: "https://topic.example/api/events", key: {source: file, name: key.json}}
      - {kind: webhook, url: "https://hooks.example/1", secret: {source: file, name: key.json}}
"""


@dataclass
class Lock:
    """What stands before an address: one key fits."""

    key: str = "old"
    refuse: Callable[[str], Exception] = AccessDeniedError
    heard: list[Notice] = field(default_factory=list)
    opened: list[str] = field(default_factory=list)
    """The keys that it was tried with."""
    asked: int = 0
    """How often it was told."""

    def open(self, key: str) -> Notifier:
        """Return what tells it with a key."""
        self.opened.append(key)
        return _Told(self, key)


@dataclass
class _Told:
    lock: Lock
    key: str

    def tell(self, notice: Notice) -> None:
        self.lock.asked += 1
        if self.key != self.lock.key:
            raise self.lock.refuse("Could not notify: 401")
        self.lock.heard.append(notice)


@pytest.fixture(params=["sns", "pubsub", "event_grid", "webhook"])
def address(request: pytest.FixtureRequest) -> str:
    """Each kind of address in turn."""
    return str(request.param)


@pytest.fixture
def lock(address: str, monkeypatch: pytest.MonkeyPatch) -> Lock:
    """What an address of that kind is in this test."""
    lock = Lock(refuse=CredentialsError if address in ("sns", "pubsub") else AccessDeniedError)
    cloud = {"sns": "aws", "pubsub": "gcp", "event_grid": "azure", "webhook": "web"}[address]

    def open_notifier(_: Address, *given: object) -> Notifier:
        fields = given[-1]
        assert isinstance(fields, Mapping)
        return lock.open(fields["key"])

    monkeypatch.setattr(f"tradewind.clouds.{cloud}.notices.open_notifier", open_notifier)
    return lock


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A process that has read the fleet file and will not do so again."""
    (tmp_path / "key.json").write_text(json.dumps({"key": "old"}))
    (tmp_path / "tradewind.yaml").write_text(FLEET)
    return read_fleet(str(tmp_path / "tradewind.yaml"))


def test_a_key_that_was_replaced_costs_no_notice(address: str, lock: Lock, runtime: Runtime) -> None:
    """The address's own or the site's, it is read anew when it is refused, and what was to be told is told."""
    [told] = [each for each in runtime.fleet.groups["g"].notify if each.kind == address]
    notifiers = {address: notifier_of(runtime, told)}
    assert tell_all(notifiers, NOTICE, InlineExecutor()) == {}

    lock.key = "new"
    (runtime.folder / "key.json").write_text(json.dumps({"key": "new"}))
    assert tell_all(notifiers, NOTICE, InlineExecutor()) == {}
    assert tell_all(notifiers, NOTICE, InlineExecutor()) == {}

    assert (lock.opened, len(lock.heard)) == (["old", "new"], 3)


def test_a_key_that_is_wrong_is_read_anew_each_time(address: str, lock: Lock, runtime: Runtime) -> None:
    """Until a person has put it right the notice says who could not be told, and nobody has to start anything anew."""
    [told] = [each for each in runtime.fleet.groups["g"].notify if each.kind == address]
    notifiers = {address: notifier_of(runtime, told)}
    lock.key = "new"

    assert tell_all(notifiers, NOTICE, InlineExecutor()) == {address: "Could not notify: 401"}
    assert lock.asked == 2
    (runtime.folder / "key.json").write_text(json.dumps({"key": "new"}))
    assert tell_all(notifiers, NOTICE, InlineExecutor()) == {}


def test_an_address_that_refuses_for_another_reason_is_asked_once_and_opened_anew() -> None:
    """What is no question of keys is not asked twice at a time, and may have been put right the next time."""
    lock = Lock(key="new", refuse=ConfigurationError)
    late = LateNotifier(lambda: lock.open("old"))

    assert tell_all({"only": late}, NOTICE, InlineExecutor()) == {"only": "Could not notify: 401"}
    assert (lock.asked, lock.opened) == (1, ["old"])
    tell_all({"only": late}, NOTICE, InlineExecutor())
    assert lock.opened == ["old", "old"]


def test_an_address_that_does_not_answer_stays_open() -> None:
    """A vault is not asked for a key that nobody refused: it may be away together with the address."""
    lock = Lock(key="new", refuse=StoreUnavailableError)
    late = LateNotifier(lambda: lock.open("old"))

    for _ in range(2):
        tell_all({"only": late}, NOTICE, InlineExecutor())

    assert lock.opened == ["old"]
