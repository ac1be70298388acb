"""The audit log as structured log lines, which every cloud's logging keeps, indexes and can export."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from tradewind.ports import AuditRecord

LOGGER = "tradewind.audit"


@dataclass(frozen=True, slots=True)
class LoggedAudit:
    """Writes each record as one line: the fields under `audit`, and a sentence for people as the message."""

    def record(self, record: AuditRecord) -> None:
        """Append `record`."""
        fields = {name: value for name, value in asdict(record).items() if value is not None}
        fields["time"] = record.time.isoformat()
        sentence = "%s: %s from %s to %s: %s"
        words = (record.verdict, record.key, record.source_site, record.target_site, record.reason)
        logging.getLogger(LOGGER).info(sentence, *words, extra={"audit": fields})
