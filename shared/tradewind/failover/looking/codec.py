"""A view as observers write it down for each other: the codec between `View` and its JSON document. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NonNegativeInt, ValidationError

from tradewind.errors import BadEventError
from tradewind.failover.looking.windows import WINDOW
from tradewind.failover.views import Breaker, EndpointView, Heard, Known, Sample, View
from tradewind.records import Document

MOST = 256 * 1024
"""Characters that the reasons and samples of a view may have, about; its counts are 200 more for each endpoint."""
REASON = 200
"""Characters of a reason that are passed on."""
_SAMPLE_LENGTH = 12
"""Characters of a sample, about."""

_Seconds: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class _Told(BaseModel):
    """What a newer version of the program may have added is read over."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Endpoint(_Told):
    failing: NonNegativeInt = 0
    passing: NonNegativeInt = 0
    slow: NonNegativeInt = 0
    reason: str = ""
    load: _Seconds | None = None
    breaker: Breaker = Breaker.CLOSED
    breaker_looks: NonNegativeInt = 0
    samples: list[tuple[Literal[0, 1], _Seconds]] = []


class _Heard(_Told):
    round: NonNegativeInt
    since: AwareDatetime
    moved: bool = False
    still: NonNegativeInt = 0
    read: AwareDatetime | None = None
    blind: NonNegativeInt = 0


class _Known(_Told):
    revision: NonNegativeInt
    revision_since: AwareDatetime
    epoch: NonNegativeInt
    epoch_since: AwareDatetime
    settled: bool = False
    looks: NonNegativeInt = 0


class _View(_Told):
    observer: str
    round: NonNegativeInt
    at: AwareDatetime
    endpoints: dict[str, _Endpoint] = {}
    heard: dict[str, _Heard] = {}
    known: dict[str, _Known] = {}


def as_document(view: View) -> Document:
    """Return a view as JSON.

    Reasons are cut, and where there are very many endpoints, further, and fewer of their last looks are told.
    """
    room = MOST // max(1, len(view.endpoints))
    cut = min(REASON, room // 4)
    kept = max(1, min(WINDOW, (room - cut) // _SAMPLE_LENGTH))
    return {
        "observer": view.observer,
        "round": view.round,
        "at": _time(view.at),
        "endpoints": {name: _endpoint(each, cut, kept) for name, each in view.endpoints.items()},
        "heard": {
            name: {
                "round": each.round,
                "since": _time(each.since),
                "moved": each.moved,
                "still": each.still,
                "read": _time(each.read) if each.read else None,
                "blind": each.blind,
            }
            for name, each in view.heard.items()
        },
        "known": {
            name: {
                "revision": each.revision,
                "revision_since": _time(each.revision_since),
                "epoch": each.epoch,
                "epoch_since": _time(each.epoch_since),
                "settled": each.settled,
                "looks": each.looks,
            }
            for name, each in view.known.items()
        },
    }


def _endpoint(view: EndpointView, cut: int, kept: int) -> Document:
    return {
        "failing": view.failing,
        "passing": view.passing,
        "slow": view.slow,
        "reason": view.reason[:cut],
        "load": None if view.load is None else round(view.load, 3),
        "breaker": view.breaker.value,
        "breaker_looks": view.breaker_looks,
        "samples": [[int(sample.good), round(sample.seconds, 3)] for sample in view.samples[-kept:]],
    }


def _time(at: datetime) -> str:
    return at.isoformat()


def view_of(document: Document) -> View:
    """Return the view that a document holds.

    Raises:
        BadEventError: It is none; the message says what is wrong, and where.
    """
    try:
        told = _View.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise BadEventError(f"{'/'.join(map(str, first['loc'])) or 'it'}: {first['msg']}") from error
    return View(
        observer=told.observer,
        round=told.round,
        at=told.at,
        endpoints={name: _endpoint_of(each) for name, each in told.endpoints.items()},
        heard={
            name: Heard(each.round, each.since, each.moved, each.still, each.read, each.blind)
            for name, each in told.heard.items()
        },
        known={
            name: Known(each.revision, each.revision_since, each.epoch, each.epoch_since, each.settled, each.looks)
            for name, each in told.known.items()
        },
    )


def _endpoint_of(told: _Endpoint) -> EndpointView:
    return EndpointView(
        failing=told.failing,
        passing=told.passing,
        slow=told.slow,
        reason=told.reason,
        load=told.load,
        breaker=told.breaker,
        breaker_looks=told.breaker_looks,
        samples=tuple(Sample(bool(good), seconds) for good, seconds in told.samples[-WINDOW:]),
    )
