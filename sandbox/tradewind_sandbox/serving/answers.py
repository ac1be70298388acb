"""What a model server answers. Pure but for the model itself."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from http import HTTPStatus

from tradewind_sandbox.names import MODEL
from tradewind_sandbox.serving.loading import Loaded


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: JSON, and its status."""

    status: HTTPStatus
    document: dict[str, object]


def health(loaded: Loaded | None, site: str, per_second: float) -> Reply:
    """Say how the server is: 503 until it has a model."""
    document: dict[str, object] = {"site": site, "requests_per_second": round(per_second, 1)}
    if loaded is None:
        return Reply(HTTPStatus.SERVICE_UNAVAILABLE, {"status": "loading", **document, **_waiting()})
    model = {"versions": loaded.versions, "crc32c": loaded.crc32c}
    return Reply(HTTPStatus.OK, {"status": "ok", **document, "model": model})


def predict(loaded: Loaded | None, site: str, body: bytes) -> Reply:
    """Answer one request for a prediction."""
    if loaded is None:
        return Reply(HTTPStatus.SERVICE_UNAVAILABLE, _waiting())
    try:
        content = _content(body)
    except ValueError as error:
        return Reply(HTTPStatus.BAD_REQUEST, {"error": str(error)})
    return Reply(HTTPStatus.OK, {**asdict(loaded.classifier.predict(content)), "site": site})


def _content(body: bytes) -> bytes:
    """Return what is asked about: `{"text": "..."}`, or `{"content": "..."}` in base64."""
    try:
        asked = json.loads(body)
    except ValueError:
        asked = None
    match asked:
        case {"text": str(text)}:
            return text.encode()
        case {"content": str(content)}:
            try:
                return base64.b64decode(content, validate=True)
            except binascii.Error as error:
                message = f"`content` is no base64: {error}"
                raise ValueError(message) from error
    message = 'the body is neither {"text": "..."} nor {"content": "... in base64"}'
    raise ValueError(message)


def _waiting() -> dict[str, object]:
    return {"error": f"waiting for {MODEL}"}
