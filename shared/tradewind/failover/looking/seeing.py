"""What an observer makes of a look: its new view, and whose views it may believe. Pure.

Two clocks are never compared. A view is fresh when its round was seen to go on, by the reader's own clock and within
the reader's own looks; a clock that is put forward or back makes views stale until they go on again, and never fresh.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType

from tradewind.failover.looking.breaker import Circuit, turned
from tradewind.failover.looking.windows import remembered
from tradewind.failover.views import EndpointView, Heard, Sample, Sights, View
from tradewind.fleet import Endpoint, Group
from tradewind.ports import Answer

STILL = 3
"""A view that stayed at its round for more looks than this is stale, however little time that took by the clock."""
ROUNDS = 3
"""For the breaker of an endpoint that is in no group."""
_NOTHING: Mapping[str, str] = MappingProxyType({})


def seen(
    old: View | None,
    *,
    observer: str,
    answers: Mapping[str, Answer],
    endpoints: Mapping[str, Endpoint],
    groups: Iterable[Group],
    now: datetime,
) -> View:
    """Return an observer's view after one more look.

    An observer that finds no view of its own begins with a round that is later than those it may have told before: the
    milliseconds of its clock. (Counted from 1, it would be taken for a copy from long ago.)

    Args:
        old: Its view of the round before; None if there is none.
        observer: Its site.
        answers: What came of the probes, by endpoint; one that is left out was not asked.
        endpoints: All that there are; what is not among them any more is forgotten.
        groups: Theirs; the least of the `rounds` of its groups is an endpoint's breaker's.
        now: By the observer's own clock.
    """
    before = old or View(observer, int(now.timestamp() * 1000) - 1, now)
    least: dict[str, int] = {}
    for group in groups:
        least |= {name: min(group.rounds, least.get(name, group.rounds)) for name in group.endpoints}
    return replace(
        before,
        observer=observer,
        round=before.round + 1,
        at=now,
        endpoints={
            name: _looked(before.endpoints.get(name, EndpointView()), answers.get(name), endpoint, least.get(name))
            for name, endpoint in endpoints.items()
        },
        heard=_doubted(before.heard) if now < before.at else before.heard,
    )


def _looked(old: EndpointView, answer: Answer | None, endpoint: Endpoint, rounds: int | None) -> EndpointView:
    if answer is None:
        return old
    failing = 0 if answer.good else old.failing + 1
    late = not answer.good or answer.seconds * 1000 > endpoint.latency_ms
    circuit = Circuit(old.breaker, old.breaker_looks)
    circuit = turned(circuit, good=answer.good, failing=failing, rounds=rounds or ROUNDS)
    return EndpointView(
        failing=failing,
        passing=old.passing + 1 if answer.good else 0,
        slow=old.slow + 1 if late else 0,
        reason=answer.reason or old.reason,
        load=old.load if answer.load is None else answer.load,
        breaker=circuit.state,
        breaker_looks=circuit.looks,
        samples=remembered(old.samples, Sample(answer.good, answer.seconds)),
    )


def _doubted(heard: Mapping[str, Heard]) -> dict[str, Heard]:
    """Return what was heard when the clock was put back: how old it is cannot be told any more."""
    return {name: replace(each, moved=False) for name, each in heard.items()}


def hear(
    old: Mapping[str, Heard],
    others: Mapping[str, View],
    now: datetime,
    stale: timedelta,
    *,
    observers: Collection[str] | None = None,
) -> dict[str, Heard]:
    """Return what an observer has heard of the others once it read their views; called once in each round.

    A view that went on has done so since it was read last. If that is long ago, since its store was away or the reader
    was, nobody knows when: it was only found.

    Args:
        old: What it had heard before (`View.heard`).
        others: The views that it could read, by observer.
        now: By its own clock.
        stale: What is longer ago is long.
        observers: All that there are; what was heard of any other is forgotten. None: nothing is.
    """
    heard: dict[str, Heard] = {}
    for name in {**old, **others}:
        if observers is not None and name not in observers:
            continue
        before, view = old.get(name), others.get(name)
        if before is None:
            heard |= {name: Heard(view.round, now, read=now)} if view else {}
        elif view is not None and view.round > before.round:
            heard[name] = Heard(view.round, now, moved=_read_lately(before, now, stale), read=now)
        else:
            stays = replace(before, still=before.still + 1, moved=before.moved and now >= before.since)
            there = view is not None and view.round == before.round  # an earlier one is a copy that was left somewhere
            heard[name] = replace(stays, read=now, blind=0) if there else replace(stays, blind=before.blind + 1)
    return heard


def _read_lately(before: Heard, now: datetime, stale: timedelta) -> bool:
    return timedelta() <= now - (before.read or before.since) <= stale and before.blind <= STILL


def sights(
    observers: Sequence[str],
    own: View,
    others: Mapping[str, View],
    now: datetime,
    stale: timedelta,
    *,
    unread: Mapping[str, str] = _NOTHING,
) -> Sights:
    """Return what can be judged from, with the reason for each view that cannot.

    Args:
        observers: All that there are.
        own: The reader's view of this round, with what it has `heard` in it.
        others: The views that it could read, by observer.
        now: By the reader's own clock.
        stale: A view that has not gone on for longer is stale.
        unread: Why a view could not be read, by observer.
    """
    views: dict[str, View] = {}
    missing: dict[str, str] = {}
    for name in observers:
        view = own if name == own.observer else others.get(name)
        if view is None:
            missing[name] = f"cannot be read: {unread[name]}" if name in unread else "no view"
        elif doubt := _age(own.at, now, stale) if view is own else _doubt(own.heard.get(name), view, now, stale):
            missing[name] = doubt
        else:
            views[name] = view
    return Sights(tuple(observers), views, missing)


def _doubt(heard: Heard | None, view: View, now: datetime, stale: timedelta) -> str:
    """Say why another's view does not count; "" if it does."""
    if heard is None or not heard.moved:
        return "was found, and has not moved yet"
    if view.round < heard.round:
        return f"is of round {view.round}, and round {heard.round} was seen before"
    return _age(heard.since, now, stale) or (f"has not moved for {heard.still} looks" if heard.still > STILL else "")


def _age(since: datetime, now: datetime, stale: timedelta) -> str:
    age = now - since
    if age < timedelta():
        return "is from the future, by a clock that was put back"
    return f"has not moved for {age.total_seconds():.0f} s" if age > stale else ""
