"""What each cloud announces of any key: a sample of `events/`, with another key in it."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from tradewind.ports import Message
from tradewind_sandbox.names import AWS_SITE, AZURE_SITE, GCP_SITE

EVENTS = Path(__file__).parents[2] / "events"
WRITTEN, DELETED = "written", "deleted"


def sample(name: str) -> Any:  # noqa: ANN401 - JSON of any shape
    """Return a sample as the platform hands it to the function."""
    return json.loads((EVENTS / name).read_text())


def announce(site: str, key: str, change: str = WRITTEN) -> Message:
    """Return the message that tells a site's function of a change."""
    match site:
        case _ if site == AWS_SITE:
            return _s3(key, change)
        case _ if site == GCP_SITE:
            return _gcs(key, change)
        case _ if site == AZURE_SITE:
            return _azure(key, change)
    raise ValueError(site)


def _s3(key: str, change: str) -> Message:
    name = "aws/s3-put.json" if change == WRITTEN else "aws/s3-delete.json"
    body = json.loads(sample(name)["Records"][0]["body"])
    described = body["Records"][0]["s3"]["object"]
    described["key"] = quote_plus(key, safe="/")
    described.pop("size", None)
    return Message(json.dumps(body), id="059f36b4-87a3-44ab-83d2-661975830a7d")


def _gcs(key: str, change: str) -> Message:
    pushed = sample("gcp/pubsub-finalize.json" if change == WRITTEN else "gcp/pubsub-delete.json")["data"]["message"]
    described = json.loads(base64.b64decode(pushed["data"]))
    described["name"] = key
    described.pop("size")
    attributes = pushed["attributes"] | {"objectId": key}
    return Message(json.dumps(described), id=pushed["messageId"], attributes=attributes)


def _azure(key: str, change: str) -> Message:
    event = sample("azure/queue-blob-created.json" if change == WRITTEN else "azure/queue-blob-deleted.json")
    event["subject"] = f"/blobServices/default/containers/tradewind-weu/blobs/{key}"
    event["data"].pop("contentLength", None)
    return Message(json.dumps(event), id=event["id"])
