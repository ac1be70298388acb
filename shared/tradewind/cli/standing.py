"""How it stands with a group: what its register wants, what its director shows, and what the observers see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group as Rows
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tradewind.cli.text import duration, one_line
from tradewind.failover.deciding.health import Judgement, judge
from tradewind.failover.routing import Kind, Routing, State
from tradewind.failover.views import Sights
from tradewind.fleet import Fleet, Group
from tradewind.ports import Traffic
from tradewind.registers.outcomes import NoMajority, Reading


@dataclass(frozen=True, slots=True)
class Standing:
    """One group."""

    name: str
    fleet: Fleet
    reading: Reading | NoMajority
    traffic: Traffic | None
    """None if the director could not be asked."""
    trouble: str
    """Why it could not."""
    sights: Sights
    stop_ahead: str = ""
    """Why the director would refuse a move of everything; "" if it would not, or cannot tell."""
    lacking: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with objects of a quorum switch, by site."""

    @property
    def group(self) -> Group:
        """What the fleet file says of it."""
        return self.fleet.groups[self.name]

    @property
    def routing(self) -> Routing | None:
        """What its register holds; None if that is not known, or nothing yet."""
        if isinstance(self.reading, NoMajority) or self.reading.value is None:
            return None
        return Routing.of(self.reading.value)

    @property
    def judgement(self) -> Judgement:
        """How its endpoints are."""
        return judge(self.group, self.fleet.endpoints, self.sights)

    @property
    def in_step(self) -> bool:
        """Say whether the director shows what the register wants, of the same epoch."""
        routing, traffic = self.routing, self.traffic
        if routing is None or traffic is None:
            return False
        return traffic.epoch == routing.epoch and _some(traffic.weights) == _some(routing.weights)

    @property
    def cooldown(self) -> float:
        """Seconds until the observers may move traffic again; as long as the last of them waits, by its own clock."""
        routing = self.routing
        if routing is None or routing.kind is Kind.INITIAL:
            return 0.0
        known = [(view.at, view.known[self.name]) for view in self.sights.views.values() if self.name in view.known]
        stood = [(at - each.epoch_since).total_seconds() for at, each in known if each.epoch == routing.epoch]
        return max((self.group.cooldown_seconds - seconds for seconds in stood), default=0.0)

    @property
    def attention(self) -> tuple[str, ...]:
        """Return what needs a person, or will be done in a moment, in sentences."""
        said = []
        if isinstance(self.reading, NoMajority):
            away = "; ".join(f"{site}: {why}" for site, why in self.reading.silent.items())
            said.append(f"group {self.name}: no majority of the control stores answers, so nothing moves ({away})")
        elif self.routing is None:
            said.append(f"group {self.name}: it has no routing yet; an observer makes the first")
        if self.trouble:
            said.append(f"group {self.name}: its director could not be asked: {self.trouble}")
        if self.stop_ahead:
            now = self.routing
            held = now is not None and now.state is State.DRAINING and not now.forced
            way = f"; what it holds back now: `tradewind group force-zone {self.name}`" if held else ""
            said.append(f"group {self.name}: {self.stop_ahead}{way}")
        said += [f"group {self.name}: the switch's object at {site}: {wrong}" for site, wrong in self.lacking.items()]
        if self.routing is not None:
            said += self._of(self.routing)
        return tuple(said)

    def _of(self, routing: Routing) -> list[str]:
        said, judged = [], self.judgement
        shown = self.traffic.epoch if self.traffic is not None else routing.epoch
        if routing.state is not State.SETTLED:
            said.append(f"group {self.name}: epoch {routing.epoch} is {routing.state}")
        elif self.traffic is not None and shown <= routing.epoch and not self.in_step:
            here = f" (it shows epoch {shown})" if shown != routing.epoch else ""
            said.append(f"group {self.name}: the director does not show what epoch {routing.epoch} wants{here}")
        if shown > routing.epoch:
            said.append(
                f"group {self.name}: the director shows epoch {shown}, and the register has {routing.epoch}, so no "
                "move can be carried out: another fleet may direct the same traffic; if none does, remove the epoch "
                "from the director"
            )
        if routing.frozen:
            said.append(f"group {self.name}: it is frozen: {routing.frozen}")
        down = [name for name in routing.serving if name in judged.of and judged.is_down(name)]
        return said + [f"group {self.name}: {name} serves, and a majority sees it down" for name in down]


def _some(weights: Mapping[str, int]) -> dict[str, int]:
    return {name: weight for name, weight in weights.items() if weight}


def document(found: Standing) -> dict[str, Any]:
    """Return how a group stands as JSON values. Its names are documented, and stay."""
    routing, traffic, judged = found.routing, found.traffic, found.judgement
    silent = found.reading.silent if isinstance(found.reading, NoMajority) else {}
    return {
        "group": found.name,
        "strategy": found.group.strategy,
        "primary": found.group.primary,
        "attention": list(found.attention),
        "silent": dict(silent),
        "revision": found.reading.revision if isinstance(found.reading, Reading) else None,
        "routing": routing.as_document() if routing else None,
        "director": {
            "kind": found.group.director.kind,
            "epoch": traffic.epoch if traffic else None,
            "weights": dict(traffic.weights) if traffic else None,
            "error": found.trouble or None,
        },
        "in_step": found.in_step,
        "cooldown_seconds": round(found.cooldown, 1),
        "endpoints": {
            name: {"down": judged.is_down(name), "degraded": judged.is_degraded(name), "well": judged.is_well(name)}
            for name in judged.of
        },
    }


def shown(found: Standing) -> RenderableType:
    """Return what a person sees of a group."""
    routing, traffic, judged = found.routing, found.traffic, found.judgement
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in ("endpoint", "site", "wanted", "shown", "a majority sees it"):
        table.add_column(column, overflow="fold")
    for name in found.group.endpoints:
        wanted = f"{routing.weights.get(name, 0)} %" if routing else "unknown"
        shows = f"{traffic.weights.get(name, 0)} %" if traffic else "unknown"
        role = f"{name} (primary)" if name == found.group.primary else name
        table.add_row(role, found.fleet.endpoints[name].site, wanted, shows, _seen(judged, name))
    by = f"{found.group.director.kind}, which shows epoch {traffic.epoch}" if traffic else found.group.director.kind
    lines = [Text(f"{found.name}: {found.group.strategy}, by {by}", style="bold")]
    if routing:
        lines.append(Text(f"epoch {routing.epoch} ({routing.kind}) is {routing.state}: {one_line(routing.reason)}"))
        lines += [Text(_step(each.state, each.at, each.by, each.note), style="dim") for each in routing.steps]
    if routing and routing.forced:
        lines.append(Text(f"may change more of its zone than others: {one_line(routing.forced)}"))
    if routing and routing.tried:
        lines.append(Text(f"did not pass verification: {', '.join(routing.tried)}"))
    if found.cooldown > 0:
        lines.append(Text(f"cooldown: the observers move nothing for another {duration(found.cooldown)}"))
    said = [Text(f"  {one_line(sentence)}", style="bold red") for sentence in found.attention]
    return Rows(*lines, table, *said)


def _seen(judged: Judgement, name: str) -> str:
    health = judged.of[name]
    if judged.is_down(name):
        return f"down: {one_line(health.why)}"
    if judged.is_degraded(name):
        return f"degraded: {one_line(health.why)}" if health.why else "degraded"
    if judged.is_well(name):
        return "well"
    return "standing" if judged.stands(name) else "not at all"


def _step(state: State, at: str, by: str, note: str) -> str:
    return f"  {at}  {state} by {one_line(by)}" + (f": {one_line(note)}" if note else "")
