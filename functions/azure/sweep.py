"""Compare the sites of the rules that start here, and bring what was buffered, every minute."""

import azure.functions as func

from tradewind import runtime

SECONDS = 200.0
"""Of the five minutes that azure-host.json gives a function; the last page and its note take some, too."""
blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # its author wrote no types


@blueprint.timer_trigger(arg_name="timer", schedule="0 * * * * *")
def sweep(timer: func.TimerRequest) -> None:  # noqa: ARG001 - it says nothing but when
    """Go on with the sweeps, and leave the rest to the next time."""
    runtime.sweep(seconds=SECONDS)
