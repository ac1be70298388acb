"""What the platforms deliver when an object is written, made from the recorded events of this project."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

from bench.clouds import BUCKET, Dialect
from tradewind_sandbox import azurite

_EVENTS = Path(__file__).resolve().parent.parent / "events"
PUSHED = "google.cloud.pubsub.topic.v1.messagePublished"
Body = tuple[str, Mapping[str, str]]
"""A message's body and attributes."""


def message(dialect: Dialect, key: str, size: int) -> Body:
    """Return the message that tells of one object, as the dialect's cloud spells it."""
    return _MAKERS[dialect](key, size)


def push(body: str, attributes: Mapping[str, str]) -> dict[str, object]:
    """Return a Pub/Sub message as it is pushed."""
    data = b64encode(body.encode()).decode()
    return {"subscription": "bench", "message": {"attributes": dict(attributes), "data": data, "messageId": "1"}}


def _s3(key: str, size: int) -> Body:
    body = json.loads(_recorded("aws/s3-put.json")["Records"][0]["body"])
    told = body["Records"][0]["s3"]
    told["bucket"] |= {"name": BUCKET, "arn": f"arn:aws:s3:::{BUCKET}"}
    told["object"] |= {"key": quote_plus(key, safe="/"), "size": size}
    return json.dumps(body), {}


def _gcs(key: str, size: int) -> Body:
    recorded = _recorded("gcp/pubsub-finalize.json")["data"]["message"]
    attributes = recorded["attributes"] | {"bucketId": BUCKET, "objectId": key}
    resource = {"kind": "storage#object", "name": key, "bucket": BUCKET, "size": str(size), "storageClass": "STANDARD"}
    return json.dumps(resource), attributes


def _azure(key: str, size: int) -> Body:
    event = dict(_recorded("azure/queue-blob-created.json"))
    event["subject"] = f"/blobServices/default/containers/{BUCKET}/blobs/{key}"
    address = f"https://{azurite.ACCOUNT}.blob.core.windows.net/{BUCKET}/{key}"
    event["data"] = event["data"] | {"contentLength": size, "url": address}
    return json.dumps(event), {}


def _recorded(name: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((_EVENTS / name).read_text())


_MAKERS: Mapping[Dialect, Callable[[str, int], Body]] = {"s3": _s3, "gcs": _gcs, "azure": _azure}
