"""The rules of a fleet: what is replicated from where to where, and how."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator

from tradewind.fleet.modes import Batch, Buffered, DataKind, Delivery, Immediate, Versioned, usual_delivery
from tradewind.fleet.part import Name, Part
from tradewind.ports import RESERVED_PREFIX

Glob: TypeAlias = Annotated[str, StringConstraints(min_length=1)]
SetKind: TypeAlias = Literal["safetensors", "pytorch", "torch_checkpoint", "success_folder", "mlflow"]


def _unreserved(prefix: str) -> str:
    if prefix.startswith(RESERVED_PREFIX):
        message = f"{RESERVED_PREFIX!r} is reserved and never replicated"
        raise ValueError(message)
    return prefix


Prefix: TypeAlias = Annotated[str, AfterValidator(_unreserved)]


class DeleteGuard(Part):
    """When tradewind stops removing replicas, and asks."""

    share: float = Field(default=0.25, gt=0, le=1)
    """Part of a rule's keys at one site that may be removed within a window; 1 turns the guard off."""
    window_minutes: int = Field(default=60, ge=1, le=10_080)
    """How long a window is."""
    minimum: int = Field(default=10, ge=0)
    """So many keys a window may always be removed, however few the rule has."""


class Manifest(Part):
    """A kind of artifact set of the user's own."""

    closing: Glob
    """Keys that match this glob close a set: each appears at a target after all that it lists."""
    members: str = Field(default="json", min_length=1)
    """`json`: the closing object lists its members. Anything else is a glob, relative to the closing key's folder."""


class ArtifactSets(Part):
    """Which keys only make sense together, and appear at a target as a whole."""

    kinds: tuple[SetKind, ...] = ("safetensors", "pytorch", "torch_checkpoint", "success_folder", "mlflow")
    """The built-in kinds that are recognised."""
    manifests: tuple[Manifest, ...] = ()
    """Further kinds."""
    settle_seconds: int = Field(default=600, ge=0)
    """A set that is written over waits until its closing key was written last, or nothing in it changed for so long."""


class Sweep(Part):
    """How often the sites of a rule are compared, whatever was announced."""

    every_minutes: int = Field(default=1440, ge=1)
    """A comparison begins so long after the one before it began."""


class Budget(Part):
    """What the copies of a rule may cost, and how fast they may go; what is beyond that waits."""

    usd_per_month: float | None = Field(default=None, ge=0)
    """Dollars for bytes that leave a cloud or a region, in a calendar month of UTC, all targets together."""
    megabytes_per_second: float | None = Field(default=None, ge=0.1)
    """Millions of bytes, of all functions and targets together, on average over a few seconds."""
    usd_per_gib: float | None = Field(default=None, ge=0)
    """What a GiB costs by your contract, on every way that costs something, instead of the list price."""

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.usd_per_month is None and self.megabytes_per_second is None:
            message = "it limits nothing: give `usd_per_month`, `megabytes_per_second`, or both"
            raise ValueError(message)
        return self


class _Rule(Part):
    name: Name
    prefix: Prefix = ""
    """Keys that start with this; "" means every key. `.tradewind/` is reserved and never replicated."""
    include: tuple[Glob, ...] = ()
    """If given, only keys that match one of these globs (`*` within a folder, `**` across folders)."""
    exclude: tuple[Glob, ...] = ()
    """Keys that match one of these globs are left out."""
    kind: DataKind = "other"
    """What the data is."""
    delivery: Delivery | None = None
    """When and how changes go to the targets. If it is left out, `kind` decides: `training_data` goes in batches,
    `model_artifacts` are versioned, `feature_store` and `predictions` are buffered, and the rest goes at once."""
    classification: Name
    """Which of the fleet's classifications the data has."""
    delete_guard: DeleteGuard = DeleteGuard()
    """When removing stops, and asks."""
    sets: ArtifactSets = ArtifactSets()
    """Which keys appear only together."""
    sweep: Sweep = Sweep()
    """How often the sites are compared."""
    rpo_seconds: int = Field(default=900, ge=1)
    """A change that is not at a target after so long raises the alarm (recovery point objective)."""
    reuse: bool = True
    """Whether an object whose content a target already holds, under another key, is copied there inside the target's
    cloud instead of being sent; looked for where that pays."""
    budget: Budget | None = None
    """What the rule's copies may cost, and how fast they may go."""

    @property
    def delivers(self) -> Immediate | Buffered | Batch | Versioned:
        """When and how changes go to the targets, whether the rule says so or its `kind` does."""
        return self.delivery or usual_delivery(self.kind)


class OneWayRule(_Rule):
    """From one site to others; the others hold replicas."""

    mode: Literal["one_way"]
    from_: Name = Field(alias="from")
    to: tuple[Name, ...] = Field(min_length=1)
    deletes: Literal["propagate", "keep"] = "keep"
    """`propagate`: what is deleted at the source is deleted where tradewind copied it to, if it is unchanged there."""
    conflict: Literal["keep", "overwrite", "fail"] = "keep"
    """When a target holds an object that tradewind did not write: keep it, overwrite it, or dead-letter the event."""

    def targets_of(self, site: str) -> tuple[str, ...]:
        """Return where a change at `site` goes."""
        return self.to if site == self.from_ else ()

    @property
    def members(self) -> tuple[str, ...]:
        """Every site of the rule, sources first."""
        return (self.from_, *self.to)


class ActiveActiveRule(_Rule):
    """Between all of the sites; each may be written."""

    mode: Literal["active_active"]
    sites: tuple[Name, ...] = Field(min_length=2)
    """In order: where two writes bear the same time, the later site of this list wins."""
    deletes: Literal["propagate", "keep"] = "keep"
    """`propagate`: what a user deletes at one site is deleted at all. `keep`: it stays at the others."""
    conflict: Literal["newest_wins", "source_wins", "keep_both"] = "newest_wins"
    """When two sites wrote one key independently: the write with the latest time wins; or what the first site of the
    list holds; or the latest wins and the other is kept under a key of its own."""

    @field_validator("delivery")
    @classmethod
    def _uncompressed(cls, delivery: Delivery | None) -> Delivery | None:
        if isinstance(delivery, Batch) and delivery.compress is not None:
            message = "`compress` is for one_way rules: here every replica may become what the others are made of"
            raise ValueError(message)
        return delivery

    def targets_of(self, site: str) -> tuple[str, ...]:
        """Return where a change at `site` goes."""
        return tuple(name for name in self.sites if name != site) if site in self.sites else ()

    @property
    def members(self) -> tuple[str, ...]:
        """Every site of the rule."""
        return self.sites


Rule: TypeAlias = Annotated[OneWayRule | ActiveActiveRule, Field(discriminator="mode")]
