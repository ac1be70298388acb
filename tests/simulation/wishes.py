"""What clients of a register wish for, and what is fixed in a world in which they do."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from simulation.control import Mishaps
from tradewind.records import Document
from tradewind.registers.register import Become


@dataclass(frozen=True, slots=True)
class Deed:
    """What a client does: looks, or changes the value, if its condition holds."""

    operation: str
    """"" to look."""
    even: bool = False
    """Whether the change is made only if an even number of others was."""


@dataclass(slots=True)
class Plan:
    """What is fixed in a world of registers."""

    sites: tuple[str, ...]
    spare: str
    """A store that is no member, and may become one."""
    deeds: tuple[tuple[Deed, ...], ...]
    """By client."""
    prompt: bool
    """Whether the register is made before anything goes wrong."""
    newcomers: int
    """So many clients begin when a store was replaced, and know it; or in the end."""
    keep: int
    """So many changes are remembered by the register."""
    mishaps: Mishaps
    crash: float
    dark: float
    lapse: float
    """How probable it is that somebody's patience ends."""
    harm: float
    """How probable it is that a store loses what it held, or that a person replaces one."""
    loss: float = 0.6
    """Of these cases, the share in which something is lost."""

    @property
    def trouble(self) -> float:
        """How probable it is that any of this happens in a step."""
        return self.crash + self.dark + self.lapse + self.harm

    def told(self) -> str:
        """Describe the world in a line."""
        deeds = "; ".join(" ".join(each.operation or "?" for each in deeds) for deeds in self.deeds)
        return f"{len(self.sites)} stores, {self.keep} changes remembered, clients: {deeds}"


def draw(rng: Random) -> Plan:
    """Draw a world: one in which a little of everything goes wrong, or one about the replacement of a store."""
    if rng.random() < 0.15:
        return _replacing(rng)
    bad = rng.choice((0.0, 0.02, 0.05, 0.1))
    return Plan(
        sites=("a", "b", "c") if rng.random() < 0.8 else ("a", "b", "c", "d", "e"),
        spare="s",
        deeds=tuple(_deeds(rng, f"{client}") for client in range(rng.choice((2, 2, 2, 3, 4)))),
        prompt=rng.random() < 0.7,
        newcomers=rng.choice((0, 0, 1)),
        keep=rng.choice((2, 4, 64)),
        mishaps=Mishaps(*(bad * rng.choice((0, 0.3, 1)) for _ in range(5))),
        crash=rng.choice((0, 0, 0.005, 0.02)),
        dark=rng.choice((0, 0, 0.01, 0.03)),
        lapse=rng.choice((0, 0.01, 0.05)),
        harm=rng.choice((0, 0.02, 0.05)),
    )


def _replacing(rng: Random) -> Plan:
    """Draw a world in which members go away and return, and one of them is replaced, with or without need."""
    return Plan(
        sites=("a", "b", "c"),
        spare="s",
        deeds=tuple((*_deeds(rng, f"{client}"), Deed(f"{client}.last")) for client in range(3)),
        prompt=True,
        newcomers=1,
        keep=64,
        mishaps=Mishaps(late=0.02),
        crash=rng.choice((0, 0.01)),
        dark=0.1,
        lapse=0,
        harm=0.05,
        loss=rng.choice((0, 0, 1)),
    )


def _deeds(rng: Random, client: str) -> tuple[Deed, ...]:
    return tuple(
        Deed(f"{client}.{number}" if rng.random() < 0.6 else "", even=rng.random() < 0.2)
        for number in range(rng.choice((1, 1, 2, 2, 3)))
    )


def operations(value: Document | None) -> tuple[str, ...]:
    """Return which operations made a value, in order."""
    return () if value is None else tuple(value["made"])


def become(deed: Deed) -> Become:
    """Return the change that appends the operation to the value."""

    def changed(document: Document | None) -> Document | None:
        made = operations(document)
        if deed.even and len(made) % 2:
            return None
        return {"made": [*made, deed.operation]}

    return changed
