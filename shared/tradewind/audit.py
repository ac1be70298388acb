"""The audit log as structured log lines, which every cloud's logging keeps, indexes and can export."""

from __future__ import annotations

import logging
from dataclasses import asdict, dataclass

from tradewind.logs import Line
from tradewind.ports import AuditRecord

LOGGER = "tradewind.audit"


@dataclass(frozen=True, slots=True)
class LoggedAudit:
    """Writes each record as one line of JSON: its fields under `audit`, and a sentence for people as `message`."""

    def record(self, record: AuditRecord) -> None:
        """Append `record`."""
        fields = {name: value for name, value in asdict(record).items() if value is not None}
        fields["time"] = record.time.isoformat()
        what = f"{record.verdict}: {record.key} from {record.source_site} to {record.target_site}: {record.reason}"
        logging.getLogger(LOGGER).info(Line(message=what, audit=fields))
