"""What is told of a routing, and telling it to everybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, wait
from datetime import datetime
from typing import Final

from tradewind.errors import TransientError
from tradewind.failover.moving.steps import UNSHOWN
from tradewind.failover.routing import Kind, Routing, State
from tradewind.ports import Notice, Notifier

SECONDS = 30.0
"""For so long addresses are waited for, all together."""
TRIES = 2
"""How often an address is told that does not answer; told twice does no harm."""
_MOVED: Final = {
    Kind.INITIAL: "goes to",
    Kind.FAILOVER: "failed over to",
    Kind.SHIFT: "was shifted to",
    Kind.RESTORE: "went back to",
    Kind.ROLLBACK: "was rolled back to",
    Kind.MANUAL: "was moved by hand to",
}


def notice_of(group: str, routing: Routing, at: datetime) -> Notice:
    """Return what is told of a routing; of the same routing in the same state it has the same id. Pure.

    Args:
        group: The group's name.
        routing: How its traffic goes now.
        at: Now, in UTC.
    """
    return Notice(
        id=f"{group}:{routing.epoch}:{routing.state}",
        group=group,
        epoch=routing.epoch,
        what=routing.kind.value,
        summary=_summary(group, routing),
        reason=routing.reason,
        at=at,
        by=routing.by,
        weights=dict(routing.weights),
    )


def tell_all(
    notifiers: Mapping[str, Notifier], notice: Notice, executor: Executor, *, seconds: float = SECONDS
) -> Mapping[str, str]:
    """Tell every address at once, and return which ones could not be told, and why.

    Whatever one of them raises, the others are told.

    Args:
        notifiers: By what to call them.
        notice: What they are told.
        executor: Tells them; whoever calls this must not wait in all of its threads.
        seconds: How long they are waited for, altogether; one that is told later than that counts as not told.
    """
    futures = {name: executor.submit(_tell, notifier, notice) for name, notifier in notifiers.items()}
    wait(futures.values(), timeout=seconds)
    untold = {}
    for name, future in futures.items():
        if not future.done():
            future.cancel()
            untold[name] = f"no answer within {seconds:g} s"
        elif (error := future.exception()) is not None:
            untold[name] = str(error) or type(error).__name__
    return untold


def _tell(notifier: Notifier, notice: Notice) -> None:
    for attempt in range(1, TRIES + 1):
        try:
            notifier.tell(notice)
        except TransientError:
            if attempt == TRIES:
                raise
        else:
            return


def _summary(group: str, routing: Routing) -> str:
    serving = [f"{name} ({weight} %)" for name, weight in routing.weights.items() if weight]
    whole = _listed(serving) if len(serving) > 1 else _listed(routing.serving)
    if routing.state in UNSHOWN:
        return f"Traffic of {group} was to go to {whole}, and was not moved (epoch {routing.epoch})."
    left = f" and away from {_listed(routing.leaving)}" if routing.leaving else ""
    unproven = ", which did not pass verification" if routing.state is State.REDIRECTED else ""
    return f"Traffic of {group} {_MOVED[routing.kind]} {whole}{left}{unproven} (epoch {routing.epoch})."


def _listed(names: Sequence[str]) -> str:
    *others, last = names or ["nowhere"]
    return f"{', '.join(others)} and {last}" if others else last
