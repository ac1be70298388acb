"""A drill's figures, from what was recorded. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tradewind.failover.drills.timeline import Artifact, Look, Moment, Request, Rounds, Shown, Timeline
from tradewind.failover.routing import State


@dataclass(frozen=True, slots=True)
class Reached:
    """That an epoch was seen to have come to a state."""

    epoch: int
    state: State
    at: float
    """Seconds after the fault, when it was seen first."""
    by: str
    clock: str
    """When, by the clock of whoever did it."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Figures:
    """What came of a drill. Durations are in seconds from the fault, or None for what did not happen."""

    requests: int
    failed: dict[str, int]
    """Requests that were lost, by phase: `before`, `during`, `after` (settled), `restore`."""
    reasons: dict[str, int]
    """How many were lost for which reason."""
    epoch_before: int
    epoch: int | None = None
    """Where the traffic was in the end, before the fault began to be lifted; None if it did not move."""
    epochs: tuple[int, ...] = ()
    """All that were elected between the fault and its end."""
    later: tuple[int, ...] = ()
    """All that were elected after that; one is the way back."""
    detected: float | None = None
    elected: float | None = None
    redirected: float | None = None
    """The director shows it, and requests are answered."""
    settled: float | None = None
    rounds: dict[str, int] = field(default_factory=dict)
    """How many rounds passed until the director showed it, by observer; those that ended are not among them."""
    rto: float | None = 0.0
    """From the first lost request to the first answer of those that all succeed; None if there are none such."""
    restored: float | None = None
    """From asking for it until the traffic was back."""
    steps: tuple[Reached, ...] = ()

    @property
    def lost(self) -> int:
        """Requests that were lost, in all phases."""
        return sum(self.failed.values())


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waited to be replicated from a site before the drill; at most so much of it is nowhere else."""

    objects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    """Since when the oldest of it waited."""


NOTHING = Waiting()


@dataclass(frozen=True, slots=True)
class Loss:
    """What a site's loss would cost: acknowledged there, and not proven elsewhere."""

    uploaded: int = 0
    uploaded_bytes: int = 0
    objects: int = 0
    bytes: int = 0
    seconds: float = 0.0
    """How long before the fault the oldest of it was acknowledged."""
    measured: bool = True
    """Whether there was anything to go by."""


def figures(timeline: Timeline, steady: float) -> Figures:
    """Return the figures of a drill.

    Args:
        timeline: What was recorded.
        steady: For so many seconds requests must succeed, to have recovered.
    """
    fault = timeline.moments.get(Moment.FAULT, float("inf"))
    until = timeline.moments.get(Moment.LIFTED, float("inf"))
    before = epoch_before(timeline.looks, fault)
    during = [look for look in timeline.looks if fault <= look.at <= until]
    moved = [look for look in during if look.routing.epoch > before]
    noticed = [look for look in during if look.routing.epoch > before or look.routing.state is State.DETECTED]
    epochs = tuple(sorted({look.routing.epoch for look in moved}))
    settles = _settled(moved)
    shows = _shows(timeline.shown, moved, fault, until)
    ordered = sorted(timeline.requests, key=lambda request: request.start)
    good = (
        None
        if shows is None
        else min((each.end for each in ordered if each.good and each.start >= shows), default=None)
    )
    return Figures(
        requests=len(ordered),
        failed=_failed(ordered, fault, settles, until),
        reasons=dict(Counter(each.reason for each in ordered if not each.good).most_common()),
        epoch_before=before,
        epoch=epochs[-1] if epochs else None,
        epochs=epochs,
        later=_later(timeline.looks, until, max(epochs, default=before)),
        detected=noticed[0].at - fault if noticed else None,
        elected=moved[0].at - fault if moved else None,
        redirected=good - fault if good is not None else None,
        settled=settles - fault if settles is not None else None,
        rounds=_passed(timeline.rounds, fault, shows),
        rto=recovery(ordered, fault, until, steady),
        restored=_between(timeline, Moment.ASKED, Moment.RESTORED),
        steps=tuple(_steps(during, before, fault)),
    )


def _later(looks: Iterable[Look], until: float, last: int) -> tuple[int, ...]:
    return tuple(sorted({look.routing.epoch for look in looks if look.at > until and look.routing.epoch > last}))


def epoch_before(looks: Sequence[Look], fault: float) -> int:
    """Return the epoch that stood when the fault came."""
    return max((look.routing.epoch for look in looks if look.at < fault), default=0)


def recovery(requests: Sequence[Request], fault: float, until: float, steady: float) -> float | None:
    """Return the seconds from the first lost request to the first answer of those that all succeed; 0 if none was lost.

    Args:
        requests: In the order of their starts.
        fault: When it came; what was lost earlier is not its doing.
        until: When it began to be lifted; what is answered then says nothing of a recovery from it.
        steady: For so long they must all succeed.
    """
    seen = [each for each in requests if fault <= each.end and each.start < until]
    lost = [index for index, each in enumerate(seen) if not each.good]
    if not lost:
        return 0.0
    for index, following in zip(lost, [*lost[1:], len(seen)], strict=True):
        run = seen[index + 1 : following]
        if run and seen[min(following, len(seen) - 1)].start - run[0].start >= steady:
            return min(each.end for each in run) - seen[lost[0]].start
    return None


def loss(artifacts: Iterable[Artifact], fault: float, waiting: Waiting | None = NOTHING) -> Loss:
    """Return what the loss of a site would cost.

    Args:
        artifacts: What the drill uploaded there.
        fault: When the site was lost.
        waiting: What waited there before; None if that is not known.
    """
    kept, measured = list(artifacts), waiting is not None
    waiting = waiting or NOTHING
    unproven = [each for each in kept if not each.proven_at]
    return Loss(
        uploaded=len(kept),
        uploaded_bytes=sum(each.size for each in kept),
        objects=len(unproven) + waiting.objects,
        bytes=sum(each.size for each in unproven) + waiting.bytes,
        seconds=max([waiting.seconds, *(fault - each.at for each in unproven)]),
        measured=measured or bool(kept),
    )


def _settled(moved: Sequence[Look]) -> float | None:
    """Return when the last epoch was seen settled first."""
    last = max((look.routing.epoch for look in moved), default=0)
    return next((look.at for look in moved if look.routing.epoch == last and look.routing.state is State.SETTLED), None)


def _shows(shown: Sequence[Shown], moved: Sequence[Look], fault: float, until: float) -> float | None:
    """Return when the director showed what was decided after the fault first."""
    wanted = {look.routing.epoch: dict(look.routing.weights) for look in moved}
    for each in shown:
        if fault <= each.at <= until and wanted.get(each.traffic.epoch) == dict(each.traffic.weights):
            return each.at
    return None


def _failed(requests: Iterable[Request], fault: float, settled: float | None, until: float) -> dict[str, int]:
    failed = {"before": 0, "during": 0, "after": 0, "restore": 0}
    for each in requests:
        if each.good:
            continue
        if each.end < fault:
            failed["before"] += 1
        elif each.start >= until:
            failed["restore"] += 1
        elif settled is not None and each.start >= settled:
            failed["after"] += 1
        else:
            failed["during"] += 1
    return failed


def _passed(rounds: Sequence[Rounds], fault: float, shows: float | None) -> dict[str, int]:
    """Return how many rounds each observer began between the fault and the moment when the director showed the move."""
    before = [each.rounds for each in rounds if each.at < fault]
    after = [each.rounds for each in rounds if shows is not None and each.at >= shows]
    if not before or not after:
        return {}
    return {name: last - before[-1][name] for name, last in after[0].items() if last > before[-1].get(name, last)}


def _steps(during: Iterable[Look], before: int, fault: float) -> Iterator[Reached]:
    """Yield every state that was reached, those that were passed between two looks with the time of the later look."""
    seen: set[tuple[int, State]] = set()
    for look in during:
        routing = look.routing
        waits = routing.state is State.DETECTED
        epoch = routing.epoch + waits  # what was detected belongs to the epoch that comes of it
        if epoch <= before:
            continue
        for step in routing.steps:
            if (epoch, step.state) not in seen:
                seen.add((epoch, step.state))
                yield Reached(epoch, step.state, look.at - fault, step.by, step.at, step.note)


def _between(timeline: Timeline, first: Moment, last: Moment) -> float | None:
    if first not in timeline.moments or last not in timeline.moments:
        return None
    return timeline.moments[last] - timeline.moments[first]
