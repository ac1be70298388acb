"""What is fixed in a world of observers: who watches what, by which policy, and how much goes wrong."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from random import Random
from typing import Any

from simulation.control import Mishaps
from tradewind.fleet import Fleet

EVERY = 20
"""Seconds between two looks of an observer."""
LIMIT = 60
"""Seconds that a function may run."""
GROUP = "g"
SITES = {"a": "aws", "b": "gcp", "c": "azure", "d": "aws", "e": "gcp"}
"""Each has a control store and an observer; in most worlds only the first three do."""
ENDPOINTS = {"ea": "a", "eb": "b", "ec": "c"}
PRIMARY = "ea"
_PLACES = {
    "aws": {"region": "us-east-1", "jurisdiction": "US"},
    "gcp": {"region": "europe-west4", "jurisdiction": "EU", "project": "p"},
    "azure": {"region": "westeurope", "jurisdiction": "EU", "account": "acc"},
}


@dataclass(frozen=True, slots=True)
class Policy:
    """What differs between the groups of worlds."""

    observers: int
    strategy: str
    rounds: int
    cooldown: int
    """Seconds."""
    failback: int | None
    """Seconds; None: only by hand."""
    minimum: int

    def told(self) -> str:
        """Describe it in a line."""
        back = "back by hand" if self.failback is None else f"back after {self.failback} s"
        return (
            f"{self.observers} observers, {self.strategy}, {self.rounds} looks, cooldown {self.cooldown} s, {back}, "
            f"at least {self.minimum} serve"
        )


@dataclass(slots=True)
class Scene:
    """What is fixed in a world."""

    policy: Policy
    rings: int
    """So often the timers ring while things go wrong."""
    together: bool
    """Whether all timers ring at once."""
    mishaps: Mishaps
    """Of requests to control stores."""
    director: Mishaps
    crash: float
    """How probable it is, at each step of a process, that it dies."""
    twice: float
    """How probable it is that a timer rings twice."""
    fall: float
    """How probable it is, at each ring, that an endpoint falls, slows down or returns."""
    cut: float
    """The same, that an observer and an endpoint do not reach each other, or do again."""
    dark: float
    """The same, that a control store goes away, or returns; that one, or the director, can be read only; that the pager
    goes away. Half of it: that the director does."""
    absent: float
    """The same, that an observer is not run for a while, or is again."""
    shift: float
    """The same, that a clock jumps."""
    hand: float
    """The same, that a person moves traffic, freezes it, lets it go, or forces the zone."""
    careful: bool = False
    """Whether the director changes its zone only when a person forces it."""
    calm: int = 0
    """So often the timers ring, when nothing goes wrong any more, before all must be as it should be."""
    loses: str = ""
    """A cloud that is lost when all else is well again: its endpoint, observers and control stores do not return."""
    quiet: int = 0
    """So often the timers ring, when nothing goes wrong any more, before it is lost."""


def draw(rng: Random) -> Scene:
    """Draw a world: one in which a little of everything goes wrong, or much of a few things that matter together."""
    bad, rate = rng.choice((0.0, 0.0, 0.02, 0.05)), rng.choice((0.0, 0.1, 0.3))
    scene = Scene(
        policy=Policy(
            observers=3 if rng.random() < 0.9 else 5,
            strategy=rng.choice(("active_passive", "active_passive", "active_active", "bursting")),
            rounds=rng.choice((1, 2, 2, 3)),
            cooldown=rng.choice((0, 40, 100)),
            failback=rng.choice((None, None, 0, 60)),
            minimum=rng.choice((1, 1, 2)),
        ),
        rings=rng.choice((2, 3, 4, 5, 7)),
        together=rng.random() < 0.5,
        mishaps=Mishaps(*(bad * rng.choice((0, 0.3, 1)) for _ in range(6))),
        director=Mishaps(*(bad * rng.choice((0, 1, 3)) for _ in range(6))),
        crash=rng.choice((0, 0, 0.002, 0.01)),
        twice=rng.choice((0, 0, 0.1)),
        fall=rng.choice((0, 0.1, 0.3)),
        cut=rate * rng.choice((0, 1)),
        dark=rate * rng.choice((0, 0.5)),
        absent=rate * rng.choice((0, 0.5)),
        shift=rate * rng.choice((0, 1)),
        hand=rng.choice((0, 0, 0.1)),
        calm=8 if rng.random() < 0.1 else 0,
    )
    if rng.random() < 1 / 3:
        scene.calm, scene.loses, scene.quiet = 0, rng.choice(("aws", "gcp", "azure")), rng.choice((0, 0, 2, 11))
    if rng.random() < 0.1:
        scene.careful, scene.hand = True, rng.choice((0.1, 0.3, 1))
    fate = rng.random()
    if fate < 0.15:
        return _apart(scene)
    if fate < 0.4:
        return _contended(scene)
    return _jumping(scene) if fate < 0.44 else scene


def _contended(scene: Scene) -> Scene:
    """Let persons and observers move traffic at once, and whoever does hang at any moment."""
    calm, slow = Mishaps(late=0.01), Mishaps(late=0.4)
    return replace(scene, mishaps=calm, director=slow, rings=5, fall=0.5, cut=0, dark=0, absent=0, shift=0, hand=1)


def _jumping(scene: Scene) -> Scene:
    """Let clocks jump while endpoints come and go, so that a cooldown is told by no clock alone."""
    policy = replace(scene.policy, rounds=1, cooldown=100, failback=0, minimum=1)
    calm = Mishaps(), Mishaps()
    return replace(
        scene, policy=policy, rings=8, mishaps=calm[0], director=calm[1], twice=0, fall=0.6, absent=0, shift=0.8, hand=0
    )


def _apart(scene: Scene) -> Scene:
    """Let observers come and go, each with a view of its own."""
    policy = replace(scene.policy, rounds=min(scene.policy.rounds, 2), observers=3)
    calm = Mishaps(), Mishaps()
    return replace(
        scene, policy=policy, rings=9, mishaps=calm[0], director=calm[1], crash=0, fall=0, cut=0.6, absent=0.6, shift=0
    )


@lru_cache(maxsize=1024)
def fleet_of(policy: Policy) -> Fleet:
    """Return the fleet of a policy; made once for all worlds that have it."""
    sites = list(SITES)[: policy.observers]
    primary = {} if policy.strategy == "active_active" else {"primary": PRIMARY}
    probe: dict[str, Any] = {"load": "/load"} if policy.strategy == "bursting" else {}
    return Fleet.model_validate(
        {
            "version": 1,
            "sites": {name: _site(name) for name in sites},
            "classifications": {"public": {"jurisdictions": "any"}},
            "control": {"stores": sites, "every_seconds": EVERY, "history": 64},
            "endpoints": {
                name: {"site": site, "url": f"https://{name}.example", "probe": probe}
                for name, site in ENDPOINTS.items()
            },
            "groups": {
                GROUP: {
                    "endpoints": list(ENDPOINTS),
                    "classification": "public",
                    "strategy": policy.strategy,
                    "rounds": policy.rounds,
                    "cooldown_seconds": policy.cooldown,
                    "minimum_serving": policy.minimum,
                    "failback": {"after_seconds": policy.failback, "canary": [50, 100]},
                    "director": {
                        "kind": "caddy",
                        "admin": "http://127.0.0.1:9",
                        "id": "front",
                        "targets": {name: f"{name}:1" for name in ENDPOINTS},
                    },
                    **primary,
                }
            },
        }
    )


def _site(name: str) -> dict[str, str]:
    cloud = SITES[name]
    bucket = "container" if cloud == "azure" else "bucket"
    return {"cloud": cloud, bucket: f"data-{name}", "control_bucket": f"control-{name}", **_PLACES[cloud]}
