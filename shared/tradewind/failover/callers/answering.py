"""What callers ask about a group's endpoints over HTTP, and what they are answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from http import HTTPStatus
from math import isfinite
from random import Random
from typing import Any, Final, TypeAlias, get_args

from tradewind.errors import TransientError
from tradewind.failover.callers.published import Published
from tradewind.failover.callers.reading import Copy
from tradewind.failover.callers.route import By, Choice, Nowhere, Place, choose
from tradewind.fleet import Classification, Fleet

Body: TypeAlias = dict[str, Any]
"""Of an answer, as JSON."""
Answer: TypeAlias = tuple[int, Body]
"""A status and a body."""
SECONDS: Final = 5
"""For so long a caller may keep to an answer. Nobody else may: of those who ask, each is given a place of its own."""
PARAMETERS: Final = ("group", "by", "lat", "lon", "classification")
_KEYS: Final = ("code", "clientId")
"""Parameters by which Azure's callers say who they are."""


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks, understood."""

    group: str
    by: By
    place: Place | None
    classifications: Mapping[str, Classification]
    """The group's, and the caller's own if it names one."""


class _WrongError(Exception):
    """A question that cannot be answered, with the status that says so."""

    def __init__(self, status: HTTPStatus, said: str) -> None:
        super().__init__(said)
        self.status = status


def headers(status: int) -> dict[str, str]:
    """Return the headers of an answer: only what was answered well may be kept."""
    return {"Cache-Control": f"private, max-age={SECONDS}" if status == HTTPStatus.OK else "no-store"}


def answer(parameters: Mapping[str, str], fleet: Fleet, read: Callable[[str], Copy], rng: Random) -> Answer:
    """Answer `GET /route`.

    Args:
        parameters: Of the query: `group` (may be left out where there is one), `by`, `lat`, `lon`, `classification`.
        fleet: Says which groups there are, and where which data may be.
        read: Returns what an observer published of a group.
        rng: Throws the dice.
    """
    try:
        question = _understood(parameters, fleet)
        copy = read(question.group)
    except _WrongError as wrong:
        return wrong.status.value, {"error": str(wrong)}
    except TransientError as error:
        return HTTPStatus.SERVICE_UNAVAILABLE.value, {"error": str(error)}
    published = _lawful_now(copy.published, fleet)
    found = choose(published, by=question.by, place=question.place, classifications=question.classifications, rng=rng)
    if isinstance(found, Nowhere):
        names = " and ".join(question.classifications)
        said = f"No endpoint of {question.group!r} is where {names} data may be"
        return HTTPStatus.FORBIDDEN.value, {"error": said, "rejected": dict(found.rejected)}
    return HTTPStatus.OK.value, _body(question, copy, found)


def _body(question: Question, copy: Copy, choice: Choice) -> Body:
    offers = copy.published.endpoints
    return {
        "group": question.group,
        "endpoint": choice.endpoint,
        "url": choice.url,
        "epoch": choice.epoch,
        "state": copy.published.state.value,
        "reason": choice.reason,
        "note": "; ".join(filter(None, (choice.note, copy.note))),
        "alternatives": [{"endpoint": name, "url": offers[name].url} for name in choice.alternatives],
        "rejected": dict(choice.rejected),
        "seen_by": copy.site,
        "seen_at": copy.published.at.isoformat(),
    }


def _lawful_now(published: Published, fleet: Fleet) -> Published:
    """Return what was published with the jurisdictions of the present fleet file, and without what it has not any more.

    An observer that is dead may have published years ago; what the law forbids now is not sent there.
    """
    sites = {name: fleet.sites[fleet.endpoints[name].site] for name in published.endpoints if name in fleet.endpoints}
    offers = published.endpoints
    present = {name: replace(offers[name], jurisdiction=site.jurisdiction) for name, site in sites.items()}
    return replace(published, endpoints=present)


def _understood(parameters: Mapping[str, str], fleet: Fleet) -> Question:
    strange = [name for name in parameters if name not in (*PARAMETERS, *_KEYS)]
    if strange:  # a misspelt `classification` must not be as none
        raise _bad(f"There is no parameter {strange[0]!r}; there are: {', '.join(PARAMETERS)}")
    name = parameters.get("group") or _only(fleet)
    group = fleet.groups.get(name)
    if group is None:
        raise _WrongError(HTTPStatus.NOT_FOUND, f"There is no group {name!r}; there are: {_named(fleet.groups)}")
    stricter = parameters.get("classification") or group.classification
    if stricter not in fleet.classifications:
        raise _bad(f"There is no classification {stricter!r}; there are: {_named(fleet.classifications)}")
    place = _place(parameters)
    classifications = {each: fleet.classifications[each] for each in (group.classification, stricter)}
    return Question(name, _by(parameters.get("by"), place), place, classifications)


def _only(fleet: Fleet) -> str:
    if len(fleet.groups) != 1:
        raise _bad(f"Name a `group`; there are: {_named(fleet.groups)}")
    return next(iter(fleet.groups))


def _by(said: str | None, place: Place | None) -> By:
    """Return what to choose by: the distance where a place is given, unless something else is said."""
    ways: tuple[By, ...] = get_args(By)
    for way in ways:
        if way == (said or ("weighted" if place is None else "nearest")):
            if way == "nearest" and place is None:
                raise _bad("`by=nearest` needs `lat` and `lon`")
            return way
    raise _bad(f"`by` is {said!r}; it can be: {', '.join(ways)}")


def _place(parameters: Mapping[str, str]) -> Place | None:
    given = [parameters.get(name) for name in ("lat", "lon")]
    if not any(given):
        return None
    lat, lon = (_degrees(name, text, most) for name, text, most in zip(("lat", "lon"), given, (90, 180), strict=True))
    return lat, lon


def _degrees(name: str, text: str | None, most: int) -> float:
    try:
        degrees = float(text or "")
    except ValueError:
        degrees = float("nan")
    if not isfinite(degrees) or abs(degrees) > most:
        raise _bad(f"`{name}` is {text!r}; it must be degrees from -{most} to {most}, and `lat` and `lon` go together")
    return degrees


def _bad(said: str) -> _WrongError:
    return _WrongError(HTTPStatus.BAD_REQUEST, said)


def _named(things: Mapping[str, object]) -> str:
    return ", ".join(things) or "none"
