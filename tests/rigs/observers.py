"""Observers of one group over memory: real registers, real views, endpoints that do as they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import yaml

from rigs.world import InlineExecutor, WatchedStore
from tradewind.clouds.memory.store import MemoryStore
from tradewind.clouds.memory.traffic import MemoryDirector
from tradewind.errors import AccessDeniedError, StoreUnavailableError
from tradewind.failover.callers.publishing import Publisher
from tradewind.failover.instruments import Instruments
from tradewind.failover.looking.viewing import Exchange
from tradewind.failover.moving.manual import Hand
from tradewind.failover.observer import Observer, Round
from tradewind.failover.routing import Routing
from tradewind.fleet import Endpoint, Fleet, parse_fleet
from tradewind.ports import Answer, Notice
from tradewind.records import Records
from tradewind.registers.initialise import initialise
from tradewind.registers.outcomes import Reading
from tradewind.registers.register import Registers

EVERY = 20
OBSERVERS = ("aws-use1", "gcp-euw4", "az-weu")
ENDPOINTS = {"on-aws": "aws-use1", "on-gcp": "gcp-euw4", "on-azure": "az-weu"}
GOOD = Answer("", 0.05)
REFUSED = Answer("connection refused", 0.001)
_FLEET = f"""
version: 1
sites:
  aws-use1: {{cloud: aws, bucket: a, region: us-east-1, jurisdiction: US, control_bucket: ac}}
  gcp-euw4: {{cloud: gcp, project: p, bucket: g, region: europe-west4, jurisdiction: EU, control_bucket: gc}}
  az-weu: {{cloud: azure, account: acc, container: c, region: westeurope, jurisdiction: EU, control_bucket: cc}}
classifications: {{public: {{jurisdictions: any}}}}
control: {{stores: [aws-use1, gcp-euw4, az-weu], every_seconds: {EVERY}}}
endpoints:
  on-aws: {{site: aws-use1, url: "https://aws.example"}}
  on-gcp: {{site: gcp-euw4, url: "https://gcp.example"}}
  on-azure: {{site: az-weu, url: "https://azure.example"}}
groups:
  classifier:
    endpoints: [on-aws, on-gcp, on-azure]
    primary: on-aws
    classification: public
    director:
      kind: caddy
      admin: "http://127.0.0.1:9"
      id: classifier
      targets: {{on-aws: "a:1", on-gcp: "g:1", on-azure: "z:1"}}
"""
GROUP = "classifier"
REGISTER = f"groups/{GROUP}"


FLEET: Mapping[str, Any] = yaml.safe_load(_FLEET)


def fleet_of(**groups: Mapping[str, Any]) -> Fleet:
    """Return the fleet of the rig; its groups may be others, each said by what is different from the rig's."""
    usual = FLEET["groups"][GROUP]
    document = {**FLEET, "groups": {name: {**usual, **other} for name, other in groups.items()} or FLEET["groups"]}
    return parse_fleet(yaml.safe_dump(document), origin="fleet.yaml")


class Dead(BaseException):
    """The observer's process died."""


@dataclass(slots=True)
class Told:
    """Whoever is told, and remembers."""

    notices: list[Notice] = field(default_factory=list)
    deaf: bool = False

    def tell(self, notice: Notice) -> None:
        """Remember what is told."""
        if self.deaf:
            raise StoreUnavailableError("The address does not answer")
        self.notices.append(notice)


@dataclass(slots=True)
class _Prober:
    answer: Callable[[str], Answer]
    names: Mapping[str, str]

    def probe(self, endpoint: Endpoint) -> Answer:
        return self.answer(self.names[endpoint.url])


class Observatory:
    """Three observers, their stores, and what they look at.

    Args:
        fleet: As `fleet_of` makes it.
    """

    def __init__(self, fleet: Fleet | None = None) -> None:
        self.fleet = fleet or fleet_of()
        self.now = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
        self.director = MemoryDirector(self.fleet.groups[GROUP].endpoints)
        self.directors = {GROUP: self.director}
        """By group."""
        self.told = Told()
        self.down: set[str] = set()
        """Endpoints that refuse connections."""
        self.cut: set[tuple[str, str]] = set()
        """Observer and endpoint that do not reach each other."""
        self.answers: dict[str, Answer] = {}
        """What an endpoint answers that is not down."""
        self.workers: Executor = InlineExecutor()
        """Who looks after the groups of observers that are made from now on."""
        self.away: set[str] = set()
        """Control stores that do not answer."""
        self.unwritable: set[str] = set()
        """Control stores that can be read."""
        self.probed: Callable[[str, str], None] = lambda _observer, _endpoint: None
        """Called before each probe."""
        self.shifted: dict[str, timedelta] = {}
        """How wrong an observer's clock is."""
        self.before: Callable[[str, str], None] = lambda _observer, _call: None
        """Called before each call of an observer to a store."""
        self._stores = {site: MemoryStore() for site in OBSERVERS}
        self.registers = self._registers("")
        initialise(self.registers, *(f"groups/{group}" for group in self.fleet.groups))
        self.observers = {site: self.observer(site) for site in OBSERVERS}

    def deploy(self, fleet: Fleet) -> None:
        """Let every function have another fleet file, whose director knows its endpoints."""
        self.fleet = fleet
        for name, group in fleet.groups.items():
            self.directors[name].know(group.endpoints)
        self.observers = {site: self.observer(site) for site in OBSERVERS}

    def _records(self, observer: str) -> dict[str, Records]:
        return {site: Records(self._watched(observer, site), "tradewind/") for site in OBSERVERS}

    def _watched(self, observer: str, site: str) -> WatchedStore:
        def before(call: str) -> None:
            if observer:
                self.before(observer, call)
            if site in self.unwritable and call == "put":
                raise AccessDeniedError(f"Could not {call} at {site}: the bucket is locked")
            if site in self.away:
                raise StoreUnavailableError(f"Could not {call} at {site}: connection refused")

        return WatchedStore(self._stores[site], before)

    def _registers(self, observer: str) -> Registers:
        return Registers(
            self._records(observer),
            InlineExecutor(),
            lambda: self.now,
            Random(observer),  # noqa: S311 - chance, not secrets
            sleep=lambda _: None,
        )

    def observer(self, site: str) -> Observer:
        """Return a new process of an observer."""
        records, registers = self._records(site), self._registers(site)
        urls = {endpoint.url: name for name, endpoint in self.fleet.endpoints.items()}
        publisher = Publisher(self.fleet, lambda: records[site], lambda: self.now)
        return Observer(
            site,
            self.fleet,
            Instruments(
                Exchange(site, records, InlineExecutor(), 3.0),
                _Prober(lambda name: self._answer(site, name), urls),
                lambda group: registers.register(f"groups/{group}"),
                lambda group: self.directors.setdefault(group, MemoryDirector(self.fleet.groups[group].endpoints)),
                lambda _: {"pager": self.told},
                publisher.publish,
                InlineExecutor(),
                self.workers,
                lambda: self.now + self.shifted.get(site, timedelta()),
            ),
        )

    def _answer(self, observer: str, endpoint: str) -> Answer:
        self.probed(observer, endpoint)
        if endpoint in self.down or (observer, endpoint) in self.cut:
            return REFUSED
        return self.answers.get(endpoint, GOOD)

    def rounds(self, count: int = 1, *, of: tuple[str, ...] = OBSERVERS) -> list[Round]:
        """Let observers look, one after the other, `count` times; return what came of the last time."""
        done: list[Round] = []
        for _ in range(count):
            self.now += timedelta(seconds=EVERY)
            done = [self.observers[name].round() for name in of]
        return done

    def settle(self) -> None:
        """Let the group begin, and everybody be heard by everybody."""
        self.rounds(5)
        assert self.routing.state == "SETTLED"

    @property
    def routing(self) -> Routing:
        """The group's, as a majority has it."""
        reading = self.registers.register(REGISTER).read()
        assert isinstance(reading, Reading)
        assert reading.value is not None
        return Routing.of(reading.value)

    @property
    def epochs(self) -> list[int]:
        """Those that the director showed, in order."""
        return [shown.epoch for shown in self.director.published]

    @property
    def hand(self) -> Hand:
        """A person's."""
        return Hand(self.fleet.groups[GROUP], self.registers.register(REGISTER), lambda: self.now)
