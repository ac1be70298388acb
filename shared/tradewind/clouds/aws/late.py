"""User metadata that S3 learns late: it wants it when an upload in parts begins, and some is known only at the end.

Such an object is begun with one entry, `tradewind-late`, that names an object under `.tradewind/late/` beside it. That
is written right before the object becomes visible, and holds all of its user metadata; who reads the state of the
object reads it, too. The object's key is in it, so that what no object needs any longer can be found.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

from tradewind.ports import RESERVED_PREFIX, ObjectState

LATE = "tradewind-late"
FOLDER = f"{RESERVED_PREFIX}late/"


def encode(key: str, user: Mapping[str, str]) -> bytes:
    """Return what is written beside an object.

    Args:
        key: The object's.
        user: All of its user metadata.
    """
    return json.dumps({"v": 1, "key": key, "user": dict(user)}, separators=(",", ":")).encode()


def key_in(body: bytes) -> str | None:
    """Return the key of the object that `body` is written beside, or None if it is somebody else's."""
    try:
        return str(json.loads(body)["key"])
    except (ValueError, KeyError, TypeError):
        return None


def resolved(state: ObjectState, fetch: Callable[[str], bytes | None]) -> ObjectState:
    """Return an object's state with the metadata that came late.

    Args:
        state: As its headers show it.
        fetch: Returns the bytes of an object, or None if there is none: asked only if metadata came late.
    """
    token = state.metadata.user.get(LATE)
    if token is None:
        return state
    early = {name: value for name, value in state.metadata.user.items() if name != LATE}
    body = fetch(FOLDER + token) if token.isalnum() else None
    user = {**early, **_decode(body)} if body is not None else early
    return replace(state, metadata=replace(state.metadata, user=user))


def _decode(body: bytes) -> Mapping[str, str]:
    try:
        user = json.loads(body)["user"]
        return {str(name): str(value) for name, value in user.items()}
    except (ValueError, KeyError, TypeError, AttributeError):
        return {}  # somebody else's; the object is then a user's, as any without provenance
