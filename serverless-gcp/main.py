"""Replicate the objects that Cloud Storage announced, through Pub/Sub or Eventarc."""

import functions_framework
from cloudevents.http import CloudEvent
from flask import request

from tradewind import runtime
from tradewind.clouds.gcp.events import message_of
from tradewind.logs import log_json

log_json()


@functions_framework.cloud_event
def replicate(event: CloudEvent) -> None:
    """Work off one event; an error makes Pub/Sub deliver it again."""
    pushed = request.get_json(silent=True)
    runtime.deliver(message_of(event["type"], event.data, event_id=event["id"], request=pushed))
