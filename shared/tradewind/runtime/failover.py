"""What failover is made of in this fleet: its registers, observers, directors, and who is told."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from random import SystemRandom
from typing import TYPE_CHECKING, cast

from tradewind.errors import ConfigurationError
from tradewind.failover.callers.answering import Answer, answer
from tradewind.failover.callers.publishing import Publisher
from tradewind.failover.callers.reading import Routes
from tradewind.failover.deciding.decide import initial
from tradewind.failover.instruments import Instruments
from tradewind.failover.looking.viewing import Exchange
from tradewind.failover.moving.manual import Hand
from tradewind.failover.moving.switch import SwitchDirector
from tradewind.failover.observer import STALE, Observer
from tradewind.failover.routing import Routing
from tradewind.failover.views import Sights
from tradewind.fleet import Caddy, Control, Group, Switch
from tradewind.ports import Notifier, TrafficDirector
from tradewind.registers.asking import Asking
from tradewind.registers.outcomes import NoMajority
from tradewind.registers.register import Register, Registers
from tradewind.runtime.addresses import notifier_of
from tradewind.runtime.clients import cloud
from tradewind.runtime.shelves import LateShelf

if TYPE_CHECKING:
    from tradewind.clouds.aws.switch import SwitchZone
    from tradewind.runtime.clients import Runtime

THREADS = 48
"""Probes, and questions to stores that may hang, each keep one; where many groups ask at once, there are more."""
FOLDER = "groups/"
"""Registers of groups are named after it."""


def register_of(group: str) -> str:
    """Return the name of a group's register."""
    return FOLDER + group


@dataclass(slots=True)
class Failover:
    """Failover in one fleet; each part is opened when it is first used, and kept.

    Args:
        runtime: The fleet with its clients.
    """

    runtime: Runtime
    executor: ThreadPoolExecutor = field(init=False)
    refused: set[str] = field(default_factory=set)
    """Sites whose control store did not take the credentials: to everybody else that is no error, but its silence."""
    _registers: Registers | None = None
    _switches: dict[float, Asking] = field(default_factory=dict)
    _directors: dict[str, TrafficDirector] = field(default_factory=dict)
    _notifiers: dict[str, Mapping[str, Notifier]] = field(default_factory=dict)
    _observers: dict[str, Observer] = field(default_factory=dict)
    _routes: dict[str, Routes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Have a thread for each store that each group may ask at once."""
        fleet = self.runtime.fleet
        stores = len(fleet.control.stores) if fleet.control else 0
        self.executor = ThreadPoolExecutor(max(THREADS, 16 + stores * len(fleet.groups)), "failover")

    # --- what there is ------------------------------------------------------------------------------------------------

    @property
    def control(self) -> Control:
        """What the fleet file says of those who agree.

        Raises:
            ConfigurationError: It says nothing.
        """
        if self.runtime.fleet.control is None:
            raise ConfigurationError("The fleet has no `control`", hint="Say in the fleet file which sites agree")
        return self.runtime.fleet.control

    def group(self, name: str) -> Group:
        """Return a group by its name.

        Raises:
            ConfigurationError: The fleet has no such group.
        """
        groups = self.runtime.fleet.groups
        if name not in groups:
            known = ", ".join(groups) or "none"
            raise ConfigurationError(f"There is no group {name!r}", hint=f"The fleet file has: {known}")
        return groups[name]

    @property
    def registers(self) -> Registers:
        """The fleet's registers."""
        if self._registers is None:
            control = self.control
            self._registers = Registers(
                {site: self.shelf(site) for site in control.stores},
                self.executor,
                _now,
                SystemRandom(),
                answer_seconds=control.answer_seconds,
                history=control.history,
            )
        return self._registers

    def shelf(self, site: str) -> LateShelf:
        """Return the records of a control store, which are opened when one of them is asked for."""
        return LateShelf(partial(self.runtime.records, site), partial(self.refused.add, site))

    def register(self, group: str) -> Register:
        """Return the register of a group."""
        self.group(group)
        return self.registers.register(register_of(group))

    def director(self, group: str) -> TrafficDirector:
        """Return what directs a group's traffic."""
        if group not in self._directors:
            self._directors[group] = self._open_director(group)
        return self._directors[group]

    def switch_zone(self, group: str) -> SwitchZone:
        """Return what makes the health checks and the records of a group's quorum switch.

        Raises:
            ConfigurationError: Something else directs the group.
        """
        known = self.group(group)
        if not isinstance(known.director, Switch):
            raise ConfigurationError(
                f"The group {group!r} has no quorum switch", hint=f"Its director is {known.director.kind!r}"
            )
        order = sorted(known.endpoints, key=lambda name: name != known.primary)
        site = self.runtime.site(known.director.site)
        credentials = self.runtime.credentials(known.director.site)
        opened = cloud(site.cloud, "switch").open_switch(known.director, group, order, site, credentials)
        return cast("SwitchZone", opened)

    def notifiers(self, group: str) -> Mapping[str, Notifier]:
        """Return who is told of a group's moves, by what to call them."""
        if group not in self._notifiers:
            addresses = enumerate(self.group(group).notify, start=1)
            self._notifiers[group] = {
                f"{address.kind} ({number})": notifier_of(self.runtime, address) for number, address in addresses
            }
        return self._notifiers[group]

    # --- looking ------------------------------------------------------------------------------------------------------

    def observer(self, site: str) -> Observer:
        """Return the observer of a site, which remembers from one ring to the next what it does not find in its store.

        Raises:
            ConfigurationError: The site is none of `control.stores`.
        """
        if site not in self.control.stores:
            known = ", ".join(self.control.stores)
            raise ConfigurationError(f"The site {site!r} has no observer", hint=f"`control.stores` has: {known}")
        if site not in self._observers:
            self._observers[site] = self._open_observer(site)
        return self._observers[site]

    def _open_observer(self, site: str) -> Observer:
        records_of, seconds = partial(self.runtime.records, site), self.control.answer_seconds
        publisher = Publisher(self.runtime.fleet, records_of, _now, self.executor, seconds)
        prober = cloud("web", "probes").HttpProber(site)
        fleet, exchange = self.runtime.fleet, self.exchange(site)
        workers = ThreadPoolExecutor(max(1, len(fleet.groups)), "group")
        at = Instruments(
            exchange,
            prober,
            self.register,
            self.director,
            self.notifiers,
            publisher.publish,
            self.executor,
            workers,
            _now,
        )
        return Observer(site, fleet, at)

    def exchange(self, site: str) -> Exchange:
        """Return the exchange of views, as an observer takes part in it."""
        stores = self.control.stores
        shelves = {name: self.shelf(name) for name in stores}
        return Exchange(site, shelves, self.executor, self.control.answer_seconds)

    def silent(self) -> Mapping[str, str]:
        """Return which control stores do not answer, and why."""
        questions = {site: partial(self.shelf(site).read, f"views/{site}") for site in self.control.stores}
        return self.registers.asking.ask(questions, lambda _: False).silent

    def sights(self) -> Sights:
        """Return what the observers see, as somebody who comes from outside finds it.

        Who looks only once has not seen a view move, so this trusts the times in them, if only for a person to read.
        """
        control, now = self.control, _now()
        found = self.exchange("").collect()
        views = dict(found.views)
        missing = {name: found.unread.get(name, "no view") for name in control.stores if name not in views}
        for name, view in found.views.items():
            age = (now - view.at).total_seconds()
            if abs(age) > STALE * control.every_seconds:
                missing[name] = f"is {age:.0f} s old, by its own clock"
                del views[name]
        return Sights(control.stores, views, missing)

    def routing(self, group: str) -> Routing | NoMajority | None:
        """Return a group's routing; None if it has none yet."""
        reading = self.register(group).read()
        if isinstance(reading, NoMajority):
            return reading
        return None if reading.value is None else Routing.of(reading.value)

    def hand(self, group: str) -> Hand:
        """Return a person's hand on a group."""
        known = self.group(group)
        return Hand(known, self.register(group), _now, initial(known, self.runtime.fleet.endpoints))

    # --- callers ------------------------------------------------------------------------------------------------------

    def route(self, parameters: Mapping[str, str], site: str) -> Answer:
        """Answer a caller, from what the observers published, those of `site` first (see `failover.answering`)."""
        return answer(parameters, self.runtime.fleet, self.routes(site).read, SystemRandom())

    def routes(self, site: str) -> Routes:
        """Return what the observers published, those of `site` first."""
        if site not in self._routes:
            control = self.control
            stores = sorted(control.stores, key=lambda name: name != site)
            stale = STALE * control.every_seconds
            self._routes[site] = Routes(stores, self.shelf, self.executor, control.answer_seconds, stale_seconds=stale)
        return self._routes[site]

    # --- opening ------------------------------------------------------------------------------------------------------

    def _open_director(self, name: str) -> TrafficDirector:
        director = self.group(name).director
        if isinstance(director, Caddy):
            return cast("TrafficDirector", cloud("web", "traffic").open_director(director))
        if isinstance(director, Switch):
            return self._open_switch(name, director)
        site = self.runtime.site(director.site)
        credentials = self.runtime.credentials(director.site)
        return cast("TrafficDirector", cloud(site.cloud, "traffic").open_director(director, site, credentials))

    def _open_switch(self, name: str, switch: Switch) -> TrafficDirector:
        return SwitchDirector(
            name,
            self.group(name).endpoints,
            {site: each.key for site, each in switch.objects.items()},
            lambda site: self.runtime.bucket(site, switch.objects[site].bucket),
            self._asking_of_switches(),
        )

    def _asking_of_switches(self) -> Asking:
        """Return what asks the sites of all quorum switches: one that hangs for one group does for the others, too.

        It is not the registers' own: the public bucket of a switch may be away where the control bucket is not.
        """
        seconds = self.control.answer_seconds
        return self._switches.setdefault(seconds, Asking(self.executor, seconds))  # at once: groups come in threads


def _now() -> datetime:
    return datetime.now(UTC)
