"""The functions on Google Cloud: one target per capability, each deployed as a service of its own."""

import functions_framework
from cloudevents.http import CloudEvent
from flask import Request, request

from tradewind import runtime
from tradewind.clouds.gcp.events import message_of
from tradewind.logs import log_json

SWEEP_SECONDS = 200.0
"""Of the 300 that deploy.sh gives the service; the last page and its note take some, too."""
log_json()


@functions_framework.cloud_event
def replicate(event: CloudEvent) -> None:
    """Work off one event of Cloud Storage, through Pub/Sub or Eventarc; an error makes Pub/Sub deliver it again."""
    pushed = request.get_json(silent=True)
    runtime.deliver(message_of(event["type"], event.data, event_id=event["id"], request=pushed))


@functions_framework.http
def sweep(_call: Request) -> tuple[str, int]:
    """Compare the sites of the rules that start here; Cloud Scheduler calls this every minute."""
    runtime.sweep(seconds=SWEEP_SECONDS)
    return "", 204
