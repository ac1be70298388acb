"""Replicate the blobs that Event Grid announced, through a storage queue or directly."""

import azure.functions as func

from tradewind import runtime
from tradewind.clouds.azure.events import message_of
from tradewind.ports import Message

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # its author wrote no types


@blueprint.queue_trigger(arg_name="message", queue_name="%TRADEWIND_QUEUE%", connection="TRADEWIND_STORAGE")
def replicate(message: func.QueueMessage) -> None:
    """Work off one queue message; an error makes it visible again."""
    runtime.deliver(Message(message.get_body().decode(errors="replace"), message.id or "", message.dequeue_count or 1))


@blueprint.event_grid_trigger(arg_name="event")
def replicate_event(event: func.EventGridEvent) -> None:
    """Work off one event, of either schema; an error makes Event Grid deliver it again."""
    runtime.deliver(message_of(event))
