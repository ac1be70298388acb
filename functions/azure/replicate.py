"""Replicate the blobs that Event Grid announced, through a storage queue or directly."""

import json

import azure.functions as func

from tradewind import runtime
from tradewind.ports import Message

blueprint = func.Blueprint()  # type: ignore[no-untyped-call]  # its author wrote no types


@blueprint.queue_trigger(arg_name="message", queue_name="%TRADEWIND_QUEUE%", connection="TRADEWIND_STORAGE")
def replicate(message: func.QueueMessage) -> None:
    """Work off one queue message; an error makes it visible again."""
    runtime.deliver(Message(message.get_body().decode(), message.id or "", message.dequeue_count or 1))


@blueprint.event_grid_trigger(arg_name="event")
def replicate_event(event: func.EventGridEvent) -> None:
    """Work off one event; an error makes Event Grid deliver it again."""
    envelope = {
        "id": event.id,
        "topic": event.topic,
        "subject": event.subject,
        "eventType": event.event_type,
        "eventTime": event.event_time.isoformat() if event.event_time else None,
        "dataVersion": event.data_version,
        "data": event.get_json(),
    }
    runtime.deliver(Message(json.dumps(envelope), event.id))
