"""What kind of world a seed makes: its sites, its rule, and how unkind it is."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from random import Random

from simulation.turns import SECOND
from tradewind.fleet import DeleteGuard, Fleet, Rule
from tradewind.replication.parts.plan import PartSizes

NAMES = "abcd"
CLOUDS = ("aws", "gcp", "azure")
PRINCIPAL = "AROATRADEWIND"
"""Who tradewind is at the sites on AWS."""
TIME_LIMIT = 60
"""Seconds that a worker lives."""
UNGUARDED = DeleteGuard(share=1)
SMALL = 10
"""Bytes of an object that goes in one piece."""
MOST_PARTS = 6
CROWDED = 0.2
GENTLE = SECOND // 20
"""Microseconds between two turns, at most, where nothing is slow."""


@dataclass(frozen=True, slots=True)
class SitePlan:
    """One site."""

    name: str
    cloud: str
    skew: int
    """Microseconds by which its clock is wrong."""
    etags: bool
    """Tokens are made of the bytes, as S3's are: the same bytes have the same token again."""

    @property
    def coarse(self) -> bool:
        """Its times are whole seconds."""
        return self.cloud != "gcp"


@dataclass(frozen=True, slots=True)
class Rates:
    """How likely each mishap is, at each occasion."""

    duplicate: float = 0
    drop: float = 0
    delay: float = 0
    crash: float = 0
    lost: float = 0
    """The answer to a call is lost after it took effect."""
    throttle: float = 0
    corrupt: float = 0
    """Bytes change on the way from a store."""
    stall: float = 0
    """A worker hangs between two calls while others go on."""
    dark: float = 0
    """A site stops answering for some time."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that is fixed before the first thing happens."""

    sites: tuple[SitePlan, ...]
    fleet: Fleet
    keys: tuple[str, ...]
    acts: int
    """How often users act."""
    rates: Rates
    pace: int
    """Microseconds that pass between two turns, at most."""
    hands: int
    """Workers at one time, at most."""
    nap: int = 12
    """Turns of others for which a worker hangs, at most."""
    malice: bool = False
    """Users act when it is least convenient."""
    haste: float = 0.08
    """How likely a user acts at a turn."""
    sweeps: float = 0
    """How likely a sweep goes on at a turn, while users act."""
    parts: PartSizes = field(default_factory=PartSizes)
    large: float = 0
    """How likely what a user writes is so large that it goes in parts."""
    tasks: int = 1000
    """Part tasks of one object, at most."""

    @property
    def rule(self) -> Rule:
        """The one rule."""
        return self.fleet.rules[0]

    def told(self) -> str:
        """Return all of this in a line."""
        sites = ", ".join(
            f"{s.name} {s.cloud}{' etags' if s.etags else ''} {s.skew / SECOND:+.3f} s" for s in self.sites
        )
        rule = self.rule
        large = f"; {self.large:.0%} large" if self.large else ""
        return f"{rule.mode}, deletes {rule.deletes}, conflict {rule.conflict}; sites {sites}; {self.rates}{large}"


def draw(rng: Random) -> Plan:
    """Draw a world for the replication of single objects."""
    names = NAMES[: rng.choice((2, 2, 3, 3, 4))]
    sites = tuple(site_of(rng, name) for name in names)
    clouds = tuple(site.cloud for site in sites)
    keys = ("k", "k/l", "m")[: rng.choice((1, 1, 2, 3))]
    plan = Plan(
        sites,
        fleet_of(clouds, *_policy(rng), guard=rng.choice((UNGUARDED, DeleteGuard()))),
        keys,
        acts=rng.randrange(1, 9),
        rates=rates_of(rng),
        pace=rng.choice((GENTLE, GENTLE, SECOND // 2, 4 * SECOND)),
        hands=rng.choice((1, 3, 6)),
        nap=rng.choice((12, 60)),
        haste=rng.choice((0.08, 0.08, 0.02)),
        sweeps=rng.choice((0, 0, 0.02)),
        parts=PartSizes(above=SMALL, part=SMALL),
        large=rng.choice((0, 0.4, 0.9)),
        tasks=rng.choice((1000, 1000, 2, 1)),
    )
    return _crowded(rng, plan) if plan.large and rng.random() < CROWDED else plan


def _crowded(rng: Random, plan: Plan) -> Plan:
    """Let many workers be at one large object at once, and hang for long, while its users act now and then."""
    return replace(
        plan,
        keys=("k",),
        acts=rng.randrange(2, 5),
        rates=replace(plan.rates, drop=0, stall=0.05),
        pace=GENTLE,
        hands=8,
        nap=80,
        haste=0.003,
        malice=True,
        large=1,
    )


def site_of(rng: Random, name: str) -> SitePlan:
    """Draw a site."""
    cloud = rng.choice(CLOUDS)
    skew = rng.choice((0, rng.randrange(-3 * SECOND, 3 * SECOND)))
    return SitePlan(name, cloud, skew, etags=cloud == "aws" and rng.random() < 0.5)


def _policy(rng: Random) -> tuple[str, str, str]:
    deletes = rng.choice(("propagate", "propagate", "keep"))
    if rng.random() < 0.35:
        return "one_way", deletes, rng.choice(("keep", "overwrite", "fail"))
    return "active_active", deletes, rng.choice(("newest_wins", "newest_wins", "source_wins", "keep_both"))


def rates_of(rng: Random) -> Rates:
    """Draw how often things go wrong."""
    return Rates(
        duplicate=rng.choice((0, 0.3)),
        drop=rng.choice((0, 0, 0.1, 0.5)),
        delay=rng.choice((0, 0.3)),
        crash=rng.choice((0, 0, 0.03)),
        lost=rng.choice((0, 0, 0.03)),
        throttle=rng.choice((0, 0, 0.03)),
        corrupt=rng.choice((0, 0, 0.05)),
        stall=rng.choice((0, 0.05, 0.2)),
        dark=rng.choice((0, 0, 0.01)),
    )


@cache
def fleet_of(
    clouds: tuple[str, ...],
    mode: str,
    deletes: str,
    conflict: str,
    *,
    settle: int = 0,
    guard: DeleteGuard = UNGUARDED,
) -> Fleet:
    """Return a fleet of one rule, whose sites are on these clouds."""
    names = list(NAMES[: len(clouds)])
    between = {"from": names[0], "to": names[1:]} if mode == "one_way" else {"sites": names}
    rule = {
        "name": "rule",
        "mode": mode,
        "deletes": deletes,
        "conflict": conflict,
        "classification": "public",
        "delete_guard": guard.model_dump(),
        "sets": {"settle_seconds": settle},
    }
    return Fleet.model_validate(
        {
            "version": 1,
            "sites": {name: _described(name, cloud) for name, cloud in zip(names, clouds, strict=True)},
            "classifications": {"public": {"jurisdictions": "any"}},
            "rules": [rule | between],
            "time_limit_seconds": TIME_LIMIT,
        }
    )


def _described(name: str, cloud: str) -> dict[str, object]:
    kinds: dict[str, dict[str, object]] = {
        "aws": {"bucket": f"bucket-{name}", "principals": [PRINCIPAL]},
        "gcp": {"bucket": f"bucket-{name}", "project": "p"},
        "azure": {"account": f"account{name}", "container": "data"},
    }
    queues = {"notifications": "n", "dead_letters": "d"}
    return {"cloud": cloud, "region": "r", "jurisdiction": "US", "control_bucket": "control", "queues": queues} | kinds[
        cloud
    ]
