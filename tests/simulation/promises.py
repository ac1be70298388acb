"""What observers promise about a group besides the order of its epochs: properties of how traffic moved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import pairwise

from simulation.landscape import Shown
from simulation.moves import Chosen, Moves, is_decided
from simulation.scenes import ENDPOINTS, PRIMARY, Policy
from simulation.sightings import Sightings, bad, poor
from tradewind.failover.moving.steps import arriving
from tradewind.failover.routing import Kind, State, Step

BY_HAND = (Kind.MANUAL, Kind.INITIAL)


def broken(moves: Moves, shown: list[Shown], sightings: Sightings) -> Iterator[str]:
    """Yield which promises were not kept."""
    yield from frozen_means_frozen(moves)
    yield from enough_are_left(moves, sightings)
    yield from persons_are_not_undone(moves, sightings)
    yield from what_is_on_record_was_done(moves, shown, sightings)
    yield from only_what_is_forced_is_shown(moves, shown)


def only_what_is_forced_is_shown(moves: Moves, shown: list[Shown]) -> Iterator[str]:
    """A director that would change too much shows an epoch once a person has forced it, and this one only."""
    if not moves.scene.careful:
        return
    for one in shown if moves.first else shown[1:]:
        epoch = one.traffic.epoch
        if not any(each.routing.epoch == epoch and each.routing.forced for each in moves.until(one.elapsed)):
            yield f"{one.by} let the director show epoch {epoch}, which nobody had forced"
    for before, after in _changes(moves):
        if after.routing.epoch > before.routing.epoch and after.routing.forced:
            yield f"epoch {after.routing.epoch} began as forced, which was said of {before.routing.epoch}"


def frozen_means_frozen(moves: Moves) -> Iterator[str]:
    """While a group is frozen only persons begin epochs, and it stays so until somebody thaws it."""
    for one, other in _changes(moves):
        if not one.routing.frozen:
            continue
        if other.routing.epoch > one.routing.epoch and other.routing.kind not in BY_HAND:
            yield f"epoch {other.routing.epoch} was begun by observers, and the group was frozen"
        if not other.routing.frozen and other.routing != replace(one.routing, frozen=""):
            yield f"the group was frozen, and is not in epoch {other.routing.epoch}, which is {other.routing.state}"


def enough_are_left(moves: Moves, sightings: Sightings) -> Iterator[str]:
    """What loses its traffic loses it only if as many others as must serve were seen to stand by a majority."""
    policy = moves.scene.policy
    least = policy.minimum
    for epoch, each in moves.epochs.items():
        routing = each.routing
        if not is_decided(routing) or routing.kind is Kind.SHIFT or not routing.leaving:
            continue  # a shift leaves those who have nothing to do any more, and are there when they are needed
        spilled = policy.strategy == "bursting" and routing.weights.get(PRIMARY)
        others = [name for name in ENDPOINTS if spilled or name not in routing.leaving]  # who spilled stands by
        left = [name for name in others if sightings.majority_saw_stand(name, each.elapsed)]
        if len(left) < least:
            yield f"epoch {epoch} took the traffic from {routing.leaving}, and only {left} of {least} were left"


def persons_are_not_undone(moves: Moves, sightings: Sightings) -> Iterator[str]:
    """What a person arranged stays until a majority sees something fail that serves by it."""
    start = _start(moves.scene.policy)
    for epoch, each in moves.epochs.items():
        before, routing = moves.epochs.get(epoch - 1), each.routing
        if before is None or before.routing.kind is not Kind.MANUAL or routing.kind in BY_HAND:
            continue
        if _serving(before.routing.weights) == start:
            continue  # to where observers would bring it, so that it is theirs again
        if routing.kind in {Kind.SHIFT, Kind.RESTORE}:
            yield f"epoch {epoch} is a {routing.kind}, and a person had arranged {dict(before.routing.weights)}"
            continue
        failing = poor if is_decided(routing) else bad  # who does not pass verification must be seen to fail, besides
        if not any(sightings.majority_saw(name, failing, each.elapsed, rounds=1) for name in before.routing.serving):
            yield f"epoch {epoch} left {before.routing.serving}, as a person had it, and no majority saw that fail"


def what_is_on_record_was_done(moves: Moves, shown: list[Shown], sightings: Sightings) -> Iterator[str]:
    """An epoch is noted as redirected once the director showed it, and as verified by whoever was answered since."""
    first: dict[int, int] = {}
    for one in shown:
        first.setdefault(one.traffic.epoch, one.elapsed)
    noted: set[tuple[int, State]] = set()
    for each in moves.chosen:
        routing = each.routing
        for step in routing.steps:
            if step.state not in {State.REDIRECTED, State.VERIFIED} or (routing.epoch, step.state) in noted:
                continue
            noted.add((routing.epoch, step.state))
            if routing.kind is Kind.INITIAL and moves.first:
                continue  # it was there when the world began
            since = first.get(routing.epoch)
            if since is None or since > each.elapsed:
                yield f"epoch {routing.epoch} is on record as {step.state}, and no director had shown it"
            elif step.state is State.VERIFIED:
                yield from _verified(each, step, since, sightings)
    yield from _began_from_what_was_shown(moves, shown)


def _verified(each: Chosen, step: Step, since: int, sightings: Sightings) -> Iterator[str]:
    for name in arriving(each.routing):
        if not sightings.reached(step.by, name, since, each.elapsed):
            yield f"epoch {each.routing.epoch} was verified by {step.by}, whom {name} had not answered well since then"


def _began_from_what_was_shown(moves: Moves, shown: list[Shown]) -> Iterator[str]:
    """What gets more traffic by an epoch is told by what was shown once, not by what was only meant to be."""
    for epoch, each in moves.epochs.items():
        before = _serving(each.routing.before)
        there = [_serving(one.traffic.weights) for one in shown if one.elapsed <= each.elapsed]
        if before and before != _serving(moves.first) and before not in there:
            yield f"epoch {epoch} goes by {before}, which no director had shown"


def _changes(moves: Moves) -> Iterator[tuple[Chosen, Chosen]]:
    """Yield each change with what it was made of; one that was made of what no majority held for itself is left out."""
    for one, other in pairwise(moves.chosen):
        if other.revision == one.revision + 1:
            yield one, other


def _serving(weights: Mapping[str, int]) -> dict[str, int]:
    return {name: weight for name, weight in weights.items() if weight}


def _start(policy: Policy) -> dict[str, int]:
    """Return the weights with which a group begins."""
    shares = {"ea": 34, "eb": 33, "ec": 33}
    return shares if policy.strategy == "active_active" else {PRIMARY: 100}
