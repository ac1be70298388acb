"""When and how a rule brings changes to its targets."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Final, Literal, TypeAlias

from cronsim import CronSim, CronSimError
from pydantic import AfterValidator, Field

from tradewind.fleet.part import Part

DataKind: TypeAlias = Literal["model_artifacts", "training_data", "feature_store", "predictions", "other"]
FIELDS: Final = 5
_ANY_TIME: Final = datetime(2026, 1, 1, tzinfo=UTC)


def _cron(text: str) -> str:
    if len(text.split()) != FIELDS:
        message = f"{text!r} has not the {FIELDS} fields of a cron expression"
        raise ValueError(message)
    try:
        next(CronSim(text, _ANY_TIME))
    except (CronSimError, StopIteration) as error:
        message = f"{text!r} is no cron expression that ever comes true ({error or 'it never does'})"
        raise ValueError(message) from error
    return text


Cron: TypeAlias = Annotated[str, AfterValidator(_cron)]


class Immediate(Part):
    """Every change at once."""

    mode: Literal["immediate"] = "immediate"


class Buffered(Part):
    """Changes are collected, and a key that is overwritten often is copied once for each window."""

    mode: Literal["buffered"] = "buffered"
    seconds: int = Field(default=60, ge=1, le=86_400)
    """How long a window is."""
    count: int = Field(default=100, ge=1, le=1000)
    """About so many changed keys are copied without waiting for the window's end."""


class Batch(Part):
    """Changes are left until the next of the times of a cron expression."""

    mode: Literal["batch"] = "batch"
    cron: Cron = "0 * * * *"
    """Minute, hour, day of the month, month, day of the week; UTC."""
    compress: Literal["zstd", "gzip"] | None = None
    """Store text-like objects compressed at the targets, with this `Content-Encoding`. One-way rules only."""


class Versioned(Part):
    """Every change at once; what is at a target is never overwritten, and each replica is read back."""

    mode: Literal["versioned"] = "versioned"


Delivery: TypeAlias = Annotated[Immediate | Buffered | Batch | Versioned, Field(discriminator="mode")]


def usual_delivery(kind: DataKind) -> Immediate | Buffered | Batch | Versioned:
    """Return how data of a kind is delivered unless its rule says so."""
    match kind:
        case "training_data":
            return Batch()
        case "model_artifacts":
            return Versioned()
        case "feature_store" | "predictions":
            return Buffered()
        case _:
            return Immediate()
