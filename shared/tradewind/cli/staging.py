"""What a drill works with: the fleet, the front, what is broken, and what is uploaded before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING
from uuid import uuid4

from tradewind.cli.breaking import NONE, ByHand, Injected, Several, parse_fault
from tradewind.cli.status import reader_of
from tradewind.errors import ConfigurationError, StoreUnavailableError
from tradewind.failover.deciding.decide import initial
from tradewind.failover.deciding.health import judge
from tradewind.failover.drills.artifacts import Artifacts
from tradewind.failover.drills.conduct import Fault, Scene, Sender
from tradewind.failover.drills.load import Load, Question, question
from tradewind.failover.drills.measure import Waiting
from tradewind.failover.drills.report import Expected
from tradewind.failover.drills.timeline import Request
from tradewind.failover.routing import Kind, Routing, State
from tradewind.fleet import CloudDns, Group, Route53, Rule, Switch
from tradewind.registers.outcomes import Done, NoMajority, Unchanged
from tradewind.replication.routes import routes_for
from tradewind.runtime import Runtime

if TYPE_CHECKING:
    from tradewind_sandbox.fault import Fault as SandboxFault
    from tradewind_sandbox.supervisor import Sandbox

FOLDER = "tradewind-drill/"
"""Under a rule's prefix: what drills upload."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A group that is to be drilled.

    Args:
        faults: As they were written; `none` for one that a person makes.
        sandbox: The one that runs, if any does.
        front: Where users ask; "" to find out.
        predict: Whether they ask for predictions, or for what the probe does.
        say: Told in sentences what happens.
    """

    runtime: Runtime
    name: str
    faults: Sequence[str]
    sandbox: Sandbox | None
    front: str
    predict: bool
    say: Callable[[str], None]
    _begun: float = field(default_factory=monotonic)

    @property
    def fault(self) -> str:
        """What is broken, in one line."""
        return " and ".join(self.faults)

    @property
    def group(self) -> Group:
        """What the fleet file says of it."""
        return self.runtime.failover.group(self.name)

    def address(self) -> str:
        """Return where users ask.

        Raises:
            ConfigurationError: It was not said, and nothing tells.
        """
        director = self.group.director
        if self.front:
            return self.front
        if self.sandbox is not None and (front := self.sandbox.endpoints.serving.get("front")):
            return front
        if isinstance(director, Route53 | CloudDns | Switch):
            return f"https://{director.name.rstrip('.')}"
        raise ConfigurationError(
            f"Where users ask the group {self.name!r} is not known",
            hint="Say it: --front https://models.example.com; or where the sandbox is: --state FOLDER",
        )

    def asked(self, before: Routing) -> Question:
        """Return what users ask, over and over."""
        endpoint = self.runtime.fleet.endpoints[before.serving[0]]
        return question(self.address(), endpoint, predict=self.predict)

    def breaking(self) -> Fault:
        """Return what is broken.

        Raises:
            ConfigurationError: Only a sandbox can be broken, and none runs.
        """
        return Several([self._fault(name) for name in self.faults])

    def _fault(self, name: str) -> Fault:
        if name == NONE:
            return ByHand(self.say)
        if self.sandbox is None:
            raise ConfigurationError(f"There is no sandbox in which {name!r} could be made")
        parse_fault(name)
        return Injected(self.sandbox, name)

    def lost_site(self) -> str | None:
        """Return the site that is lost; None if none is. Of several, one that is lost with all that it has."""
        if self.sandbox is None or NONE in self.faults:
            return self.runtime.fleet.endpoints[self.group.primary].site if self.group.primary else None
        faults = sorted(map(parse_fault, self.faults), key=lambda fault: (fault.kind, fault.detail) != ("kill", ""))
        lost = {("store", ""), ("kill", ""), ("kill", "store")}
        return next((each.subject for each in faults if (each.kind, each.detail) in lost), None)

    def expected(self, before: Routing) -> Expected:
        """Return what should come of it: traffic leaves what is broken only if that serves."""
        broken = any(name == NONE or self._serving(parse_fault(name), before) for name in self.faults)
        return Expected.MOVE if broken else Expected.STAY

    def _serving(self, fault: SandboxFault, before: Routing) -> bool:
        """Say whether a fault is one of what serves."""
        match fault.kind:
            case "kill" if fault.detail in ("", "endpoint"):
                return fault.subject in {self.runtime.fleet.endpoints[name].site for name in before.serving}
            case "kill":
                return fault.detail in before.serving
            case "hang" | "slow" | "errors":
                return fault.subject in before.serving
        return False

    def artifacts(self) -> Artifacts | None:
        """Return what is uploaded at the lost site; None where no rule of the group brings anything from there."""
        site = self.lost_site()
        rule = self._rule(site) if site else None
        if site is None or rule is None:
            return None
        prefix = f"{rule.prefix}{FOLDER}"
        targets = [route.target for route in routes_for(self.runtime.fleet, site, f"{prefix}00000")]
        return Artifacts(self.runtime.store(site), {name: self.runtime.store(name) for name in targets}, prefix)

    def waiting(self) -> Waiting | None:
        """Return what the group's rules had not brought away from the lost site yet: what each target lacks, at least.

        None if no site is lost.

        Raises:
            TradewindError: It cannot be told.
        """
        if (site := self.lost_site()) is None:
            return None
        rules = [rule for rule in map(self.runtime.rule, self.group.rules) if rule.targets_of(site)]
        found = []
        for status in reader_of(self.runtime).read(rules).rules:
            if status.error:
                raise StoreUnavailableError(f"Rule {status.rule.name} could not be compared: {status.error}")
            tallies = [tally for name, tally in status.targets.items() if name != site]
            found.append(min(tallies, key=lambda tally: tally.backlog))
        return Waiting(
            sum(tally.backlog for tally in found),
            sum(tally.backlog_size for tally in found),
            max((tally.oldest or 0.0 for tally in found), default=0.0),
        )

    def _rule(self, site: str) -> Rule | None:
        for name in self.group.rules:
            rule = self.runtime.rule(name)
            routes = routes_for(self.runtime.fleet, site, f"{rule.prefix}{FOLDER}00000")
            if any(route.rule.name == name for route in routes):
                return rule
        return None

    def settled(self) -> Routing:
        """Return the group's routing, if a drill can begin.

        Raises:
            ConfigurationError: It is not settled, or frozen, or the way back would take it from the observers.
        """
        routing = self._routing()
        if routing.state is not State.SETTLED or routing.frozen:
            why = f"frozen ({routing.frozen})" if routing.frozen else routing.state
            raise ConfigurationError(
                f"The group {self.name!r} is {why}, so a drill would show nothing",
                hint=f"See `tradewind group status {self.name}`",
            )
        if not self._stays_as_brought_back(routing):
            there = ", ".join(f"{name} {routing.weights[name]} %" for name in routing.serving)
            raise ConfigurationError(
                f"The traffic of the group {self.name!r} is not where it begins ({there}, by {routing.kind}), so a "
                "drill, which brings it back by hand, would keep the observers from ever moving it on from there",
                hint=f"First: tradewind group restore {self.name}. What the load moved moves again while it lasts: "
                "drill when it is less",
            )
        return routing

    def _stays_as_brought_back(self, routing: Routing) -> bool:
        """Say whether a move by hand to its weights leaves the group as it is.

        Observers take those with which the group begins for their own policy, and others for what a person arranged,
        which they do not touch. So what a person did arrange may be arranged again, and what they chose may not.
        """
        start = initial(self.group, self.runtime.fleet.endpoints)
        begins = {name: weight for name, weight in start.items() if weight}
        return routing.kind is Kind.MANUAL or {name: routing.weights[name] for name in routing.serving} == begins

    def scene(self, before: Routing, *, load: float, timeout: float) -> Scene:
        """Return what the drill works with.

        Args:
            before: Where the traffic is to go back to.
            load: Requests a second.
            timeout: Seconds after which a request is given up.
        """
        failover = self.runtime.failover
        asked = self.asked(before)

        def sender(tell: Callable[[Request], None]) -> Sender:
            return Load(asked, load, timeout, tell, self._begun)

        return Scene(
            routing=self._routing,
            traffic=failover.director(self.name).read,
            rounds=self._rounds,
            well=lambda: self._well(before.serving),
            restore=lambda: self._restore(before),
            fault=self.breaking(),
            sender=sender,
            artifacts=self.artifacts(),
            clock=self.now,
            say=self.say,
        )

    def now(self) -> float:
        """Return the seconds since the drill's beginning."""
        return monotonic() - self._begun

    def _routing(self) -> Routing:
        routing = self.runtime.failover.routing(self.name)
        if isinstance(routing, NoMajority):
            silent = "; ".join(f"{site}: {why}" for site, why in routing.silent.items())
            raise StoreUnavailableError(f"No majority of the control stores answers ({silent})", hint=self._ended())
        if routing is None:
            raise ConfigurationError(
                f"The group {self.name!r} has no routing yet", hint="An observer makes the first when it looks"
            )
        return routing

    def _ended(self) -> str:
        """Return what to do about parts of the sandbox that do not run; "" if there are none."""
        if self.sandbox is None:
            return ""
        ended = ", ".join(part.name for part in self.sandbox.status() if not part.running)
        start = f"start them: {self.sandbox.start_command}, or tradewind sandbox lift if they are a fault of it"
        return f"Parts of the sandbox do not run ({ended}): {start}" if ended else ""

    def _rounds(self) -> dict[str, int]:
        views = self.runtime.failover.exchange("").collect().views
        return {name: view.round for name, view in views.items()}

    def _well(self, names: Sequence[str]) -> bool:
        judged = judge(self.group, self.runtime.fleet.endpoints, self.runtime.failover.sights())
        return all(judged.is_well(name) for name in names)

    def _restore(self, before: Routing) -> None:
        hand = self.runtime.failover.hand(self.name)
        outcome = hand.move(before.weights, who="drill", why="the drill is over", id=f"drill-{uuid4().hex[:12]}")
        if not isinstance(outcome, Done | Unchanged):
            raise StoreUnavailableError(f"The traffic could not be moved back: {outcome}")
