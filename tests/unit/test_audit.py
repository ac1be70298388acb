"""The audit log, as each platform's formatter writes it."""

import io
import json
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.utils import copy_config_to_registered_loggers

from tradewind.audit import LoggedAudit
from tradewind.logs import log_json
from tradewind.ports import AuditRecord

RECORD = AuditRecord(
    datetime(2026, 1, 1, tzinfo=UTC), "r", "models/größe", "a", "b", "copied", "written", 3, "00c0ffee"
)
SENTENCE = "copied: models/größe from a to b: written"


@pytest.fixture(autouse=True)
def logger() -> Iterator[logging.Logger]:
    """Tradewind's logger, as a new process has it."""
    logger = logging.getLogger("tradewind")
    before = logger.handlers[:], logger.level, logger.propagate
    logger.handlers[:] = [logging.NullHandler()]
    yield logger
    logger.handlers[:], logger.level, logger.propagate = before


def test_on_google_cloud(capsys: pytest.CaptureFixture[str]) -> None:
    """The line has the fields that Cloud Logging understands, and the record under `audit`."""
    log_json()
    log_json()
    LoggedAudit().record(RECORD)

    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    assert (line["severity"], line["logger"], line["message"]) == ("INFO", "tradewind.audit", SENTENCE)
    assert line["audit"]["crc32c"] == "00c0ffee"


def test_on_aws() -> None:
    """Powertools' formatter keeps the fields apart."""
    stream = io.StringIO()
    copy_config_to_registered_loggers(Logger(service="replicate", stream=stream, level="INFO"), include={"tradewind"})
    LoggedAudit().record(RECORD)

    line = json.loads(stream.getvalue())
    assert line["message"]["message"] == SENTENCE
    assert line["message"]["audit"]["rule"] == "r"


def test_on_azure(logger: logging.Logger) -> None:
    """A handler that wants text gets the same as JSON."""
    stream = io.StringIO()
    logger.addHandler(logging.StreamHandler(stream))
    logger.setLevel(logging.INFO)
    LoggedAudit().record(RECORD)

    assert json.loads(stream.getvalue())["audit"]["target_site"] == "b"
