"""Log lines with fields, as every platform can read them."""

from __future__ import annotations

import json
import logging
import sys


class Line(dict[str, object]):
    """Fields for a formatter that knows what to do with them, and their JSON for one that wants text (Azure's)."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False)


def log_json() -> None:
    """Send the logs of `tradewind` to standard output, one JSON object a line; calling it again changes nothing."""
    from pythonjsonlogger.json import JsonFormatter  # noqa: PLC0415 - AWS has a formatter of its own

    logger = logging.getLogger("tradewind")
    if all(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
        handler = logging.StreamHandler(sys.stdout)
        # Cloud Logging takes `severity`, `message` and `time` out of such a line.
        renamed = {"levelname": "severity", "asctime": "time", "name": "logger"}
        handler.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s %(asctime)s", rename_fields=renamed))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
