"""Reading JSON that a cloud wrote, so that whatever is wrong with it ends as a `BadEventError` that says so.

Each cloud's `events.py` describes its payloads as TypedDicts and reads them through here. Fields that tradewind does
not use are neither described nor checked: clouds add fields within a schema version.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from pydantic import TypeAdapter, ValidationError

from tradewind.errors import BadEventError

T = TypeVar("T")
_shapes: dict[object, TypeAdapter[Any]] = {}
"""Those of the events that came; a function that starts builds no other."""
EXCERPT = 200
"""Characters of a payload that an error message shows."""


def parse(body: str, *, kind: str) -> object:
    """Return the JSON value that `body` spells.

    Args:
        body: The text as it was delivered.
        kind: What it should be, for the message.

    Raises:
        BadEventError: It is not JSON, or nested beyond reason.
    """
    try:
        value: object = json.loads(body)
    except RecursionError:
        refuse(kind, "is nested too deeply", body)
    except ValueError as error:
        # Beside malformed JSON: an integer of more digits than Python converts.
        refuse(kind, f"is not JSON ({error})", body)
    return value


def read(shape: type[T], value: object, *, kind: str) -> T:
    """Return `value` as `shape` describes it, a TypedDict.

    Raises:
        BadEventError: Naming the first fields that are missing or of another type.
    """
    try:
        if shape not in _shapes:
            _shapes[shape] = TypeAdapter(shape)
        found: T = _shapes[shape].validate_python(value, strict=True)
    except ValidationError as error:
        # More than three complaints say that it is something else altogether.
        faults = [f"{_spell(fault['loc'])}: {fault['msg']}" for fault in error.errors(include_url=False)[:3]]
        refuse(kind, f"has not the expected fields ({'; '.join(faults)})", value)
    return found


def moment(text: str, *, kind: str) -> datetime:
    """Return the time that an ISO 8601 `text` names, in UTC; digits beyond the microsecond are dropped.

    Raises:
        BadEventError: It names no time.
    """
    try:
        parsed = datetime.fromisoformat(text)
        return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    except (ValueError, OverflowError):
        refuse(kind, "bears a time that is not ISO 8601", text)


def second(text: str, *, kind: str) -> datetime:
    """Return the same without the fraction of the second, for a store that dates its objects in whole seconds.

    A delete's time is compared with objects' times: with a fraction, it would be later than a write that followed it
    within its second.
    """
    return moment(text, kind=kind).replace(microsecond=0)


def key(text: str, *, kind: str) -> str:
    """Return `text` if it can be an object's key.

    Raises:
        BadEventError: It is empty, or not Unicode text (half of a surrogate pair).
    """
    if not text or any("\ud800" <= character <= "\udfff" for character in text):
        refuse(kind, "has a key that no object can have", text)
    return text


def refuse(kind: str, fault: str, value: object) -> NoReturn:
    """Raise the `BadEventError` that says what is wrong with `value`, and shows the beginning of it."""
    raise BadEventError(
        f"the {kind} {fault}: {excerpt(value)}",
        hint="It is in the dead-letter queue; if the cloud changed its format, update tradewind and redrive it",
    )


def excerpt(value: object) -> str:
    """Return the beginning of `value` in one printable line."""
    # `ascii` of a part is enough, and a deep value would overflow the stack inside `ascii`, too.
    try:
        text = ascii(value[: 2 * EXCERPT] if isinstance(value, str) else value)
    except RecursionError:
        text = "(deeply nested)"
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."


def _spell(path: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in path) or "the value"
