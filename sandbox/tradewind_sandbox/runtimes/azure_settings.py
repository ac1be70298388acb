"""What host.json says about queues, with the overrides that the real host takes from the environment.

https://learn.microsoft.com/azure/azure-functions/functions-bindings-storage-queue#hostjson-settings
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel

_OVERRIDE = "AzureFunctionsJobHost__extensions__queues__"
_LARGEST_BATCH = 32


def _seconds(value: object) -> object:
    """Read a .NET TimeSpan, `hh:mm:ss[.fff]`."""
    if not isinstance(value, str):
        return value
    hours, minutes, seconds = value.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class QueueSettings(BaseModel):
    """`extensions.queues` of host.json; the defaults are the host's."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, extra="ignore")

    batch_size: int = Field(default=16, ge=1, le=_LARGEST_BATCH)
    new_batch_threshold: int = 8
    max_dequeue_count: int = 5
    max_polling_interval: Annotated[float, BeforeValidator(_seconds)] = 60.0
    """Seconds."""
    visibility_timeout: Annotated[float, BeforeValidator(_seconds)] = 0.0
    """Seconds that a message waits after it failed."""
    message_encoding: str = "base64"


def queue_settings(host_file: Path, environment: Mapping[str, str] = os.environ) -> QueueSettings:
    """Read host.json, and let `AzureFunctionsJobHost__extensions__queues__NAME` override it, as the real host does."""
    host = json.loads(host_file.read_text(encoding="utf-8"))
    queues = dict(host.get("extensions", {}).get("queues", {}))
    queues |= {name.removeprefix(_OVERRIDE): value for name, value in environment.items() if name.startswith(_OVERRIDE)}
    return QueueSettings.model_validate(queues)
