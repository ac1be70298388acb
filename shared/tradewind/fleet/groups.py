"""The groups of a fleet: endpoints that stand for each other, and the policy by which traffic moves between them."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from tradewind.fleet.directors import Director, Switch
from tradewind.fleet.notices import Address
from tradewind.fleet.part import Name, Part

MINUTE = 60
"""Seconds between two rings of a cloud's timer. Each begins with a look, so that no look can be later than the next."""


class Control(Part):
    """Which sites agree: their control buckets hold the registers, and their functions are the observers."""

    stores: tuple[Name, ...] = Field(min_length=1)
    """An odd number of sites, of as many clouds as there are; a majority of them decides."""
    every_seconds: float = Field(default=20.0, ge=0.1, json_schema_extra={"maximum": MINUTE})
    """Observers look at the endpoints so often: at most a minute, and best what divides one."""
    answer_seconds: float = Field(default=3.0, ge=0.1, le=30)
    """A control store that has not answered by then is gone on without."""
    history: int = Field(default=64, ge=8, le=512)
    """So many changes are remembered by each register."""

    @field_validator("every_seconds")
    @classmethod
    def _within_a_ring(cls, seconds: float) -> float:
        if seconds > MINUTE:
            message = (
                f"at most {MINUTE}, and best what divides it: observers are called every minute (it is {seconds:g})"
            )
            raise ValueError(message)
        return seconds


class Failback(Part):
    """How traffic goes back to the primary once it is well again."""

    after_seconds: float | None = Field(default=None, ge=0)
    """It goes back by itself when the primary was well for so long; left out: only by hand."""
    canary: tuple[int, ...] = (10, 50, 100)
    """Percent of the traffic, step by step; each stands until the next cooldown is over."""

    @model_validator(mode="after")
    def _rises(self) -> Self:
        if list(self.canary) != sorted(set(self.canary)) or self.canary[-1:] != (100,) or self.canary[0] < 1:
            message = "`canary` rises from 1 or more to 100"
            raise ValueError(message)
        return self


class Group(Part):
    """Endpoints that stand for each other."""

    endpoints: tuple[Name, ...] = Field(min_length=1)
    """In order of preference."""
    classification: Name
    """Of the data that they are sent; every endpoint must be where such data may be."""
    strategy: Literal["active_active", "active_passive", "bursting"] = "active_passive"
    """All by weight; one, and another when it is down; one, and others for what is too much for it."""
    primary: Name | None = None
    """Needed but for `active_active`."""
    rules: tuple[Name, ...] = ()
    """The replication rules that bring what the endpoints serve; a drill measures the recovery point by them."""
    rto_seconds: float = Field(default=300, gt=0)
    """Recovery time objective: from the first request lost to the first of those that all succeed."""
    rpo_seconds: float = Field(default=60, ge=0)
    """Recovery point objective: what was acknowledged this long before a loss is elsewhere."""
    rounds: int = Field(default=3, ge=1, le=100)
    """An observer calls an endpoint down, or well again, when so many of its looks in a row say so."""
    cooldown_seconds: float = Field(default=300, ge=0)
    """After traffic was moved it stays for so long, whatever happens, unless a person moves it."""
    minimum_serving: int = Field(default=1, ge=1)
    """Traffic is taken from an endpoint only if so many others are left that serve."""
    burst_above: float = Field(default=0.8, gt=0, le=1)
    """`bursting`: of the primary's capacity, beyond which requests go to the others."""
    errors_above: float = Field(default=0.5, gt=0, le=1)
    """An endpoint of whose last probes a greater share failed is not well, though no `rounds` of them did in a row."""
    failback: Failback = Failback()
    """How traffic goes back."""
    director: Director
    """What directs the traffic."""
    notify: tuple[Address, ...] = ()
    """Who is told when traffic was moved."""

    @property
    def steps(self) -> tuple[int, ...]:
        """Percent with which traffic comes back, step by step; all at once where the director knows no shares."""
        return (100,) if isinstance(self.director, Switch) else self.failback.canary
