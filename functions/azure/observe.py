"""Look after the endpoints of the fleet, and move traffic if a majority agrees, every minute."""

import azure.functions as func

from tradewind import runtime

SECONDS = 60.0
"""Until the next ring; what follows from the last look takes some, too."""
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # its author wrote no types


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def observe(timer: func.TimerRequest) -> None:  # noqa: ARG001 - it says nothing but when
    """Look until the next ring."""
    runtime.observe(seconds=SECONDS)
