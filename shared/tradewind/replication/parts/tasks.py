"""Part tasks as messages: they travel in the source's queue, beside the notifications."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from tradewind.errors import BadEventError
from tradewind.ports import Message

_MARK = '{"tradewind_parts":'


class PartTask(BaseModel):
    """Please bring these parts of a job to its target, and join them all if they are the last ones."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tradewind_parts: Literal[1] = 1
    """Format of the message."""
    rule: str
    key: str
    source: str
    target: str
    upload: str
    numbers: tuple[int, ...]
    """None if only the joining is left."""
    again: bool = False
    """Some of them may have arrived already."""

    def encode(self) -> str:
        """Return the message."""
        return self.model_dump_json()


def is_part_task(message: Message) -> bool:
    """Say whether a message is a part task."""
    return message.body.startswith(_MARK)


def decode(message: Message) -> PartTask:
    """Return the task that a message is.

    Raises:
        BadEventError: It is malformed.
    """
    try:
        return PartTask.model_validate_json(message.body)
    except ValidationError as error:
        raise BadEventError(f"The part task is not understood ({error.error_count()} errors): {error}") from error
