"""What an observer remembers of a group's routing, by its own clock, and whose turn it is to act. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tradewind.failover.moving.steps import RESTING
from tradewind.failover.routing import Kind, Routing
from tradewind.failover.views import Known

PATIENCE: Final = 2
"""Rounds without a step, after which the next observer goes on with what another began."""


def remember(known: Known | None, routing: Routing, revision: int, now: datetime) -> Known:
    """Return what is remembered after a look at the register.

    A clock that was set back makes what is remembered begin anew, and one that is set forward does not hurry the count
    of looks: an observer may wait too long, and never too short.
    """
    settled = routing.state in RESTING
    if known is None:
        return Known(revision, now, routing.epoch, now, settled)
    if known.revision != revision or known.revision_since > now:
        known = replace(known, revision=revision, revision_since=now)
    if known.epoch != routing.epoch or not (known.settled and settled) or known.epoch_since > now:
        return replace(known, epoch=routing.epoch, epoch_since=now, settled=settled, looks=0)
    return replace(known, looks=known.looks + 1)


def settled_for(known: Known, routing: Routing, cooldown: timedelta, *, every: timedelta, now: datetime) -> timedelta:
    """Return for how long the epoch has stood, as far as this observer knows; the first epoch moved nothing.

    It is the lesser of what the clock says and what the looks since then come to.
    """
    return cooldown if routing.kind is Kind.INITIAL else min(now - known.epoch_since, known.looks * every)


def my_turn(
    routing: Routing, known: Known, me: str, observers: Sequence[str], *, every: timedelta, now: datetime
) -> bool:
    """Say whether this observer goes on with an epoch that is under way.

    Whoever took the last step goes on at once. The others follow in order, each a round after the one before it, once
    nothing has happened for some rounds; at once, where a person began.
    """
    last = routing.steps[-1].by if routing.steps else routing.by
    if last == me:
        return True
    others = [name for name in observers if name != last]
    rounds = others.index(me) + (PATIENCE if last in observers else 0)
    return now - known.revision_since >= rounds * every
