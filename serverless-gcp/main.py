"""The functions on Google Cloud: one target per capability, each deployed as a service of its own."""

import functions_framework
from cloudevents.http import CloudEvent
from flask import Request, request

from tradewind import runtime
from tradewind.clouds.gcp.events import message_of
from tradewind.failover.callers.answering import Body, headers
from tradewind.logs import log_json

SWEEP_SECONDS, OBSERVE_SECONDS = 200.0, 60.0  # of the 300 and 120 that deploy.sh gives; what was begun takes some, too
log_json()


@functions_framework.cloud_event
def replicate(event: CloudEvent) -> None:
    """Work off one event of Cloud Storage, through Pub/Sub or Eventarc; an error makes Pub/Sub deliver it again."""
    runtime.deliver(message_of(event["type"], event.data, event_id=event["id"], request=request.get_json(silent=True)))


@functions_framework.http
def sweep(_call: Request) -> tuple[str, int]:
    """Compare the sites of the rules that start here; Cloud Scheduler calls this every minute."""
    runtime.sweep(seconds=SWEEP_SECONDS)
    return "", 204


@functions_framework.http
def observe(_call: Request) -> tuple[str, int]:
    """Look after the endpoints, and move traffic if a majority agrees; Cloud Scheduler calls this every minute."""
    runtime.observe(seconds=OBSERVE_SECONDS)
    return "", 204


@functions_framework.http
def route(call: Request) -> tuple[Body, int, dict[str, str]]:
    """Say which endpoint of a group a caller is best served by now: GET /?group=GROUP."""
    status, document = runtime.route(call.args)
    return document, status, headers(status)
